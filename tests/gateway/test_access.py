"""Who gets in: a valid token of this workspace; everybody else gets one and the same answer."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from mcpgw.errors import Forbidden, NotFound, Unauthenticated
from mcpgw.gateway.access import Access
from mcpgw.model.token import OPERATOR, Role, Token, format_token
from tests.world import World, stranger


async def refused(world: World, slug: str, text: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await world.gateway.access.authenticate(slug, text)
    return caught.value.message


async def test_a_token_says_who_comes(world: World) -> None:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.READONLY, None)
    admission = await world.gateway.access.authenticate("demo", issued.text)
    assert admission.principal.member == "ana"
    assert admission.principal.role is Role.READONLY
    assert admission.workspace.slug == "demo"


async def test_who_comes_again_is_recognised(world: World) -> None:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.READONLY, None)
    access = world.gateway.access
    first = await access.authenticate("demo", issued.text)
    assert await access.authenticate("demo", issued.text) == first
    await refused(world, "other", issued.text)


async def test_every_refusal_reads_the_same(world: World) -> None:
    tokens = world.gateway.tokens
    await world.gateway.workspaces.create(OPERATOR, "other")
    good = await tokens.issue(OPERATOR, "demo", "ana", Role.ADMIN, None)
    foreign = await tokens.issue(OPERATOR, "other", "ana", Role.ADMIN, None)
    expired = await tokens.issue(OPERATOR, "demo", "ana", Role.ADMIN, 10.0)
    revoked = await tokens.issue(OPERATOR, "demo", "ana", Role.ADMIN, None)
    await tokens.revoke(OPERATOR, "demo", revoked.token.id)
    world.clock.pass_s(10.0)
    said = {
        await refused(world, "demo", ""),
        await refused(world, "demo", "mgwu_nonsense"),
        await refused(world, "demo", "mgwu_\udcff"),
        await refused(world, "demo", format_token(bytes(32))),
        await refused(world, "demo", foreign.text),
        await refused(world, "demo", expired.text),
        await refused(world, "demo", revoked.text),
        await refused(world, "nowhere", good.text),
    }
    assert len(said) == 1


async def test_a_clock_set_back_revives_nothing(world: World) -> None:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.ADMIN, 10.0)
    later = world.clock.time + 11
    access = Access(world.current, world.vault, world.clock, newest_time=later)
    with pytest.raises(Unauthenticated):
        await access.authenticate("demo", issued.text)


FORGERIES: list[Callable[[Token], Token]] = [
    lambda token: replace(token, role=Role.ADMIN),
    lambda token: replace(token, expires_at=None),
    lambda token: replace(token, member="root"),
    lambda token: replace(token, row_mac=b""),
]


@pytest.mark.parametrize("forge", FORGERIES)
async def test_a_row_edited_in_the_database_is_refused(
    world: World, forge: Callable[[Token], Token]
) -> None:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.READONLY, 60.0)
    world.store.change(tokens={issued.token.index: forge(issued.token)})
    await refused(world, "demo", issued.text)


async def test_unmarking_a_revoked_row_does_not_revive_it(world: World) -> None:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.READONLY, 60.0)
    await world.gateway.tokens.revoke(OPERATOR, "demo", issued.token.id)
    row = world.store.held.tokens[issued.token.index]
    world.store.change(tokens={row.index: replace(row, revoked_at=None)})
    await refused(world, "demo", issued.text)


async def test_without_a_token_key_nobody_gets_in(world: World) -> None:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.READONLY, 60.0)
    world.store.change(datakeys={})
    await refused(world, "demo", issued.text)


async def test_the_operator_needs_no_token(world: World) -> None:
    admission = await world.gateway.access.admit(OPERATOR, "demo")
    assert (admission.principal, admission.workspace.slug) == (OPERATOR, "demo")
    with pytest.raises(NotFound):
        await world.gateway.access.admit(OPERATOR, "other")
    with pytest.raises(Forbidden):
        await world.gateway.access.admit(stranger(admission.workspace.id), "demo")


async def test_who_was_let_in_is_welcome_as_long_as_the_token_is_good(world: World) -> None:
    admission = await world.admission()
    access = world.gateway.access

    async def is_welcome() -> bool:
        configuration = await world.current.configuration()
        return access.renewed(admission.principal, configuration) is not None

    assert await is_welcome()
    held = world.store.held
    (index, token), *_ = held.tokens.items()
    changes: list[dict[str, object]] = [
        {"tokens": {}},
        {"tokens": {index: replace(token, role=Role.ADMIN)}},
        {"tokens": {index: replace(token, revoked_at=1.0)}},
        {"workspaces": {}},
        {"datakeys": {}},
    ]
    for change in changes:
        world.store.change(**change)
        await asyncio.sleep(0)
        assert not await is_welcome()
        world.store.change(tokens=held.tokens, workspaces=held.workspaces, datakeys=held.datakeys)
        await asyncio.sleep(0)
        assert await is_welcome()
    world.clock.pass_s(3601)
    assert not await is_welcome()
