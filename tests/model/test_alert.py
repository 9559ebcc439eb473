"""What can be watched, as people write it."""

import pytest

from mcpgw.errors import InvalidInput
from mcpgw.model.alert import Watched, is_nearly_full, read_condition, spoken, value_of
from mcpgw.model.audit import Outcome
from mcpgw.model.statistics import Figures, Period, summed
from tests.model.test_statistics import part

GIB = 1 << 30


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("error_rate(server=jira, 10m) > 0.2", "error_rate(server=jira, 10m) > 0.2"),
        ("error_rate(10m,server=jira)>20%", "error_rate(server=jira, 10m) > 0.2"),
        ("error_rate > 0", "error_rate(10m) > 0"),
        ("  p95 ( tool = jira__search , 15m ) > 2s ", "p95(tool=jira__search, 15m) > 2s"),
        ("p50() < 250ms", "p50(10m) < 250ms"),
        ("p99(client=Claude Code, 6h) > 1.5s", "p99(client=Claude Code, 6h) > 1500ms"),
        ("calls(member=ana@team.org, 1h) > 500", "calls(member=ana@team.org, 1h) > 500"),
        ("errors(1m) > 3", "errors(1m) > 3"),
        ("rate_limited(server=github) > 0", "rate_limited(server=github, 10m) > 0"),
        ("server_down", "server_down(10m)"),
        ("server_down(server=jira, 5m)", "server_down(server=jira, 5m)"),
        ("token_expiring", "token_expiring"),
        ("token_expiring(member=ana)", "token_expiring(member=ana)"),
        ("disk_nearly_full", "disk_nearly_full"),
        ("limit_hit(member=ana)", "limit_hit(member=ana, 10m)"),
    ],
)
def test_a_condition(text: str, spelled: str) -> None:
    condition = read_condition(text)
    assert str(condition) == spelled
    assert read_condition(spelled) == condition


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing to watch"),
        ("weather > 3", "nothing to watch"),
        ("calls(10m) > 5 or true", "nothing to watch"),
        ("calls(10m) >= 5", "nothing to watch"),
        ("calls((10m)) > 5", "nothing to watch"),
        ("calls(10m)", "needs a threshold"),
        ("calls(10m) > many", "no threshold"),
        ("calls(10m) > 20%", "no threshold"),
        ("calls(10m, 5m) > 1", "two windows"),
        ("calls(10s) > 1", "no window"),
        ("calls(7h) > 1", "no window"),
        ("calls(often) > 1", "no window"),
        ("calls(colour=red) > 1", "cannot be narrowed"),
        ("calls(server=) > 1", "cannot be narrowed"),
        ("calls(server=a, server=b) > 1", "cannot be narrowed"),
        ("calls(server=a\x1bb) > 1", "cannot be narrowed"),
        ("error_rate > 20", "a share from 0 to 1"),
        ("p95(10m) > 2", "no time"),
        ("server_down > 1", "takes no threshold"),
        ("server_down(member=ana)", "cannot be narrowed"),
        ("disk_nearly_full(server=jira)", "cannot be narrowed"),
        ("token_expiring(10m)", "takes no window"),
    ],
)
def test_nothing_that_can_be_watched(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_condition(text)


def figures(**outcomes: int) -> Figures:
    parts = [part(outcome=Outcome(name), calls=calls) for name, calls in outcomes.items()]
    return summed(parts, Period(0.0, 600.0), lambda part: part.name)[1]


@pytest.mark.parametrize(
    ("watched", "value", "text"),
    [
        (Watched.ERROR_RATE, 0.25, "25% of 8 calls went wrong"),
        (Watched.CALLS, 8.0, "8 of 8 calls"),
        (Watched.ERRORS, 2.0, "2 of 8 calls"),
        (Watched.RATE_LIMITED, 0.0, "0 of 8 calls"),
    ],
)
def test_what_figures_say(watched: Watched, value: float, text: str) -> None:
    known = figures(ok=6, timeout=2)
    assert value_of(watched, known) == value
    assert spoken(watched, value, known) == text


@pytest.mark.parametrize("watched", [Watched.P50, Watched.P95, Watched.P99])
def test_what_times_say(watched: Watched) -> None:
    known = figures(ok=6)
    value = value_of(watched, known)
    assert value is not None
    assert value == getattr(known, f"{watched}_us") / 1e6
    assert spoken(watched, 2.0, known) == "2 s over 6 calls"


def test_no_call_says_nothing_of_rates_and_times() -> None:
    for watched in (Watched.ERROR_RATE, Watched.P95):
        assert value_of(watched, figures()) is None
    assert value_of(Watched.P95, figures(denied=3)) is None
    assert value_of(Watched.CALLS, figures()) == 0.0


def test_the_side_of_the_threshold() -> None:
    above, below = read_condition("calls > 5"), read_condition("calls < 5")
    assert [above.is_met(value) for value in (4.0, 5.0, 6.0)] == [False, False, True]
    assert [below.is_met(value) for value in (4.0, 5.0, 6.0)] == [True, False, False]
    assert not above.is_met(None)


@pytest.mark.parametrize(
    ("free_gib", "all_gib", "is_full"),
    [(4, 100, True), (6, 100, False), (9, 1000, True), (11, 1000, False), (0.4, 2, True)],
)
def test_a_disk_that_is_nearly_full(free_gib: float, all_gib: float, is_full: bool) -> None:
    assert is_nearly_full(int(free_gib * GIB), int(all_gib * GIB)) is is_full
