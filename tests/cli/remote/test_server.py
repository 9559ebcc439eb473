"""Servers elsewhere."""

import pytest

from mcpgw.cli.remote.gateway import RemoteGateway
from mcpgw.errors import Conflict, Forbidden, InvalidInput, NotFound, UpstreamError
from mcpgw.model.server import HttpLaunch, StdioLaunch
from mcpgw.model.token import OPERATOR
from tests.fakes import FakeUpstream, listing
from tests.world import World

URL = HttpLaunch("https://mcp.example.com/mcp", (("X-Key", "${secret:KEY}"),))
PLAIN = HttpLaunch("https://mcp.example.com/mcp")


async def test_added_listed_and_removed(remote: RemoteGateway, here: World) -> None:
    servers = remote.servers
    here.upstreams.by_name["git"] = FakeUpstream(listing(log="x", diff="y"))
    seen, tried = await servers.add(OPERATOR, "demo", "git", PLAIN)
    assert tried is not None
    assert (tried.tools, tried.prompts, tried.server) == (2, 1, seen.server)
    later, untried = await servers.add(OPERATOR, "demo", "jira", URL, prefix="")
    assert (untried, later.missing_secrets, later.server.prefix) == (None, ("KEY",), "")
    assert [one.server.launch for one in await servers.list(OPERATOR, "demo")] == [PLAIN, URL]
    assert await servers.show(OPERATOR, "demo", "git") == seen
    assert (await servers.test(OPERATOR, "demo", "git")).tools == 2
    await servers.remove(OPERATOR, "demo", "git")
    assert [one.server.name for one in await servers.list(OPERATOR, "demo")] == ["jira"]


async def test_switched(remote: RemoteGateway, here: World) -> None:
    await here.server("git", log="x")
    for is_enabled in (False, True):
        await remote.servers.set_enabled(OPERATOR, "demo", "git", is_enabled)
        shown = await here.gateway.servers.show(OPERATOR, "demo", "git")
        assert shown.server.is_enabled is is_enabled


async def test_what_is_for_the_box_says_so(remote: RemoteGateway, here: World) -> None:
    servers = remote.servers
    with pytest.raises(Forbidden, match="a server with a command is added only at the box"):
        await servers.add(OPERATOR, "demo", "sh", StdioLaunch(("sh",)))
    with pytest.raises(Forbidden, match="a server is approved only at the box"):
        await servers.set_approved(OPERATOR, "demo", "sh", True)
    await here.gateway.servers.add(OPERATOR, "demo", "sh", StdioLaunch(("sh",)), is_tried=False)
    with pytest.raises(Forbidden):
        await servers.test(OPERATOR, "demo", "sh")
    assert (await servers.show(OPERATOR, "demo", "sh")).server.launch.command[0] == "sh"  # type: ignore[union-attr]


async def test_errors_are_what_the_use_cases_raise(remote: RemoteGateway, here: World) -> None:
    servers = remote.servers
    await here.server("git", log="x")
    with pytest.raises(Conflict, match="has a server 'git' already"):
        await servers.add(OPERATOR, "demo", "git", PLAIN)
    with pytest.raises(UpstreamError, match="refused the connection"):
        await servers.add(OPERATOR, "demo", "down", PLAIN)
    with pytest.raises(InvalidInput, match="no server name"):
        await servers.add(OPERATOR, "demo", "No", PLAIN)
    for name in ("none", "../tokens", "a/b", "a%2fb", "", "a?b"):
        with pytest.raises(NotFound):
            await servers.show(OPERATOR, "demo", name)
