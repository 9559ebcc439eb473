"""A workspace and its settings."""

from msgspec import Struct

from mcpgw.gateway.workspace import WorkspaceSeen
from mcpgw.model import workspace as records
from mcpgw.model.workspace import ReadonlyTools
from mcpgw.web.wire.moment import Moment, moment, seconds_of
from mcpgw.web.wire.token import Bounds, NewBounds


class Settings(Struct, frozen=True, kw_only=True):
    """What holds for every token of a workspace that says nothing else itself.

    `ttl_s` is how long a token lives; null leaves it to the program.
    """

    readonly_tools: ReadonlyTools = ReadonlyTools.CLASSIFIED
    ttl_s: float | None = None
    bounds: Bounds = Bounds()

    @classmethod
    def of(cls, settings: records.WorkspaceSettings) -> "Settings":
        """Return what there is to tell of a record."""
        return cls(
            readonly_tools=settings.readonly_tools,
            ttl_s=settings.ttl_s,
            bounds=Bounds.of(settings.bounds),
        )

    def settings(self) -> records.WorkspaceSettings:
        """Return the record.

        Raises:
            InvalidInput: the rate is written otherwise.
        """
        return records.WorkspaceSettings(self.readonly_tools, self.ttl_s, self.bounds.bounds())


class NewSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings to have from now on, all of them: one that is left out is as in the beginning."""

    bounds: NewBounds = NewBounds()


class Workspace(Struct, frozen=True, kw_only=True):
    """A workspace and how much stands in it."""

    name: str
    id: str
    created_at: Moment
    servers: int
    secrets: int
    tokens: int
    settings: Settings

    @classmethod
    def of(cls, seen: WorkspaceSeen) -> "Workspace":
        """Return what there is to tell of a record."""
        return cls(
            name=seen.workspace.slug,
            id=seen.workspace.id,
            created_at=moment(seen.workspace.created_at),
            servers=seen.servers,
            secrets=seen.secrets,
            tokens=seen.tokens,
            settings=Settings.of(seen.workspace.settings),
        )

    def seen(self) -> WorkspaceSeen:
        """Return the record."""
        workspace = records.Workspace(
            self.id, self.name, seconds_of(self.created_at), self.settings.settings()
        )
        return WorkspaceSeen(workspace, self.servers, self.secrets, self.tokens)
