"""Servers are tried before they are saved."""

import pytest

from mcpgw.errors import Conflict, Forbidden, InvalidInput, NotFound, UpstreamError
from mcpgw.model.secret import Secret
from mcpgw.model.server import HttpLaunch, StdioLaunch
from mcpgw.model.token import OPERATOR, Role
from tests.fakes import FakeUpstream, listing
from tests.world import World

URL = HttpLaunch("http://127.0.0.1:1/mcp")


async def test_added_after_a_try(world: World) -> None:
    world.upstreams.by_name["git"] = FakeUpstream(listing(log="x", diff="y"))
    seen, tried = await world.gateway.servers.add(OPERATOR, "demo", "git", URL)
    assert tried is not None
    assert (tried.tools, tried.prompts, tried.resources) == (2, 1, 1)
    assert seen.server.prefix == "git"
    assert [one.server.name for one in await world.gateway.servers.list(OPERATOR, "demo")] == [
        "git"
    ]


async def test_what_cannot_be_reached_is_not_saved(world: World) -> None:
    with pytest.raises(UpstreamError):
        await world.gateway.servers.add(OPERATOR, "demo", "git", URL)
    assert not await world.gateway.servers.list(OPERATOR, "demo")


async def test_what_lacks_a_secret_is_saved_untried_and_says_so(world: World) -> None:
    launch = HttpLaunch("http://127.0.0.1:1/", (("X-Key", "${secret:KEY}"),))
    seen, tried = await world.gateway.servers.add(OPERATOR, "demo", "jira", launch)
    assert tried is None
    assert seen.missing_secrets == ("KEY",)
    with pytest.raises(UpstreamError, match="KEY"):
        await world.gateway.servers.test(OPERATOR, "demo", "jira")
    world.upstreams.by_name["jira"] = FakeUpstream(listing(ask="x"))
    await world.gateway.secrets.set(OPERATOR, "demo", "jira", "KEY", Secret("v"))
    assert (await world.gateway.servers.test(OPERATOR, "demo", "jira")).tools == 1
    assert (await world.gateway.servers.show(OPERATOR, "demo", "jira")).missing_secrets == ()


async def test_a_taken_name_and_bad_input_change_nothing(world: World) -> None:
    await world.server("git", log="x")
    servers = world.gateway.servers
    for name, launch, prefix, error in (
        ("git", URL, None, Conflict),
        ("Git!", URL, None, InvalidInput),
        ("ok", HttpLaunch("ftp://x"), None, InvalidInput),
        ("ok", URL, "a__b", InvalidInput),
    ):
        with pytest.raises(error):
            await servers.add(OPERATOR, "demo", name, launch, prefix=prefix)
    assert len(await servers.list(OPERATOR, "demo")) == 1


async def test_no_token_adds_a_process(world: World) -> None:
    principal = (await world.admission(Role.ADMIN)).principal
    world.upstreams.by_name["sh"] = FakeUpstream(listing())
    with pytest.raises(Forbidden):
        await world.gateway.servers.add(principal, "demo", "sh", StdioLaunch(("sh",)))
    world.upstreams.by_name["web"] = FakeUpstream(listing())
    with pytest.raises(InvalidInput, match="https"):
        await world.gateway.servers.add(principal, "demo", "web", URL)
    secure = HttpLaunch("https://mcp.example.com/mcp")
    seen, _ = await world.gateway.servers.add(principal, "demo", "web", secure)
    assert not seen.server.is_private_allowed


async def test_what_the_operator_adds_may_be_on_a_private_network(world: World) -> None:
    await world.server("git", log="x")
    assert (await world.gateway.servers.show(OPERATOR, "demo", "git")).server.is_private_allowed


async def test_an_admin_switches_an_approved_process_and_no_more(world: World) -> None:
    servers = world.gateway.servers
    world.upstreams.by_name["sh"] = FakeUpstream(listing())
    await servers.add(OPERATOR, "demo", "sh", StdioLaunch(("sh",)))
    admin = (await world.admission(Role.ADMIN)).principal
    with pytest.raises(Forbidden):
        await servers.set_enabled(admin, "demo", "sh", False)
    with pytest.raises(Forbidden):
        await servers.set_approved(admin, "demo", "sh", True)
    await servers.set_approved(OPERATOR, "demo", "sh", True)
    await servers.set_enabled(admin, "demo", "sh", False)
    await servers.set_enabled(admin, "demo", "sh", True)
    for attempt in (servers.remove(admin, "demo", "sh"), servers.test(admin, "demo", "sh")):
        with pytest.raises(Forbidden):
            await attempt
    await servers.set_approved(OPERATOR, "demo", "sh", False)
    with pytest.raises(Forbidden):
        await servers.set_enabled(admin, "demo", "sh", False)
    assert (await servers.show(admin, "demo", "sh")).server.is_enabled


async def test_a_url_needs_no_approval(world: World) -> None:
    await world.server("git", log="x")
    with pytest.raises(InvalidInput, match="reached by URL"):
        await world.gateway.servers.set_approved(OPERATOR, "demo", "git", True)
    admin = (await world.admission(Role.ADMIN)).principal
    await world.gateway.servers.set_enabled(admin, "demo", "git", False)
    await world.gateway.servers.remove(admin, "demo", "git")


async def test_switched_off_and_removed(world: World) -> None:
    await world.server("git", log="x")
    servers = world.gateway.servers
    await servers.set_enabled(OPERATOR, "demo", "git", False)
    assert not (await servers.show(OPERATOR, "demo", "git")).server.is_enabled
    await servers.remove(OPERATOR, "demo", "git")
    with pytest.raises(NotFound):
        await servers.remove(OPERATOR, "demo", "git")


async def test_untried_on_demand(world: World) -> None:
    _, tried = await world.gateway.servers.add(OPERATOR, "demo", "later", URL, is_tried=False)
    assert tried is None
