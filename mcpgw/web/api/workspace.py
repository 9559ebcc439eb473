"""The workspace itself, and its settings."""

from mcpgw.gateway.workspace import Workspaces
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.wire.page import Query
from mcpgw.web.wire.workspace import NewSettings, Settings, Workspace


class WorkspaceApi:
    """Handlers."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def show(self, asked: Asked[Query, None]) -> Workspace:
        """Show the workspace."""
        return Workspace.of(await self._workspaces.show(asked.principal, asked.slug))

    async def settings(self, asked: Asked[Query, None]) -> Settings:
        """Show the settings of the workspace."""
        seen = await self._workspaces.show(asked.principal, asked.slug)
        return Settings.of(seen.workspace.settings)

    async def set(self, asked: Asked[Query, NewSettings]) -> Settings:
        """Replace the settings of the workspace; they count from the next request on."""
        settings = asked.body.settings()
        changed = await self._workspaces.set(asked.principal, asked.slug, settings)
        return Settings.of(changed.settings)
