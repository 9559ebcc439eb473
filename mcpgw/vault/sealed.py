"""The sealed form: AES-256-GCM with a fresh random nonce, bound to a context.

Theory: a blob is `0x01 || nonce (12) || ciphertext || tag (16)`. Before sealing, the plain bytes
get a 4-byte length in front and zeros behind, up to a multiple of 32, so that a blob does not tell
how long a password is. The context is authenticated, not stored: who opens must say where the blob
belongs, so a blob moved to another row, workspace or purpose does not open. Never derives a nonce,
never reuses one.
"""

import os
from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mcpgw.errors import VaultLocked

KEY_BYTES = 32
"""AES-256, and as much for every other key of the house."""

VERSION = b"\x01"
NONCE_BYTES = 12
TAG_BYTES = 16
PADDED_BYTES = 32
LENGTH_BYTES = 4

HEADER_BYTES = len(VERSION) + NONCE_BYTES
SMALLEST_BLOB_BYTES = HEADER_BYTES + PADDED_BYTES + TAG_BYTES


class Sealer:
    """Seals and opens with one key. Kept, because preparing a key costs more than opening."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._cipher = AESGCM(key)

    def seal(self, context: Sequence[str], plain: bytes) -> bytes:
        """Seal `plain`. The first part of `context` is its purpose, as `mcpgw/secret/v1`."""
        # Random, not counted: a restored backup or a second process would count the same again.
        nonce = os.urandom(NONCE_BYTES)
        padding = -(LENGTH_BYTES + len(plain)) % PADDED_BYTES
        padded = len(plain).to_bytes(LENGTH_BYTES, "big") + plain + bytes(padding)
        return VERSION + nonce + self._cipher.encrypt(nonce, padded, _bound_to(context))

    def open(self, context: Sequence[str], blob: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            VaultLocked: key, context or blob is not the one sealed with.
        """
        if len(blob) < SMALLEST_BLOB_BYTES or blob[:1] != VERSION:
            raise _unopenable()
        nonce = blob[len(VERSION) : HEADER_BYTES]
        try:
            padded = self._cipher.decrypt(nonce, blob[HEADER_BYTES:], _bound_to(context))
        except InvalidTag:
            raise _unopenable() from None
        end = LENGTH_BYTES + int.from_bytes(padded[:LENGTH_BYTES], "big")
        return padded[LENGTH_BYTES:end]


def length_prefixed(parts: Iterable[bytes]) -> bytes:
    """Join `parts` so that no other parts give the same bytes."""
    return b"".join([len(part).to_bytes(LENGTH_BYTES, "big") + part for part in parts])


def derived_key(key: bytes, purpose: str) -> bytes:
    """Return the key for one purpose, from which neither `key` nor its other uses can be told."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(key)


def _bound_to(context: Sequence[str]) -> bytes:
    # "surrogatepass" only keeps a strange name from failing: it stays injective.
    return length_prefixed([part.encode("utf-8", "surrogatepass") for part in context])


def _unopenable() -> VaultLocked:
    return VaultLocked(
        "a sealed value does not open: it is damaged, or belongs elsewhere",
        "set it again, or restore the data directory from a backup",
    )
