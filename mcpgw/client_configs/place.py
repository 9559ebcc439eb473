"""From the templates of a client to paths on this machine. Looks at nothing itself."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mcpgw.client_configs.app import App, Templates

PLACEHOLDER = re.compile(r"\{([A-Z_]+):([^}]*)\}")
"""A directory that a variable of the environment names, and where it is otherwise."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A user's machine: `sys.platform`, the home directory, and the variables of the environment.

    `variable` returns None for one that is not set.
    """

    platform: str
    home: str
    variable: Callable[[str], str | None]

    def paths(self, templates: Templates) -> tuple[str, ...]:
        """Return the paths that templates stand for, the usual one first."""
        known = templates if self.platform in templates else {self.platform: templates["linux"]}
        return tuple(self._path(template) for template in known[self.platform])

    def _path(self, template: str) -> str:
        filled = PLACEHOLDER.sub(lambda found: self._directory(*found.groups()), template)
        return f"{self.home}{filled[1:]}" if filled.startswith("~") else filled

    def _directory(self, name: str, default: str) -> str:
        return (self.variable(name) or "").rstrip("/") or default


def usual_place(app: App) -> str:
    """Return where people find the file of a client, for a text."""
    shown = Surroundings("linux", "~", lambda name: None).paths(app.user)
    if not shown:
        return f"{app.project} of a deployment"
    return f"{shown[0]}, or {app.project} of a project" if app.project else shown[0]
