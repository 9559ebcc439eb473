"""The one workspace that the token is for."""

from mcpgw.cli.remote.connection import ANY, Connection
from mcpgw.gateway.workspace import WorkspaceSeen
from mcpgw.model.token import Principal
from mcpgw.model.workspace import Workspace as WorkspaceRecord
from mcpgw.model.workspace import WorkspaceSettings
from mcpgw.web.wire.workspace import Settings, Workspace

SETTINGS = "/settings"


class RemoteWorkspaces:
    """As `gateway.workspace.Workspaces`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen_tag = ANY
        """The state of the settings when they were last shown."""

    async def show(self, principal: Principal, slug: str) -> WorkspaceSeen:
        """Return the workspace."""
        # First the tag: what changes in between is newer than it, and so is not overwritten.
        self._seen_tag = (await self._connection.ask("GET", SETTINGS)).tag
        return (await self._connection.get(Workspace, "")).seen()

    async def set(
        self, principal: Principal, slug: str, settings: WorkspaceSettings
    ) -> WorkspaceRecord:
        """Set what holds for all tokens, unless it changed since it was shown."""
        new = Settings.of(settings)
        await self._connection.ask("PUT", SETTINGS, new, if_match=self._seen_tag)
        return (await self.show(principal, slug)).workspace
