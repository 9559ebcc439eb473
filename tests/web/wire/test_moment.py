"""Times are the same on both sides."""

from datetime import UTC, datetime

import pytest

from mcpgw.web.wire.moment import moment, seconds_of


@pytest.mark.parametrize("seconds", [0.0, 1_800_000_000.25, 4e9])
def test_there_and_back(seconds: float) -> None:
    assert seconds_of(moment(seconds)) == seconds
    assert moment(seconds).tzinfo is UTC


def test_none_stays_none() -> None:
    assert moment(None) is None
    assert seconds_of(None) is None


def test_another_zone() -> None:
    assert seconds_of(datetime.fromisoformat("2026-11-20T12:00:00+02:00")) == 1_795_168_800.0
