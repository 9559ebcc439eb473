"""Calls added up: how many, how many failed, how long they took, and whose time that was. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from mcpgw.model.audit import REACHED, Outcome
from mcpgw.model.histogram import percentile, unpack

HOUR_S = 3600.0

TREND_CELLS = 24
"""Into so many equal parts the period is cut to show how calls are spread over it."""

WENT_WRONG = frozenset(
    {
        *(Outcome.TOOL_ERROR, Outcome.UPSTREAM_ERROR, Outcome.TIMEOUT),
        *(Outcome.WITHHELD, Outcome.UNKNOWN_CRASH),
    }
)
"""Errors. What was denied, limited, revoked or taken back is none."""

REFUSED = frozenset({Outcome.DENIED, Outcome.LIMITED, Outcome.REVOKED})


class Dimension(StrEnum):
    """By what calls are told apart."""

    SERVER = "server"
    TOOL = "tool"
    MEMBER = "member"
    CLIENT = "client"
    HOUR = "hour"
    """The hour of the day, where who asks is."""
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to, not including, `until`; UTC seconds."""

    since: float
    until: float

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.until - self.since

    def previous(self) -> "Period":
        """Return the period of the same length before it."""
        return Period(self.since - self.length_s, self.since)

    @property
    def step(self) -> int:
        """Into pieces of how many hours it is cut to show how calls are spread over it."""
        return max(1, math.ceil(self.length_s / HOUR_S / TREND_CELLS))

    def to_the_hour(self) -> "Period":
        """Return it with whole hours at both ends, none cut off."""
        since = self.since // HOUR_S * HOUR_S
        return Period(since, -(-self.until // HOUR_S) * HOUR_S)


@dataclass(frozen=True, slots=True)
class StatsFilter:
    """Which calls to add up. Empty means any; `target` matches as `--tool` says.

    `hours` are the hours (since 1970, UTC) to look at, None for all of the period.
    """

    workspace_id: str
    period: Period
    target: str = ""
    server: str = ""
    member: str = ""
    client: str = ""
    token_id: str = ""
    hours: frozenset[int] | None = None


class Part(Struct, frozen=True):
    """Sums over the calls of one name and one outcome, from one hour (since 1970, UTC) on.

    `durations` are packed histograms end to end. `rate_limited` calls were over a limit of their
    server, by its own word.
    """

    name: str
    hour: int
    outcome: Outcome
    calls: int
    rate_limited: int
    duration_us: int
    upstream_us: int
    request_bytes: int
    result_bytes: int
    slowest_us: int
    slowest_row: int
    durations: bytes


class Figures(Struct, frozen=True):
    """What is told of the calls of one name.

    `p50_us` to `p99_us`, `gateway_share` (0 to 1) and `slowest_us` are of the calls that reached
    their server; `slowest_row` is the row of that call. `limited` calls were over a limit of ours,
    `rate_limited` ones over the server's. `trend` are the calls in equal parts of the period.
    """

    name: str
    calls: int
    errors: int
    refused: int
    limited: int
    rate_limited: int
    p50_us: int
    p95_us: int
    p99_us: int
    gateway_share: float
    slowest_us: int
    slowest_row: int
    request_bytes: int
    result_bytes: int
    trend: tuple[int, ...]

    @property
    def error_rate(self) -> float:
        """The share of calls that went wrong, 0 to 1."""
        return self.errors / self.calls if self.calls else 0.0


@dataclass(slots=True)
class _Sum:
    """The parts of one name, as they come."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    trend: Counter[int] = field(default_factory=Counter)
    durations: list[bytes] = field(default_factory=list)
    rate_limited: int = 0
    duration_us: int = 0
    upstream_us: int = 0
    request_bytes: int = 0
    result_bytes: int = 0
    slowest: tuple[int, int] = (0, 0)

    def add(self, part: Part, period: Period) -> None:
        """Count a part."""
        self.outcomes[part.outcome] += part.calls
        passed = (part.hour * HOUR_S - period.since) / period.length_s
        self.trend[max(0, min(TREND_CELLS - 1, int(passed * TREND_CELLS)))] += part.calls
        self.rate_limited += part.rate_limited
        self.request_bytes += part.request_bytes
        self.result_bytes += part.result_bytes
        if part.outcome in REACHED:
            self.durations.append(part.durations)
            self.duration_us += part.duration_us
            self.upstream_us += part.upstream_us
            self.slowest = max(self.slowest, (part.slowest_us, part.slowest_row))

    def figures(self, name: str) -> Figures:
        """Return what is told of it."""
        buckets = unpack(b"".join(self.durations))
        # A bucket's middle may be beyond the slowest call in it.
        p50_us, p95_us, p99_us = (
            min(percentile(buckets, share), self.slowest[0]) for share in (0.5, 0.95, 0.99)
        )
        own_us = self.duration_us - self.upstream_us
        return Figures(
            name=name,
            calls=self.outcomes.total(),
            errors=sum(self.outcomes[one] for one in WENT_WRONG),
            refused=sum(self.outcomes[one] for one in REFUSED),
            limited=self.outcomes[Outcome.LIMITED],
            rate_limited=self.rate_limited,
            p50_us=p50_us,
            p95_us=p95_us,
            p99_us=p99_us,
            gateway_share=own_us / self.duration_us if self.duration_us else 0.0,
            slowest_us=self.slowest[0],
            slowest_row=self.slowest[1],
            request_bytes=self.request_bytes,
            result_bytes=self.result_bytes,
            trend=tuple(self.trend[cell] for cell in range(TREND_CELLS)),
        )


def summed(
    parts: Iterable[Part], period: Period, name_of: Callable[[Part], str]
) -> tuple[Sequence[Figures], Figures]:
    """Return the figures by name, the most called first, and those of all together."""
    by_name: dict[str, _Sum] = {}
    everything = _Sum()
    for part in parts:
        by_name.setdefault(name_of(part), _Sum()).add(part, period)
        everything.add(part, period)
    figures = [one.figures(name) for name, one in by_name.items()]
    return sorted(figures, key=lambda one: (-one.calls, one.name)), everything.figures("all")
