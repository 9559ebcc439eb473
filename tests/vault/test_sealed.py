import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcpgw.errors import VaultLocked
from mcpgw.vault.sealed import Sealer, derived_key, length_prefixed

KEY = bytes(range(32))
CONTEXT = ("mcpgw/secret/v1", "install", "workspace", "server", "NAME", "1", "key")


@pytest.mark.parametrize("size", [0, 1, 27, 28, 29, 60, 61, 1000, 65536])
def test_opens_what_it_sealed(size: int) -> None:
    plain = bytes(index % 251 for index in range(size))
    sealer = Sealer(KEY)
    assert sealer.open(CONTEXT, sealer.seal(CONTEXT, plain)) == plain


@pytest.mark.parametrize("plain", [b"", b"\x00", b"a\x00\x00", b"\x80", b"\x00" * 32])
def test_padding_is_told_from_what_it_pads(plain: bytes) -> None:
    sealer = Sealer(KEY)
    assert sealer.open(CONTEXT, sealer.seal(CONTEXT, plain)) == plain


def test_length_of_a_password_does_not_show() -> None:
    sealer = Sealer(KEY)
    assert {len(sealer.seal(CONTEXT, b"x" * size)) for size in range(29)} == {1 + 12 + 32 + 16}
    assert len(sealer.seal(CONTEXT, b"x" * 29)) == 1 + 12 + 64 + 16


def test_form_can_be_opened_by_anybody_who_knows_it() -> None:
    blob = Sealer(KEY).seal(("purpose", "part"), b"hello")
    assert blob[0] == 1
    bound_to = b"\0\0\0\x07purpose\0\0\0\x04part"
    padded = AESGCM(KEY).decrypt(blob[1:13], blob[13:], bound_to)
    assert padded == b"\0\0\0\x05hello" + bytes(23)


def test_same_plain_never_gives_the_same_blob() -> None:
    sealer = Sealer(KEY)
    blobs = [sealer.seal(CONTEXT, b"same") for _ in range(1000)]
    assert len({blob[1:13] for blob in blobs}) == 1000
    assert len({blob[13:] for blob in blobs}) == 1000


def test_every_flipped_bit_is_noticed() -> None:
    sealer = Sealer(KEY)
    blob = sealer.seal(CONTEXT, b"a password")
    for bit in range(len(blob) * 8):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VaultLocked):
            sealer.open(CONTEXT, bytes(flipped))


def test_every_truncation_and_addition_is_noticed() -> None:
    sealer = Sealer(KEY)
    blob = sealer.seal(CONTEXT, b"a password" * 5)
    for changed in [*(blob[:size] for size in range(len(blob))), blob + b"\0", b"\x01" + blob]:
        with pytest.raises(VaultLocked):
            sealer.open(CONTEXT, changed)


@pytest.mark.parametrize(
    "other",
    [
        *(
            (*CONTEXT[:index], CONTEXT[index] + "x", *CONTEXT[index + 1 :])
            for index in range(len(CONTEXT))
        ),
        (),
        CONTEXT[:-1],
        (*CONTEXT, ""),
        (CONTEXT[0], "installw", "orkspace", *CONTEXT[3:]),
        (CONTEXT[0], CONTEXT[2], CONTEXT[1], *CONTEXT[3:]),
    ],
)
def test_another_context_does_not_open(other: tuple[str, ...]) -> None:
    sealer = Sealer(KEY)
    with pytest.raises(VaultLocked) as caught:
        sealer.open(other, sealer.seal(CONTEXT, b"a password"))
    assert "a password" not in str(caught.value)


def test_another_key_does_not_open() -> None:
    blob = Sealer(KEY).seal(CONTEXT, b"a password")
    with pytest.raises(VaultLocked):
        Sealer(bytes(32)).open(CONTEXT, blob)


def test_context_may_hold_any_text() -> None:
    sealer = Sealer(KEY)
    blob = sealer.seal(("purpose", "\ud800 é 日"), b"x")
    assert sealer.open(("purpose", "\ud800 é 日"), blob) == b"x"
    with pytest.raises(VaultLocked):
        sealer.open(("purpose", "\ud801 é 日"), blob)


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_a_key_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(bytes(size))


def test_a_key_is_bytes() -> None:
    with pytest.raises(TypeError):
        Sealer("0" * 32)  # type: ignore[arg-type]  # what a careless caller would pass


def test_length_prefixed_keeps_boundaries() -> None:
    joined = [
        length_prefixed(parts)
        for parts in [(), (b"",), (b"", b""), (b"ab",), (b"a", b"b"), (b"", b"ab"), (b"ab", b"")]
    ]
    assert len(set(joined)) == len(joined)


def test_derived_keys_differ_by_purpose_and_key() -> None:
    keys = {derived_key(KEY, "a"), derived_key(KEY, "b"), derived_key(bytes(32), "a")}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}
    assert derived_key(KEY, "a") in keys


def test_derived_key_is_hkdf_sha256() -> None:
    # RFC 5869 without a salt, computed with HMAC alone; a change would lock every installation out.

    extracted = hmac.digest(bytes(32), KEY, hashlib.sha256)
    assert derived_key(KEY, "p") == hmac.digest(extracted, b"p\x01", hashlib.sha256)
