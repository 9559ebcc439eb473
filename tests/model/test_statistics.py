"""Figures from parts: counted, shared out, spread over the period."""

import pytest

from mcpgw.model.audit import Outcome
from mcpgw.model.histogram import bucket_of, pack
from mcpgw.model.statistics import HOUR_S, TREND_CELLS, WENT_WRONG, Part, Period, summed

DAY = Period(0.0, 86400.0)


def part(
    name: str = "jira",
    *,
    hour: int = 0,
    outcome: Outcome = Outcome.OK,
    calls: int = 10,
    each_us: int = 10_000,
    row: int = 1,
    rate_limited: int = 0,
) -> Part:
    return Part(
        name=name,
        hour=hour,
        outcome=outcome,
        calls=calls,
        rate_limited=rate_limited,
        duration_us=calls * each_us,
        upstream_us=calls * each_us * 9 // 10,
        request_bytes=calls * 100,
        result_bytes=calls * 1000,
        slowest_us=each_us,
        slowest_row=row,
        durations=pack({bucket_of(each_us): calls}),
    )


def by_name(one: Part) -> str:
    return one.name


def test_counted_by_name_the_most_called_first() -> None:
    parts = [part("a"), part("b", calls=30), part("a", hour=3, calls=5), part("c", calls=15)]
    figures, total = summed(parts, DAY, by_name)
    assert [(one.name, one.calls) for one in figures] == [("b", 30), ("a", 15), ("c", 15)]
    assert (total.name, total.calls) == ("all", 60)
    assert (total.request_bytes, total.result_bytes) == (6000, 60_000)
    assert total.gateway_share == pytest.approx(0.1)


def test_what_went_wrong_and_what_was_refused() -> None:
    parts = [
        part(outcome=outcome, calls=1) for outcome in Outcome if outcome is not Outcome.RUNNING
    ]
    ((one,), _) = summed([*parts, part(calls=1, rate_limited=1)], DAY, by_name)
    assert (one.calls, one.errors, one.refused) == (11, len(WENT_WRONG), 3)
    assert (one.limited, one.rate_limited) == (1, 1)
    assert one.error_rate == pytest.approx(5 / 11)


def test_times_are_those_of_calls_that_reached_their_server() -> None:
    parts = [
        part(calls=90, each_us=10_000),
        part(calls=9, each_us=200_000, row=2),
        part(calls=1, each_us=900_000, row=3, outcome=Outcome.TIMEOUT),
        part(calls=1000, each_us=60, row=4, outcome=Outcome.DENIED),
    ]
    ((one,), _) = summed(parts, DAY, by_name)
    assert one.p50_us == pytest.approx(10_000, rel=0.05)
    assert one.p95_us == pytest.approx(200_000, rel=0.05)
    assert one.p99_us == pytest.approx(200_000, rel=0.05)
    assert (one.slowest_us, one.slowest_row) == (900_000, 3)


def test_a_percentile_is_never_above_the_slowest() -> None:
    ((one,), _) = summed([part(each_us=10_001)], DAY, by_name)
    assert one.p50_us <= one.slowest_us == 10_001


def test_the_trend_has_every_call_in_its_place() -> None:
    parts = [part(hour=0, calls=1), part(hour=12, calls=2), part(hour=23, calls=3)]
    ((one,), _) = summed([*parts, part(hour=99, calls=4), part(hour=-1, calls=5)], DAY, by_name)
    expected = [0] * TREND_CELLS
    expected[0], expected[12], expected[23] = 6, 2, 7
    assert list(one.trend) == expected


def test_of_nothing() -> None:
    figures, total = summed([], DAY, by_name)
    assert figures == []
    assert (total.calls, total.error_rate, total.gateway_share, total.p99_us) == (0, 0.0, 0.0, 0)


def test_periods() -> None:
    period = Period(1800.0, 5 * HOUR_S + 1)
    assert period.previous().until == period.since
    assert period.previous().length_s == period.length_s
    assert period.to_the_hour() == Period(0.0, 6 * HOUR_S)
    assert Period(0.0, 6 * HOUR_S).to_the_hour() == Period(0.0, 6 * HOUR_S)
    assert (period.step, Period(0.0, 7 * 86400.0).step, Period(0.0, 86400.0 + 1).step) == (1, 7, 2)
