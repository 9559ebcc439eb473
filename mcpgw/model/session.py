"""What is kept of a legacy client's session beyond its id.

Most sessions have no record: one is written when a session ends, or sets something that must
outlive the process.
"""

from dataclasses import dataclass

LIFETIME_S = 30 * 86_400.0
"""After so long an id is unknown, so that what is kept of it can be forgotten."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One session. `log_level` is empty when the client set none; times are UTC seconds."""

    id: str
    workspace_id: str
    token_id: str
    is_ended: bool
    log_level: str
    uris: tuple[str, ...]
    started_at: float
    changed_at: float
