"""Workspaces come with their key and go with everything in them."""

import pytest

from mcpgw.errors import Conflict, Forbidden, InvalidInput, NotFound
from mcpgw.model.key import KeyKind
from mcpgw.model.token import OPERATOR, Role
from tests.world import World


async def test_created_with_a_key_of_its_own(world: World) -> None:
    made = await world.gateway.workspaces.create(OPERATOR, "team")
    key = world.store.held.datakey(KeyKind.WORKSPACE, made.id)
    assert key.workspace_id == made.id
    seen = await world.gateway.workspaces.list(OPERATOR)
    assert [one.workspace.slug for one in seen] == ["demo", "team"]


async def test_shown_with_its_contents(world: World) -> None:
    await world.server("git", log="x")
    await world.admission()
    seen = await world.gateway.workspaces.show(OPERATOR, "demo")
    assert (seen.servers, seen.secrets, seen.tokens) == (1, 0, 1)


async def test_deleted(world: World) -> None:
    await world.gateway.workspaces.delete(OPERATOR, "demo")
    with pytest.raises(NotFound):
        await world.gateway.workspaces.show(OPERATOR, "demo")
    with pytest.raises(NotFound):
        await world.gateway.workspaces.delete(OPERATOR, "demo")


@pytest.mark.parametrize(
    ("slug", "error"), [("demo", Conflict), ("Demo", InvalidInput), ("a/b", InvalidInput)]
)
async def test_a_bad_name_makes_nothing(world: World, slug: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await world.gateway.workspaces.create(OPERATOR, slug)


async def test_no_token_makes_workspaces(world: World) -> None:
    principal = (await world.admission(Role.ADMIN)).principal
    with pytest.raises(Forbidden):
        await world.gateway.workspaces.create(principal, "mine")
