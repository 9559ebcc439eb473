"""Servers of a gateway elsewhere: those that are reached by URL."""

from collections.abc import Sequence

from mcpgw.cli.remote.connection import ANY, Connection, segment
from mcpgw.errors import Forbidden
from mcpgw.gateway.server import ServerSeen, Tried
from mcpgw.model.server import HttpLaunch, Launch, check_launch
from mcpgw.model.token import Principal
from mcpgw.web.wire.page import PageQuery
from mcpgw.web.wire.server import (
    AddedServer,
    Header,
    NewServer,
    Server,
    ServerSwitch,
    ServerTest,
)


class RemoteServers:
    """As `gateway.server.Servers`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(
        self,
        principal: Principal,
        slug: str,
        name: str,
        launch: Launch,
        *,
        prefix: str | None = None,
        is_tried: bool = True,
    ) -> tuple[ServerSeen, Tried | None]:
        """Add a server that is reached by URL."""
        check_launch(launch)
        if not isinstance(launch, HttpLaunch):
            raise _only_at_the_box("a server with a command is added")
        headers = tuple(Header(name=key, value=value) for key, value in launch.headers)
        new = NewServer(name=name, url=launch.url, headers=headers, prefix=prefix, test=is_tried)
        added = (await self._connection.ask("POST", "/servers", new)).read(AddedServer)
        seen = added.server.seen()
        return seen, None if added.test is None else added.test.tried(seen.server)

    async def list(self, principal: Principal, slug: str) -> Sequence[ServerSeen]:
        """Return the servers."""
        found = await self._connection.get_all(Server, "/servers", PageQuery())
        return [one.seen() for one in found]

    async def show(self, principal: Principal, slug: str, name: str) -> ServerSeen:
        """Return one server."""
        return (await self._connection.get(Server, _path(name))).seen()

    async def remove(self, principal: Principal, slug: str, name: str) -> None:
        """Remove a server and its secrets."""
        await self._connection.ask("DELETE", _path(name), if_match=ANY)

    async def set_enabled(
        self, principal: Principal, slug: str, name: str, is_enabled: bool
    ) -> None:
        """Switch a server on or off."""
        switch = ServerSwitch(is_enabled=is_enabled)
        await self._connection.ask("PATCH", _path(name), switch, if_match=ANY)

    async def set_approved(
        self, principal: Principal, slug: str, name: str, is_approved: bool
    ) -> None:
        """Refuse: this is how the operator lets admins act from elsewhere."""
        raise _only_at_the_box("a server is approved")

    async def test(self, principal: Principal, slug: str, name: str) -> Tried:
        """Let the gateway connect to a server and count what it offers."""
        tested = (await self._connection.ask("POST", f"{_path(name)}/test")).read(ServerTest)
        return tested.tried((await self.show(principal, slug, name)).server)


def _only_at_the_box(what: str) -> Forbidden:
    return Forbidden(
        f"{what} only at the box: nothing that comes over the network makes a process",
        "let its operator run this there",
    )


def _path(name: str) -> str:
    return f"/servers/{segment('server', name)}"
