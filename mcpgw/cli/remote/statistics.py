"""Sums over the calls of a gateway elsewhere."""

from dataclasses import replace

from mcpgw.cli.remote.connection import Connection
from mcpgw.gateway.statistics import Answer, Asked
from mcpgw.model.token import Principal
from mcpgw.web.wire.statistics import Statistics, StatisticsQuery


class RemoteStatistics:
    """As `gateway.statistics.Statistics`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def sum(self, principal: Principal, slug: str, asked: Asked) -> Answer:
        """Add up the calls that the token may see."""
        query = StatisticsQuery.of(asked)
        return (await self._connection.get(Statistics, "/statistics", query)).answer(asked)

    async def compare(self, principal: Principal, slug: str, asked: Asked) -> tuple[Answer, Answer]:
        """Return the same of the period of the same length before, too."""
        before = replace(asked, period=asked.period.previous())
        return await self.sum(principal, slug, asked), await self.sum(principal, slug, before)
