"""Statements about workspaces."""

from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from mcpgw.errors import Conflict, NotFound
from mcpgw.model.act import Act
from mcpgw.model.key import DataKey
from mcpgw.model.workspace import Workspace, WorkspaceSettings
from mcpgw.store import key, tables
from mcpgw.store.act import Acts


class Workspaces:
    """Workspaces in the configuration database."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    async def add(self, workspace: Workspace, datakey: DataKey, act: Act) -> None:
        """Add a workspace with its data key.

        Raises:
            Conflict: the slug is taken.
        """

        def statements(connection: Connection) -> None:
            values = {
                "id": workspace.id,
                "slug": workspace.slug,
                "created_at": workspace.created_at,
                **_settings_row(workspace),
            }
            connection.execute(insert(tables.workspace), values)
            connection.execute(insert(tables.datakey), key.datakey_row(datakey))

        await self._acts.write(
            act,
            statements,
            Conflict(
                f"there is already a workspace {workspace.slug!r}",
                "choose another name, or see: mcpgw workspace list",
            ),
        )

    async def set_settings(self, workspace: Workspace, act: Act) -> None:
        """Store the settings of a workspace.

        Raises:
            NotFound: it is gone.
        """

        def statements(connection: Connection) -> None:
            wanted = update(tables.workspace).where(tables.workspace.c.id == workspace.id)
            if connection.execute(wanted.values(_settings_row(workspace))).rowcount == 0:
                raise NotFound("the workspace is gone", "see: mcpgw workspace list")

        await self._acts.write(act, statements)

    async def remove(self, workspace_id: str, act: Act) -> None:
        """Remove a workspace and all that belongs to it.

        Raises:
            NotFound: it is gone already.
        """

        def statements(connection: Connection) -> None:
            wanted = delete(tables.workspace).where(tables.workspace.c.id == workspace_id)
            if connection.execute(wanted).rowcount == 0:
                raise NotFound("the workspace is gone already", "see: mcpgw workspace list")

        await self._acts.write(act, statements)


def read(connection: Connection) -> dict[str, Workspace]:
    """Return every workspace by slug, oldest first."""
    table = tables.workspace
    wanted = select(table).order_by(table.c.created_at, table.c.slug)
    found = {}
    for row in connection.execute(wanted):
        settings = msgspec.json.decode(row.settings, type=WorkspaceSettings)
        found[row.slug] = Workspace(row.id, row.slug, row.created_at, settings, row.settings_mac)
    return found


def _settings_row(workspace: Workspace) -> dict[str, Any]:
    return {
        "settings": msgspec.json.encode(workspace.settings).decode(),
        "settings_mac": workspace.settings_mac,
    }
