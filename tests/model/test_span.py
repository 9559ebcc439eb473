"""Spans are written as they are read."""

import pytest

from mcpgw.model.span import read_span, spell_span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2w", 1209600.0), ("3d", 259200.0), ("12h", 43200.0), ("90m", 5400.0), ("7s", 7.0)],
)
def test_both_ways(text: str, seconds: float) -> None:
    assert read_span(text) == seconds
    assert spell_span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60.0, "1m"), (3600.0, "1h"), (604800.0, "1w"), (1.5, "1500ms"), (0.25, "250ms"), (0, "0ms")],
)
def test_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert spell_span(seconds) == text
    assert read_span(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "5min", "5M"])
def test_no_span(text: str) -> None:
    assert read_span(text) is None
