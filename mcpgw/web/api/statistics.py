"""Calls added up: an admin's of everybody, a developer's own."""

from collections.abc import Callable

from mcpgw.gateway.statistics import Statistics
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.wire.statistics import Statistics as Told
from mcpgw.web.wire.statistics import StatisticsQuery


class StatisticsApi:
    """Handlers."""

    def __init__(self, statistics: Statistics, now: Callable[[], float]) -> None:
        self._statistics = statistics
        self._now = now

    async def sum(self, asked: Asked[StatisticsQuery, None]) -> Told:
        """Add up calls by server, tool, member, client, hour of the day or status."""
        wanted = asked.query.asked(self._now())
        return Told.of(await self._statistics.sum(asked.principal, asked.slug, wanted))
