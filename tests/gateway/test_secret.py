"""Secrets go in and never come out, but into the launch of their own server."""

import pytest

from mcpgw.errors import Forbidden, InvalidInput, NotFound, UpstreamError, VaultLocked
from mcpgw.gateway.secret import Filler
from mcpgw.model.secret import Secret
from mcpgw.model.server import HttpLaunch, StdioLaunch
from mcpgw.model.token import OPERATOR, Role
from tests.fakes import FakeUpstream, listing
from tests.world import World

CANARY = 's3cr3t/+="\\ünïcode'


async def jira(world: World, name: str = "jira") -> None:
    launch = HttpLaunch("http://127.0.0.1:1/", (("Authorization", "Bearer ${secret:KEY}"),))
    await world.gateway.servers.add(OPERATOR, "demo", name, launch)


async def test_a_value_fills_its_own_server_only(world: World) -> None:
    await jira(world)
    await jira(world, "copycat")
    await world.gateway.secrets.set(OPERATOR, "demo", "jira", "KEY", Secret(CANARY))
    configuration = await world.current.configuration()
    own, other = configuration.servers[configuration.workspaces["demo"].id]
    filler = Filler(world.vault)
    assert filler.reach(configuration, own).fill() == [("Authorization", f"Bearer {CANARY}")]
    with pytest.raises(UpstreamError, match="KEY"):
        filler.reach(configuration, other).fill()


async def test_a_new_value_is_a_new_version_and_a_new_connection(world: World) -> None:
    await jira(world)
    filler = Filler(world.vault)
    prints, versions = [], []
    for value in ("one", "two"):
        seen = await world.gateway.secrets.set(OPERATOR, "demo", "jira", "KEY", Secret(value))
        configuration = await world.current.configuration()
        server = configuration.server(configuration.workspaces["demo"].id, "jira")
        reach = filler.reach(configuration, server)
        assert reach.fill() == [("Authorization", f"Bearer {value}")]
        prints.append(reach.fingerprint)
        versions.append(seen.sealed.version if seen.sealed else None)
    assert versions == [1, 2]
    assert prints[0] != prints[1]


async def test_a_swapped_blob_does_not_open(world: World) -> None:
    await jira(world)
    await jira(world, "other")
    await world.gateway.secrets.set(OPERATOR, "demo", "jira", "KEY", Secret(CANARY))
    held = world.store.held
    own, other = held.servers[held.workspaces["demo"].id]
    world.store.change(secrets={other.id: dict(held.secrets[own.id])})
    reach = Filler(world.vault).reach(world.store.held, other)
    with pytest.raises(VaultLocked):
        reach.fill()


async def test_the_list_shows_what_is_missing_and_no_value(world: World) -> None:
    await jira(world)
    missing = await world.gateway.secrets.list(OPERATOR, "demo")
    assert [(one.server, one.name, one.sealed) for one in missing] == [("jira", "KEY", None)]
    await world.gateway.secrets.set(OPERATOR, "demo", "jira", "KEY", Secret(CANARY))
    (seen,) = await world.gateway.secrets.list(OPERATOR, "demo")
    assert seen.sealed is not None
    assert CANARY not in repr(seen)


async def test_deleted_is_gone(world: World) -> None:
    await jira(world)
    await world.gateway.secrets.set(OPERATOR, "demo", "jira", "KEY", Secret(CANARY))
    await world.gateway.secrets.delete(OPERATOR, "demo", "jira", "KEY")
    with pytest.raises(NotFound):
        await world.gateway.secrets.delete(OPERATOR, "demo", "jira", "KEY")


async def test_what_a_launch_cannot_carry_is_refused(world: World) -> None:
    await jira(world)
    world.upstreams.by_name["local"] = FakeUpstream(listing())
    await world.gateway.servers.add(OPERATOR, "demo", "local", StdioLaunch(("run",)))
    for server, value in (("jira", "two\nlines"), ("jira", ""), ("local", "nul\0")):
        with pytest.raises(InvalidInput) as caught:
            await world.gateway.secrets.set(OPERATOR, "demo", server, "KEY", Secret(value))
        assert not value or value not in caught.value.message
    await world.gateway.secrets.set(OPERATOR, "demo", "local", "KEY", Secret("two\nlines"))


async def test_only_who_may_change_sets(world: World) -> None:
    await jira(world)
    principal = (await world.admission(Role.DEVELOPER)).principal
    with pytest.raises(Forbidden):
        await world.gateway.secrets.set(principal, "demo", "jira", "KEY", Secret("x"))
