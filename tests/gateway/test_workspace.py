"""Workspaces come with their key and go with everything in them."""

import pytest

from mcpgw.errors import Conflict, Forbidden, InvalidInput, NotFound
from mcpgw.model.bounds import Bounds
from mcpgw.model.key import KeyKind
from mcpgw.model.token import OPERATOR, Role
from mcpgw.model.workspace import DEFAULT_SETTINGS, ReadonlyTools, WorkspaceSettings
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


async def test_settings_are_signed_and_count_for_every_token(world: World) -> None:
    settings = WorkspaceSettings(ReadonlyTools.ALL, 60.0, Bounds(addresses=("10.1.2.3/8",)))
    changed = await world.gateway.workspaces.set(OPERATOR, "demo", settings)
    assert changed.settings.bounds.addresses == ("10.0.0.0/8",)
    assert changed.settings_mac
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.READONLY)
    assert issued.token.expires_at == world.clock.time + 60.0
    admission = await world.gateway.access.authenticate("demo", issued.text)
    assert not admission.principal.is_reader
    assert admission.principal.bounds.addresses == ("10.0.0.0/8",)


@pytest.mark.parametrize(
    "settings", [WorkspaceSettings(ttl_s=0.0), WorkspaceSettings(bounds=Bounds(concurrency=0))]
)
async def test_unusable_settings_change_nothing(world: World, settings: WorkspaceSettings) -> None:
    with pytest.raises(InvalidInput):
        await world.gateway.workspaces.set(OPERATOR, "demo", settings)
    assert world.store.held.workspaces["demo"].settings == DEFAULT_SETTINGS


async def test_an_admin_sets_and_nobody_else(world: World) -> None:
    settings = WorkspaceSettings(ReadonlyTools.ALL)
    for role in (Role.READONLY, Role.DEVELOPER):
        with pytest.raises(Forbidden):
            principal = (await world.admission(role)).principal
            await world.gateway.workspaces.set(principal, "demo", settings)
    admin = (await world.admission(Role.ADMIN)).principal
    await world.gateway.workspaces.set(admin, "demo", settings)
