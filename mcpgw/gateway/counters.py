"""Counts calls as their rows are committed, since this process began. Nothing else is counted.

Names of tools are told apart up to a limit, so that no client can make labels without end; members
are in no label.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from mcpgw.model.audit import RATE_LIMITED, REACHED, TOO_MANY_REQUESTS, CallEnd

MOST_TOOLS = 500
"""Tools with a label of their own; the calls of further ones are those of `other`."""

OTHER = "other"

BOUNDS_S = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""The upper bounds of the histograms' buckets; what is longer is in one more."""

Key = TypeVar("Key", bound=Hashable)

_BOUNDS_US = tuple(round(bound * 1e6) for bound in BOUNDS_S)


@dataclass(slots=True)
class Durations:
    """How many took how long: a count for each bound and one beyond, and all together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    total_us: int = 0

    def add(self, duration_us: int) -> None:
        """Count one."""
        self.counts[bisect_left(_BOUNDS_US, duration_us)] += 1
        self.total_us += duration_us


class Counters:
    """What was counted. Keys begin with the workspace's id."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str, str, str, str]] = Counter()
        """By workspace, server, tool, outcome and surface."""
        self.durations: dict[tuple[str, str], Durations] = {}
        """Of the calls that reached their server, by workspace and server."""
        self.own_durations: dict[str, Durations] = {}
        """What of that was the gateway's own, by workspace."""
        self.rate_limited: Counter[tuple[str, str]] = Counter()
        self.request_bytes: Counter[tuple[str, str]] = Counter()
        self.result_bytes: Counter[tuple[str, str]] = Counter()
        self._tools: set[tuple[str, str]] = set()

    def count(self, end: CallEnd) -> None:
        """Count a call whose last row is committed."""
        start = end.start
        workspace_id, target = start.caller.workspace_id, start.target
        server = workspace_id, target.server
        tool = self._tool(workspace_id, target.server, target.exposed)
        self.calls[(*server, tool, end.outcome.value, start.caller.surface)] += 1
        self.request_bytes[server] += start.request_bytes
        self.result_bytes[server] += end.result_bytes
        if end.upstream_status == TOO_MANY_REQUESTS or end.error_class == RATE_LIMITED:
            self.rate_limited[server] += 1
        if end.outcome in REACHED:
            _of(self.durations, server).add(end.duration_us)
            _of(self.own_durations, workspace_id).add(end.duration_us - end.upstream_us)

    def _tool(self, workspace_id: str, server: str, exposed: str) -> str:
        """Return the label of a tool. What no server has, anybody can have made up: it has none."""
        if not server:
            return ""
        known = workspace_id, exposed
        if known not in self._tools:
            if len(self._tools) >= MOST_TOOLS:
                return OTHER
            self._tools.add(known)
        return exposed


def _of(held: dict[Key, Durations], key: Key) -> Durations:
    found = held.get(key)
    if found is None:
        found = held[key] = Durations()
    return found
