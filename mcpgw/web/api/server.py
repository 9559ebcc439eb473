"""Servers: added by URL only. What starts a process is for the operator at the box."""

from mcpgw.gateway.server import Servers, ServerSeen
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.api.paging import Key, page_of
from mcpgw.web.wire.page import Page, PageQuery, Query
from mcpgw.web.wire.server import AddedServer, NewServer, Server, ServerSwitch, ServerTest


class ServerApi:
    """Handlers."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    async def list(self, asked: Asked[PageQuery, None]) -> Page[Server]:
        """List the servers, oldest first."""
        seen = await self._servers.list(asked.principal, asked.slug)
        return page_of(seen, asked.query, _order, Server.of)

    async def add(self, asked: Asked[Query, NewServer]) -> AddedServer:
        """Add a server that is reached by an https URL, after it has been tried."""
        new = asked.body
        seen, tried = await self._servers.add(
            asked.principal,
            asked.slug,
            new.name,
            new.launch(),
            prefix=new.prefix,
            is_tried=new.test,
        )
        test = None if tried is None else ServerTest.of(tried)
        return AddedServer(server=Server.of(seen), test=test)

    async def show(self, asked: Asked[Query, None]) -> Server:
        """Show a server."""
        name = asked.values["server"]
        return Server.of(await self._servers.show(asked.principal, asked.slug, name))

    async def switch(self, asked: Asked[Query, ServerSwitch]) -> Server:
        """Switch a server on or off; its tools come and go with it."""
        name = asked.values["server"]
        await self._servers.set_enabled(asked.principal, asked.slug, name, asked.body.is_enabled)
        return Server.of(await self._servers.show(asked.principal, asked.slug, name))

    async def remove(self, asked: Asked[Query, None]) -> None:
        """Remove a server and its secrets."""
        await self._servers.remove(asked.principal, asked.slug, asked.values["server"])

    async def test(self, asked: Asked[Query, None]) -> ServerTest:
        """Connect to a server and count what it offers."""
        name = asked.values["server"]
        return ServerTest.of(await self._servers.test(asked.principal, asked.slug, name))


def _order(seen: ServerSeen) -> Key:
    return seen.server.created_at, seen.server.name
