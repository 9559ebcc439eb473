import re
from datetime import UTC, datetime

import pytest

from mcpgw.cli.duration import from_now, parse_moment, parse_span, parse_ttl, roughly, took
from mcpgw.errors import InvalidInput

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("90s", 90),
        ("30m", 1800),
        ("1.5h", 5400),
        ("14d", 14 * 86400),
        ("2w", 14 * 86400),
    ],
)
def test_a_span(text: str, seconds: float) -> None:
    assert parse_span(text, "--x", "1s") == seconds
    assert parse_ttl(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "14", "14 d", "-1d", "14days", "1e3s", "٣d", "d14"])
def test_no_span(text: str) -> None:
    with pytest.raises(InvalidInput, match="--ttl has no such time") as caught:
        parse_ttl(text)
    assert "as in --ttl 14d" in caught.value.hint


def test_never() -> None:
    assert parse_ttl("never") == float("inf")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", NOW - 7 * 86400),
        ("2026-11-01T10:00Z", datetime(2026, 11, 1, 10, tzinfo=UTC).timestamp()),
        ("2026-11-01T10:00+02:00", datetime(2026, 11, 1, 8, tzinfo=UTC).timestamp()),
        ("2026-11-01", datetime(2026, 11, 1).timestamp()),  # local midnight
    ],
)
def test_a_moment(text: str, moment: float) -> None:
    assert parse_moment(text, NOW, "--since") == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "0001-01-01", ""])
def test_no_moment(text: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(repr(text))):
        parse_moment(text, NOW, "--since")


@pytest.mark.parametrize(
    ("duration_us", "shown"),
    [
        (800, "0.8 ms"),
        (812_400, "812 ms"),
        (2_340_000, "2.3 s"),
        (250_000_000, "4 min 10 s"),
    ],
)
def test_took(duration_us: int, shown: str) -> None:
    assert took(duration_us) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(40, "40 s"), (119, "119 s"), (720, "12 min"), (3 * 3600, "3 h"), (89 * 86400, "89 d")],
)
def test_roughly(seconds: float, shown: str) -> None:
    assert roughly(seconds) == shown
    assert from_now(NOW + seconds, NOW) == f"in {shown}"
    assert from_now(NOW - seconds, NOW) == f"{shown} ago"
