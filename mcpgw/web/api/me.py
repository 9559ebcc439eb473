"""Who one is oneself. For every role: it tells nothing of the configuration."""

from mcpgw.gateway.tool import Tools
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.wire.me import Me
from mcpgw.web.wire.page import Query


class MeApi:
    """Handlers."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def show(self, asked: Asked[Query, None]) -> Me:
        """Say whose token this is, what it may do, and how many tools it sees of how many."""
        return Me.of(asked.admission, await self._tools.seen_by(asked.admission))
