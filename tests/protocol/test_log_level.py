import json

import pytest
from msgspec import Raw

from mcpgw.protocol.log_level import LEVELS, is_wanted, more_verbose, read_level


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        *[(f'"{level}"'.encode(), level) for level in LEVELS],
        (b'"in\\u0066o"', "info"),
        (b'"INFO"', None),
        (b'"verbose"', None),
        (b'""', None),
        (b"5", None),
        (b"null", None),
        (None, None),
    ],
)
def test_read_level(raw: bytes | None, expected: str | None) -> None:
    assert read_level(None if raw is None else Raw(raw)) == expected


@pytest.mark.parametrize("least", LEVELS)
@pytest.mark.parametrize("level", LEVELS)
def test_messages_as_grave_as_asked_for_are_wanted(level: str, least: str) -> None:
    params = Raw(json.dumps({"level": level, "data": {"a": 1}}).encode())
    is_graver = LEVELS.index(level) >= LEVELS.index(least)
    assert is_wanted(params, least) is is_graver
    assert more_verbose(level, least) == (least if is_graver else level)


@pytest.mark.parametrize(
    "params", [b"{}", b"[]", b'{"level":5}', b'{"level":"loud"}', b'{"data":' * 100_000]
)
def test_messages_without_a_level_are_not(params: bytes) -> None:
    assert not is_wanted(Raw(params), "debug")
