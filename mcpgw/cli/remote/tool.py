"""Tools of a gateway elsewhere."""

from collections.abc import Sequence

from mcpgw.cli.remote.connection import ANY, Connection, segment
from mcpgw.gateway.tool import ToolSeen, Visible
from mcpgw.model.token import Principal
from mcpgw.model.tool_class import ToolClass
from mcpgw.web.wire.tool import NewRuling, Tool, ToolQuery, VisibleTools


class RemoteTools:
    """As `gateway.tool.Tools`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self, principal: Principal, slug: str) -> Sequence[ToolSeen]:
        """Return the tools by name."""
        found = await self._connection.get_all(Tool, "/tools", ToolQuery())
        return [one.seen() for one in found]

    async def rule(
        self, principal: Principal, slug: str, exposed: str, kind: ToolClass | None
    ) -> ToolSeen:
        """Say what a tool does to the world, or take that back."""
        path = f"/tools/{segment('tool', exposed)}/ruling"
        if kind is None:
            answer = await self._connection.ask("DELETE", path, if_match=ANY)
        else:
            answer = await self._connection.ask("PUT", path, NewRuling(kind=kind), if_match=ANY)
        return answer.read(Tool).seen()

    async def seen_by_token(self, principal: Principal, slug: str, token_id: str) -> Visible:
        """Count what a token sees."""
        path = f"/tokens/{segment('token', token_id)}/visible"
        return (await self._connection.get(VisibleTools, path)).visible()
