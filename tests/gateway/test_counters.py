"""What is counted of a call, and under which names."""

import pytest

from mcpgw.gateway import counters as module
from mcpgw.gateway.counters import BOUNDS_S, Counters, Durations
from mcpgw.model.audit import Outcome
from tests.store.records import call_end

SERVER = ("ws_demo", "jira")


def test_a_call_is_counted_under_its_names_and_no_members() -> None:
    counters = Counters()
    for _ in range(2):
        counters.count(call_end(duration_us=2000))
    assert counters.calls == {(*SERVER, "jira__create_issue", "ok", "mcp"): 2}
    assert (counters.request_bytes[SERVER], counters.result_bytes[SERVER]) == (240, 4096)
    assert counters.durations[SERVER].total_us == 4000
    assert counters.own_durations["ws_demo"].total_us == 2000
    assert "ana" not in repr(vars(counters))


@pytest.mark.parametrize(
    ("status", "error_class", "count"),
    [(429, "upstream", 1), (0, "rate_limited", 1), (500, "upstream", 0)],
)
def test_limits_of_servers(status: int, error_class: str, count: int) -> None:
    counters = Counters()
    failed = Outcome.UPSTREAM_ERROR
    counters.count(call_end(outcome=failed, upstream_status=status, error_class=error_class))
    assert counters.rate_limited[SERVER] == count


def test_what_reached_no_server_has_no_duration_and_no_tool() -> None:
    counters = Counters()
    counters.count(call_end(outcome=Outcome.DENIED, server="", exposed="made up"))
    assert counters.calls == {("ws_demo", "", "", "denied", "mcp"): 1}
    assert not counters.durations


def test_tools_without_end_share_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TOOLS", 2)
    counters = Counters()
    for name in ("a", "b", "c", "d", "a"):
        counters.count(call_end(exposed=name))
    assert {key[2]: count for key, count in counters.calls.items()} == {"a": 2, "b": 1, "other": 2}


def test_buckets() -> None:
    durations = Durations()
    for seconds in (0.0005, 0.00051, 60.0, 60.1):
        durations.add(round(seconds * 1e6))
    assert len(durations.counts) == len(BOUNDS_S) + 1
    assert (durations.counts[0], durations.counts[1], *durations.counts[-2:]) == (1, 1, 1, 1)
