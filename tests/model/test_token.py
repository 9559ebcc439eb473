"""Tokens: the format, when a record is usable, what its MAC covers."""

import re
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpgw.errors import InvalidInput
from mcpgw.model.token import (
    ENTROPY_BYTES,
    MAX_MEMBER,
    OPERATOR,
    TOKEN_PATTERN,
    Principal,
    Role,
    Token,
    check_member,
    format_token,
    is_token,
)

RECORD = Token("t1", "w1", "ana", Role.DEVELOPER, b"index", b"", 100.0, None, None)
ENTROPY = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)


@given(ENTROPY)
def test_what_is_made_is_recognised_and_found_by_secret_scanners(entropy: bytes) -> None:
    text = format_token(entropy)
    assert len(text) == 54
    assert is_token(text)
    assert re.search(TOKEN_PATTERN, f"header: {text}\n")


@given(ENTROPY, ENTROPY)
def test_different_entropy_gives_different_tokens(one: bytes, other: bytes) -> None:
    assert (format_token(one) == format_token(other)) is (one == other)


def test_the_extremes_of_the_format() -> None:
    assert format_token(bytes(32))[:48] == "mgwu_" + "0" * 43
    checksum = zlib.crc32(("mgwu_" + "0" * 43).encode())
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for digit in format_token(bytes(32))[48:]:
        value = value * 62 + digits.index(digit)
    assert value == checksum
    assert is_token(format_token(b"\xff" * 32))


@given(ENTROPY, st.integers(0, 53), st.sampled_from("0Az_é\n"))
def test_one_wrong_character_is_noticed(entropy: bytes, position: int, character: str) -> None:
    text = format_token(entropy)
    wrong = text[:position] + character + text[position + 1 :]
    assert is_token(wrong) is (wrong == text)


@pytest.mark.parametrize("cut", ["", "mgwu_", format_token(bytes(32))[:-1]])
def test_what_is_too_short_or_too_long_is_no_token(cut: str) -> None:
    assert not is_token(cut)
    assert not is_token(format_token(bytes(32)) + "\n")


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "now", "state"),
    [
        (None, None, 1e12, "active"),
        (200.0, None, 199.9, "active"),
        (200.0, None, 200.0, "expired"),
        (None, 150.0, 100.0, "revoked"),
        (200.0, 150.0, 300.0, "revoked"),
    ],
)
def test_state(expires_at: float | None, revoked_at: float | None, now: float, state: str) -> None:
    record = replace(RECORD, expires_at=expires_at, revoked_at=revoked_at)
    assert record.state(now) == state
    assert record.is_usable(now) is (state == "active")


@pytest.mark.parametrize(
    "change",
    [
        {"id": "t2"},
        {"workspace_id": "w2"},
        {"member": "bob"},
        {"role": Role.ADMIN},
        {"index": b"other"},
        {"expires_at": 5.0},
    ],
)
def test_the_mac_covers_whatever_decides(change: dict[str, object]) -> None:
    changed = replace(RECORD, **change)  # type: ignore[arg-type]  # one field of any type
    assert changed.decisive_fields() != RECORD.decisive_fields()


def test_the_mac_itself_is_not_among_what_it_covers() -> None:
    sealed = RECORD.with_mac(b"mac")
    assert sealed.row_mac == b"mac"
    assert sealed.decisive_fields() == RECORD.decisive_fields()


def test_only_the_operator_is_outside_of_every_workspace() -> None:
    assert OPERATOR.is_operator
    assert not Principal("t1", "ana", Role.ADMIN, "w1").is_operator


@pytest.mark.parametrize("member", ["ana", "ana@team.org", "Ana María", "x" * MAX_MEMBER])
def test_a_member_that_can_be_named(member: str) -> None:
    assert check_member(member) == member


@pytest.mark.parametrize("member", ["", "  ", "a\nb", "\x1b[0m", "x" * (MAX_MEMBER + 1)])
def test_a_member_that_cannot_be_named(member: str) -> None:
    with pytest.raises(InvalidInput, match="a member needs a printable name"):
        check_member(member)
