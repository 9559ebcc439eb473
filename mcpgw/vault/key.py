"""The master key: how it is made, written as text, and recognised.

Where it lies is told by `key_place.py`. Never reads or writes anything.
"""

import base64
import binascii
import hmac
import os
import re
from dataclasses import dataclass

from mcpgw.errors import VaultLocked
from mcpgw.vault.sealed import KEY_BYTES

PREFIX = "mgwk1_"
KEY_TEXT = re.compile(PREFIX + r"([A-Za-z0-9_-]{48})")
CHECKSUM_BYTES = 4


@dataclass(frozen=True, slots=True, repr=False)
class MasterKey:
    """The key over all keys. As text: `mgwk1_`, then base64url of the key and its CRC-32."""

    secret: bytes

    @classmethod
    def new(cls) -> "MasterKey":
        """Make a random key."""
        return cls(os.urandom(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "MasterKey":
        """Read the text form, white space around it allowed.

        Raises:
            VaultLocked: it is no master key, or was damaged on the way.
        """
        match = KEY_TEXT.fullmatch(text.strip())
        if match is None:
            raise VaultLocked("holds no master key (mgwk1_ and 48 characters)")
        decoded = base64.urlsafe_b64decode(match[1])
        secret, checksum = decoded[:KEY_BYTES], decoded[KEY_BYTES:]
        if checksum != _checksum(secret):
            raise VaultLocked("holds a damaged master key: its checksum does not fit")
        return cls(secret)

    @property
    def text(self) -> str:
        """The text form: secret."""
        encoded = base64.urlsafe_b64encode(self.secret + _checksum(self.secret))
        return PREFIX + encoded.decode()

    @property
    def id(self) -> str:
        """A digest that tells this key from others and nothing else."""
        return hmac.digest(self.secret, b"mcpgw/key-id/v1", "sha256").hex()[:16]

    def __repr__(self) -> str:
        return f"MasterKey(id={self.id!r})"


def _checksum(secret: bytes) -> bytes:
    return binascii.crc32(PREFIX.encode() + secret).to_bytes(CHECKSUM_BYTES, "big")
