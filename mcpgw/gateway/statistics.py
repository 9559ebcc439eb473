"""Answers from the journal: calls added up by server, tool, member, client, hour or status."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mcpgw.errors import InvalidInput
from mcpgw.gateway.current import Current
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Journal
from mcpgw.model.policy import Action, decide
from mcpgw.model.statistics import (
    HOUR_S,
    Dimension,
    Figures,
    Part,
    Period,
    StatsFilter,
    summed,
)
from mcpgw.model.token import Principal

MAX_LENGTH_S = 400 * 86400.0
"""As long as sums are kept."""

HourOfDay = Callable[[int], int]
"""Returns the hour of the day (0 to 23), where who asks is, of an hour since 1970 in UTC."""


def in_utc(hour: int) -> int:
    """Return the hour of the day in UTC."""
    return hour % 24


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to know. Empty means any; `hour` is one of the day, None for all."""

    by: Dimension
    period: Period
    target: str = ""
    server: str = ""
    member: str = ""
    client: str = ""
    token_id: str = ""
    hour: int | None = None
    hour_of_day: HourOfDay = in_utc


@dataclass(frozen=True, slots=True)
class Answer:
    """The figures by name, the most called first (hours in their order), and of all together.

    `slowest` has the id of each name's slowest call, where its row is still there.
    """

    asked: Asked
    figures: Sequence[Figures]
    total: Figures
    slowest: Mapping[str, str]

    def of(self, name: str) -> Figures | None:
        """Return the figures of a name, None when it has no calls."""
        return next((one for one in self.figures if one.name == name), None)


class Statistics:
    """What can be asked about many calls at once."""

    def __init__(self, current: Current, journal: Journal) -> None:
        self._current = current
        self._journal = journal

    async def sum(self, principal: Principal, slug: str, asked: Asked) -> Answer:
        """Add up the calls that `principal` may see: an admin all, a developer its own.

        Raises:
            InvalidInput: the period or the hour is none.
            NotFound: there is no such workspace.
            Forbidden: the role sees no calls.
        """
        _check(asked)
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        if not decide(principal, Action.READ_ALL_CALLS, workspace.id).is_allowed:
            require(principal, Action.READ_OWN_CALLS, workspace.id)
            asked = replace(asked, member=principal.member)
        parts = await self._journal.sums(_wanted(asked, workspace.id), asked.by)
        figures, total = summed(parts, asked.period, _naming(asked))
        if asked.by is Dimension.HOUR:
            figures = sorted(figures, key=lambda one: one.name)
        slowest = {one.name: await self._journal.id_of(one.slowest_row) for one in figures}
        return Answer(asked, figures, total, slowest)

    async def compare(self, principal: Principal, slug: str, asked: Asked) -> tuple[Answer, Answer]:
        """Return the same of the period of the same length before, too. Raises as `sum`."""
        before = replace(asked, period=asked.period.previous())
        return await self.sum(principal, slug, asked), await self.sum(principal, slug, before)


def _check(asked: Asked) -> None:
    if not 0 < asked.period.length_s <= MAX_LENGTH_S:
        raise InvalidInput("the period is none, or longer than 400 days", "as in --since 7d")
    if asked.hour is not None and not 0 <= asked.hour < 24:
        raise InvalidInput("an hour is a number from 0 to 23", "as in --hour 2")


def _wanted(asked: Asked, workspace_id: str) -> StatsFilter:
    hours = None
    if asked.hour is not None:
        whole = asked.period.to_the_hour()
        every = range(int(whole.since // HOUR_S), int(whole.until // HOUR_S))
        hours = frozenset(hour for hour in every if asked.hour_of_day(hour) == asked.hour)
    return StatsFilter(
        workspace_id=workspace_id,
        period=asked.period,
        target=asked.target,
        server=asked.server,
        member=asked.member,
        client=asked.client,
        token_id=asked.token_id,
        hours=hours,
    )


def _naming(asked: Asked) -> Callable[[Part], str]:
    """Return what names a part."""
    if asked.by is Dimension.HOUR:
        return lambda part: f"{asked.hour_of_day(part.hour):02}"
    if asked.by is Dimension.STATUS:
        return lambda part: part.outcome.value
    return lambda part: part.name
