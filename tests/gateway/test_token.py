"""Tokens: issued once, listed ever after, revoked at once."""

from dataclasses import replace

import pytest

from mcpgw.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from mcpgw.gateway.token import DEFAULT_TTL_S, NEVER_S
from mcpgw.model.bounds import Bounds
from mcpgw.model.token import OPERATOR, Role, is_token
from tests.world import World, asked


async def test_issued_text_is_a_token_and_stands_nowhere(world: World) -> None:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.ADMIN, 60.0)
    assert is_token(issued.text)
    assert issued.text not in repr(issued)
    assert issued.text not in repr(world.store.held)
    assert issued.token.expires_at == world.clock.time + 60


@pytest.mark.parametrize(
    ("member", "ttl_s"), [("", 60.0), ("a\nb", 60.0), ("ana", 0.0), ("ana", -1.0), ("ana", 4e8)]
)
async def test_unusable_input_issues_nothing(world: World, member: str, ttl_s: float) -> None:
    with pytest.raises(InvalidInput):
        await world.gateway.tokens.issue(OPERATOR, "demo", member, Role.ADMIN, ttl_s)
    assert not world.store.held.tokens


async def test_a_developer_issues_and_lists_nothing(world: World) -> None:
    admission = await world.admission(Role.DEVELOPER)
    tokens = world.gateway.tokens
    with pytest.raises(Forbidden):
        await tokens.issue(admission.principal, "demo", "eve", Role.ADMIN, None)
    with pytest.raises(Forbidden):
        await tokens.list(admission.principal, "demo")


async def test_an_admin_manages_own_workspace_only(world: World) -> None:
    await world.gateway.workspaces.create(OPERATOR, "other")
    admin = (await world.admission(Role.ADMIN)).principal
    await world.gateway.tokens.issue(admin, "demo", "bob", Role.READONLY, None)
    with pytest.raises(Forbidden):
        await world.gateway.tokens.issue(admin, "other", "bob", Role.READONLY, None)


async def test_the_list_keeps_the_revoked_and_knows_the_last_use(world: World) -> None:
    await world.server("git", log="shows")
    used = await world.admission(member="ana")
    await world.calls.forward(asked(used, "tools/call", {"name": b'"git__log"'}))
    world.clock.pass_s(1)
    other = await world.gateway.tokens.issue(OPERATOR, "demo", "bob", Role.READONLY, None)
    await world.gateway.tokens.revoke(OPERATOR, "demo", other.token.id)
    first, second = await world.gateway.tokens.list(OPERATOR, "demo")
    assert (first.token.member, first.last_used_at) == ("ana", world.clock.time - 1)
    assert (second.token.state(world.clock.time), second.last_used_at) == ("revoked", None)
    assert (await world.gateway.tokens.show(OPERATOR, "demo", other.token.id)) == second


async def test_revoking_twice_keeps_the_first_time(world: World) -> None:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.ADMIN, None)
    await world.gateway.tokens.revoke(OPERATOR, "demo", issued.token.id)
    at = world.store.held.tokens[issued.token.index].revoked_at
    world.clock.pass_s(5)
    await world.gateway.tokens.revoke(OPERATOR, "demo", issued.token.id)
    assert world.store.held.tokens[issued.token.index].revoked_at == at


async def test_a_members_tokens_go_together(world: World) -> None:
    for member in ("ana", "ana", "bob"):
        await world.gateway.tokens.issue(OPERATOR, "demo", member, Role.ADMIN, None)
    assert len(await world.gateway.tokens.revoke_member(OPERATOR, "demo", "ana")) == 2
    assert await world.gateway.tokens.revoke_member(OPERATOR, "demo", "ana") == []
    left = [t for t in world.store.held.tokens.values() if t.revoked_at is None]
    assert [token.member for token in left] == ["bob"]


async def test_what_is_not_there_is_named(world: World) -> None:
    tokens = world.gateway.tokens
    for attempt in (
        tokens.revoke(OPERATOR, "demo", "tok_none"),
        tokens.show(OPERATOR, "demo", "tok_none"),
        tokens.revoke_member(OPERATOR, "demo", "nobody"),
        tokens.list(OPERATOR, "nowhere"),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_token_says_nothing_of_its_life(world: World) -> None:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.ADMIN)
    assert issued.token.expires_at == world.clock.time + DEFAULT_TTL_S
    for_ever = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.ADMIN, NEVER_S)
    assert for_ever.token.expires_at is None


async def test_bounds_are_covered_by_the_mac(world: World) -> None:
    bounds = Bounds(servers=("git",), addresses=("10.1.2.3/8",))
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.ADMIN, 60.0, bounds)
    assert issued.token.bounds.addresses == ("10.0.0.0/8",)
    await world.gateway.access.authenticate("demo", issued.text)
    for forged in (Bounds(), replace(bounds, servers=("*",))):
        row = replace(issued.token, bounds=forged)
        world.store.change(tokens={row.index: row})
        with pytest.raises(Unauthenticated):
            await world.gateway.access.authenticate("demo", issued.text)


async def test_rotation_overlaps(world: World) -> None:
    tokens, access = world.gateway.tokens, world.gateway.access
    bounds = Bounds(servers=("git",))
    old = await tokens.issue(OPERATOR, "demo", "ana", Role.READONLY, 1000.0, bounds)
    world.clock.pass_s(400)
    new = await tokens.rotate(OPERATOR, "demo", old.token.id, 100.0)
    assert (new.token.member, new.token.role, new.token.bounds) == ("ana", Role.READONLY, bounds)
    assert new.token.expires_at == world.clock.time + 1000.0
    for issued in (old, new):
        await access.authenticate("demo", issued.text)
    world.clock.pass_s(100)
    with pytest.raises(Unauthenticated):
        await access.authenticate("demo", old.text)
    await access.authenticate("demo", new.text)


async def test_rotation_lengthens_no_life(world: World) -> None:
    tokens = world.gateway.tokens
    old = await tokens.issue(OPERATOR, "demo", "ana", Role.READONLY, 50.0)
    await tokens.rotate(OPERATOR, "demo", old.token.id, 100.0, ttl_s=10.0)
    kept, new = await tokens.list(OPERATOR, "demo")
    assert {kept.token.expires_at, new.token.expires_at} == {
        old.token.expires_at,
        world.clock.time + 10.0,
    }
    never = await tokens.issue(OPERATOR, "demo", "bob", Role.READONLY, NEVER_S)
    assert (await tokens.rotate(OPERATOR, "demo", never.token.id, 0.0)).token.expires_at is None
    with pytest.raises(Unauthenticated):
        await world.gateway.access.authenticate("demo", never.text)


async def test_what_cannot_be_rotated(world: World) -> None:
    tokens = world.gateway.tokens
    gone = await tokens.issue(OPERATOR, "demo", "ana", Role.READONLY, 50.0)
    good = await tokens.issue(OPERATOR, "demo", "ana", Role.READONLY, 5000.0)
    world.clock.pass_s(60)
    with pytest.raises(Conflict, match="is expired"):
        await tokens.rotate(OPERATOR, "demo", gone.token.id, 1.0)
    with pytest.raises(NotFound):
        await tokens.rotate(OPERATOR, "demo", "tok_none", 1.0)
    for overlap_s in (-1.0, float("inf")):
        with pytest.raises(InvalidInput):
            await tokens.rotate(OPERATOR, "demo", good.token.id, overlap_s)
    developer = (await world.admission()).principal
    with pytest.raises(Forbidden):
        await tokens.rotate(developer, "demo", good.token.id, 1.0)
    assert len(world.store.held.tokens) == 3
