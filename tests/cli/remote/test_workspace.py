"""The workspace elsewhere, and its settings."""

from dataclasses import replace

import pytest

from mcpgw.cli.remote.gateway import RemoteGateway
from mcpgw.errors import Conflict
from mcpgw.model.bounds import Bounds
from mcpgw.model.token import OPERATOR
from mcpgw.model.workspace import ReadonlyTools, WorkspaceSettings
from tests.world import World

SETTINGS = WorkspaceSettings(ReadonlyTools.ALL, 60.0, Bounds(concurrency=3))


async def test_shown_and_set(remote: RemoteGateway, here: World) -> None:
    inside = await here.gateway.workspaces.show(OPERATOR, "demo")
    assert await remote.workspaces.show(OPERATOR, "demo") == inside
    changed = await remote.workspaces.set(OPERATOR, "demo", SETTINGS)
    assert changed.settings == SETTINGS
    shown = await here.gateway.workspaces.show(OPERATOR, "demo")
    assert replace(shown.workspace, settings_mac=b"") == changed


async def test_what_changed_since_it_was_shown_is_not_overwritten(
    remote: RemoteGateway, here: World
) -> None:
    await remote.workspaces.show(OPERATOR, "demo")
    await here.gateway.workspaces.set(OPERATOR, "demo", SETTINGS)
    with pytest.raises(Conflict):
        await remote.workspaces.set(OPERATOR, "demo", WorkspaceSettings())
    shown = await here.gateway.workspaces.show(OPERATOR, "demo")
    assert shown.workspace.settings == SETTINGS
