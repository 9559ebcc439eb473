"""Calls added up."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, convert, structs

from mcpgw.gateway.statistics import Answer, Asked
from mcpgw.model.statistics import Dimension, Figures, Period
from mcpgw.web.wire.moment import Moment, moment, seconds_of
from mcpgw.web.wire.page import Query

_Text = Annotated[str, Meta(max_length=256)]
_Hour = Annotated[int, Meta(ge=0, le=23)]

DEFAULT_S = 7 * 86400.0


class StatisticsQuery(Query, frozen=True, kw_only=True):
    """Which calls to add up, and by what. Without times it is the last week.

    `hour` leaves one hour of the day. Hours of the day are those of a place that is `offset` hours
    ahead of UTC.
    """

    by: Dimension = Dimension.SERVER
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET
    tool: _Text = ""
    server: _Text = ""
    member: _Text = ""
    client: _Text = ""
    token: _Text = ""
    hour: _Hour | UnsetType = UNSET
    offset: _Hour = 0

    @classmethod
    def of(cls, asked: Asked) -> "StatisticsQuery":
        """Return what asks the same."""
        last = int(asked.period.until // 3600)
        return cls(
            by=asked.by,
            since=moment(asked.period.since),
            until=moment(asked.period.until),
            tool=asked.target,
            server=asked.server,
            member=asked.member,
            client=asked.client,
            token=asked.token_id,
            hour=UNSET if asked.hour is None else asked.hour,
            offset=(asked.hour_of_day(last) - last) % 24,
        )

    def asked(self, now: float) -> Asked:
        """Return the record of what is asked."""
        until = now if self.until is UNSET else seconds_of(self.until)
        since = until - DEFAULT_S if self.since is UNSET else seconds_of(self.since)
        return Asked(
            by=self.by,
            period=Period(since, until),
            target=self.tool,
            server=self.server,
            member=self.member,
            client=self.client,
            token_id=self.token,
            hour=None if self.hour is UNSET else self.hour,
            hour_of_day=lambda hour: (hour + self.offset) % 24,
        )


class Sums(Struct, frozen=True, kw_only=True):
    """What is told of the calls of one name.

    Percentiles, `gateway_share` (of the time, 0 to 1) and the slowest call are of calls that
    reached their server. `limited` calls were over a limit of the token, `rate_limited` ones over
    one of the server. `trend` has the calls of equal parts of the time.
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
    slowest_call: str
    request_bytes: int
    result_bytes: int
    trend: tuple[int, ...]

    @classmethod
    def of(cls, figures: Figures, slowest_call: str) -> "Sums":
        """Return what there is to tell of a record."""
        return convert(structs.asdict(figures) | {"slowest_call": slowest_call}, cls)

    def figures(self) -> Figures:
        """Return the record, without the row of the slowest call."""
        return convert(structs.asdict(self) | {"slowest_row": 0}, Figures)


class Statistics(Struct, frozen=True, kw_only=True):
    """The sums by name, the most called first (hours in their order), and of all together."""

    by: Dimension
    since: Moment
    until: Moment
    items: tuple[Sums, ...]
    total: Sums

    @classmethod
    def of(cls, answer: Answer) -> "Statistics":
        """Return what there is to tell of an answer."""
        period = answer.asked.period
        return cls(
            by=answer.asked.by,
            since=moment(period.since),
            until=moment(period.until),
            items=tuple(Sums.of(one, answer.slowest.get(one.name, "")) for one in answer.figures),
            total=Sums.of(answer.total, ""),
        )

    def answer(self, asked: Asked) -> Answer:
        """Return the answer that this tells of."""
        return Answer(
            asked,
            [one.figures() for one in self.items],
            self.total.figures(),
            {one.name: one.slowest_call for one in self.items},
        )
