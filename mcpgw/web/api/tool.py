"""Tools: their classes, and admins' rulings on them."""

from msgspec import UNSET

from mcpgw.gateway.tool import Tools, ToolSeen
from mcpgw.model.tool_class import ToolClass
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.api.paging import page_of
from mcpgw.web.wire.page import Page, Query
from mcpgw.web.wire.tool import NewRuling, Tool, ToolQuery


class ToolApi:
    """Handlers."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def list(self, asked: Asked[ToolQuery, None]) -> Page[Tool]:
        """List the tools by name, with their classes."""
        wanted = asked.query
        seen = [
            one
            for one in await self._tools.list(asked.principal, asked.slug)
            if wanted.server in ("", one.server) and wanted.kind in (UNSET, one.classed.kind)
        ]
        return page_of(seen, wanted, lambda one: (one.exposed,), Tool.of)

    async def show(self, asked: Asked[Query, None]) -> Tool:
        """Show a tool."""
        return Tool.of(await self._tools.show(asked.principal, asked.slug, asked.values["tool"]))

    async def rule(self, asked: Asked[Query, NewRuling]) -> Tool:
        """Say what a tool does to the world; that outweighs its annotations and its name."""
        return Tool.of(await self._rule(asked, asked.body.kind))

    async def unrule(self, asked: Asked[Query, None]) -> Tool:
        """Take a ruling back: the tool's annotations and name say what it does again."""
        return Tool.of(await self._rule(asked, None))

    async def _rule(
        self, asked: Asked[Query, NewRuling] | Asked[Query, None], kind: ToolClass | None
    ) -> ToolSeen:
        return await self._tools.rule(asked.principal, asked.slug, asked.values["tool"], kind)
