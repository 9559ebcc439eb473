"""Members: who has tokens, and what is left to do when somebody goes."""

import pytest

from mcpgw.errors import Forbidden, NotFound
from mcpgw.model.secret import Secret
from mcpgw.model.server import HttpLaunch
from mcpgw.model.token import OPERATOR, Role
from tests.fakes import FakeUpstream, listing
from tests.world import World, asked


async def server(world: World, name: str) -> None:
    """Add a server that takes a secret."""
    world.upstreams.by_name[name] = FakeUpstream(listing(get="x"))
    launch = HttpLaunch("http://127.0.0.1:1/", (("Authorization", "${secret:KEY}"),))
    await world.gateway.servers.add(OPERATOR, "demo", name, launch, is_tried=False)
    await world.gateway.secrets.set(OPERATOR, "demo", name, "KEY", Secret("hush-hush"))


async def use(world: World, member: str, tool: str, role: Role = Role.DEVELOPER) -> None:
    admission = await world.admission(role, member)
    name = f'"{tool}"'.encode()
    await world.gateway.dispatcher.answer(asked(admission, "tools/call", {"name": name}))


async def test_members_are_those_who_have_or_had_tokens(world: World) -> None:
    members = world.gateway.members
    assert await members.list(OPERATOR, "demo") == []
    await server(world, "git")
    await use(world, "bob", "git__get")
    await world.admission(member="ana")
    await world.gateway.tokens.revoke_member(OPERATOR, "demo", "ana")
    ana, bob = await members.list(OPERATOR, "demo")
    assert (ana.member, ana.usable(world.clock.time), ana.last_used_at) == ("ana", 0, None)
    assert (bob.member, bob.usable(world.clock.time)) == ("bob", 1)
    assert bob.last_used_at == world.clock.time
    assert await members.show(OPERATOR, "demo", "bob") == bob
    with pytest.raises(NotFound, match="no member 'eve'"):
        await members.show(OPERATOR, "demo", "eve")


async def test_removing_a_member_revokes_every_token(world: World) -> None:
    await world.admission(member="ana")
    await world.admission(member="ana")
    assert len(await world.gateway.members.remove(OPERATOR, "demo", "ana")) == 2
    assert await world.gateway.members.remove(OPERATOR, "demo", "ana") == []


async def test_offboarding_tells_what_was_used_and_what_to_rotate(world: World) -> None:
    for name in ("git", "jira"):
        await server(world, name)
    await use(world, "ana", "git__get")
    await use(world, "ana", "git__get")
    await use(world, "ana", "jira__none")
    done = await world.gateway.members.offboard(OPERATOR, "demo", "ana")
    assert (done.member, len(done.revoked), done.was_admin) == ("ana", 3, False)
    assert [(name, use.calls) for name, use in done.used] == [("git", 2)]
    assert [(one.server, one.name) for one in done.credentials] == [("git", "KEY")]
    assert "hush" not in repr(done)
    again = await world.gateway.members.offboard(OPERATOR, "demo", "ana")
    assert (again.revoked, again.used) == ((), done.used)


async def test_an_admin_could_have_set_every_credential(world: World) -> None:
    for name in ("git", "jira"):
        await server(world, name)
    await use(world, "ana", "git__get", Role.ADMIN)
    done = await world.gateway.members.offboard(OPERATOR, "demo", "ana")
    assert done.was_admin
    assert [one.server for one in done.credentials] == ["git", "jira"]


async def test_only_admins_see_and_remove_members(world: World) -> None:
    principal = (await world.admission()).principal
    members = world.gateway.members
    for attempt in (
        members.list(principal, "demo"),
        members.show(principal, "demo", "ana"),
        members.remove(principal, "demo", "ana"),
        members.offboard(principal, "demo", "ana"),
    ):
        with pytest.raises(Forbidden):
            await attempt
