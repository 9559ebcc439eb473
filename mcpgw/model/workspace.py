"""A workspace: the unit of isolation. Servers, secrets and tokens belong to exactly one."""

import re
from dataclasses import dataclass

from mcpgw.errors import InvalidInput

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""The shape of a slug: it stands in URLs, so nothing that could be encoded or traversed."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace. `id` never changes: sealed values are bound to it. Times are UTC seconds."""

    id: str
    slug: str
    created_at: float


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
