"""Workspaces and settings."""

import msgspec
import pytest

from mcpgw.gateway.workspace import WorkspaceSeen
from mcpgw.model.bounds import Bounds
from mcpgw.model.workspace import DEFAULT_SETTINGS, ReadonlyTools, WorkspaceSettings
from mcpgw.model.workspace import Workspace as WorkspaceRecord
from mcpgw.web.wire.workspace import NewSettings, Settings, Workspace

SETTINGS = WorkspaceSettings(ReadonlyTools.ALL, 60.0, Bounds(servers=("git",)))


@pytest.mark.parametrize("settings", [DEFAULT_SETTINGS, SETTINGS])
def test_settings_there_and_back(settings: WorkspaceSettings) -> None:
    sent = msgspec.json.encode(Settings.of(settings))
    assert msgspec.json.decode(sent, type=NewSettings).settings() == settings


def test_nothing_said_is_as_in_the_beginning() -> None:
    assert msgspec.json.decode(b"{}", type=NewSettings).settings() == DEFAULT_SETTINGS


def test_a_record_there_and_back() -> None:
    seen = WorkspaceSeen(WorkspaceRecord("id", "demo", 1.8e9, SETTINGS), 1, 2, 3)
    sent = msgspec.json.encode(Workspace.of(seen))
    assert msgspec.json.decode(sent, type=Workspace).seen() == seen
