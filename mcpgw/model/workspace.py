"""A workspace: the unit of isolation. Servers, secrets and tokens belong to exactly one."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from mcpgw.errors import InvalidInput
from mcpgw.model.bounds import UNBOUND, Bounds, check_bounds, check_ttl

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""The shape of a slug: it stands in URLs, so nothing that could be encoded or traversed."""


class ReadonlyTools(StrEnum):
    """Which tools a readonly token sees and calls."""

    CLASSIFIED = "classified"
    """Those that are classed as reading."""
    ALL = "all"
    """All of them: the team wants every tool callable by everyone."""


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """What an admin sets for a whole workspace.

    `ttl_s` is how long a token lives whose issuer says nothing of it (None: as the program says);
    `bounds` hold every token as far as it has none of its own.
    """

    readonly_tools: ReadonlyTools = ReadonlyTools.CLASSIFIED
    ttl_s: float | None = None
    bounds: Bounds = UNBOUND


DEFAULT_SETTINGS = WorkspaceSettings()


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace. `id` never changes: sealed values are bound to it. Times are UTC seconds.

    `settings_mac` covers the settings, so that who can only write the database widens nothing.
    """

    id: str
    slug: str
    created_at: float
    settings: WorkspaceSettings = DEFAULT_SETTINGS
    settings_mac: bytes = b""

    def decisive_fields(self) -> tuple[bytes, ...]:
        """Return what `settings_mac` covers, in order."""
        return self.id.encode(), msgspec.json.encode(self.settings)

    def with_settings(self, settings: WorkspaceSettings, mac: bytes = b"") -> "Workspace":
        """Return the record with other settings, and the MAC that covers them."""
        return replace(self, settings=settings, settings_mac=mac)


def check_settings(settings: WorkspaceSettings) -> WorkspaceSettings:
    """Return `settings` if a workspace can have them.

    Raises:
        InvalidInput: a bound or the time is unusable.
    """
    if settings.ttl_s is not None:
        check_ttl(settings.ttl_s)
    return replace(settings, bounds=check_bounds(settings.bounds))


def check_slug(slug: str) -> str:
    """Return `slug` if it can name a workspace.

    Raises:
        InvalidInput: it has another shape.
    """
    if not SLUG.fullmatch(slug):
        raise InvalidInput(
            f"{slug[:80]!r} is no workspace name",
            "use 1 to 63 of a-z, 0-9 and '-', beginning with a letter or digit",
        )
    return slug
