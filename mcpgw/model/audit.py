"""What the journal says of a call: who, what, when, how long, how it ended. Never the payload."""

from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct


class Outcome(StrEnum):
    """How a call ended."""

    OK = "ok"
    TOOL_ERROR = "tool_error"
    """The tool ran and said that it failed (`isError`)."""
    UPSTREAM_ERROR = "upstream_error"
    """The server could not be reached, broke the protocol, or answered with a JSON-RPC error."""
    TIMEOUT = "timeout"
    DENIED = "denied"
    """Not allowed, or no such tool for this token."""
    CANCELLED = "cancelled"
    """The client took it back."""
    LIMITED = "limited"
    """The token had called too often, or too much was under way for it."""
    REVOKED = "revoked"
    """Its token was revoked or expired while it ran; the result was withheld."""


class AuditEvent(Struct, frozen=True):
    """One call. Times are UTC seconds, `duration_us` microseconds, sizes bytes of raw JSON.

    `server_id`, `server` and `original` (the server's own name of the tool) are empty when no
    server was found. `exposed` is what the client asked for, cut to 128 printable characters.
    `error_class` is a stable word or a JSON-RPC code, never a message. A struct, because every call
    makes one: a frozen dataclass of this size takes ten times as long.
    """

    call_id: str
    workspace_id: str
    method: str
    server_id: str
    server: str
    exposed: str
    original: str
    token_id: str
    member: str
    client_address: str
    client_name: str
    protocol_version: str
    started_at: float
    duration_us: int
    outcome: Outcome
    error_class: str
    request_bytes: int
    result_bytes: int


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls to show. None or empty means any; `target` matches as `--tool` says.

    `target` is a glob or a part of a tool's own name, its exposed name or its server.
    `after_rowid` continues a live view; `before` (when a call began, its row id) leads to older
    ones. `newest` is how many, newest last.
    """

    workspace_id: str | None = None
    target: str = ""
    server: str = ""
    member: str = ""
    token_id: str = ""
    outcomes: tuple[Outcome, ...] = ()
    since: float | None = None
    until: float | None = None
    slower_than_us: int | None = None
    before: tuple[float, int] | None = None
    after_rowid: int | None = None
    newest: int = 100


@dataclass(frozen=True, slots=True)
class ServerUse:
    """What one member did with one server. `last_at` is in UTC seconds."""

    calls: int
    last_at: float


def printable(text: str, limit: int = 128) -> str:
    """Return `text` cut to `limit`, control characters escaped: it cannot forge a log."""
    if len(text) <= limit and text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}"
        for character in text[:limit]
    )


class CallIds:
    """Makes call ids: unique, and in the order of time when sorted as text.

    `entropy` (3 random bytes) keeps two processes that start in the same microsecond apart.
    """

    def __init__(self, entropy: bytes) -> None:
        self._number = int.from_bytes(entropy[:3], "big")

    def next(self, now: float) -> str:
        """Return the id of a call that began at `now` (UTC seconds)."""
        self._number = (self._number + 1) & 0xFFFFFF
        return f"call_{int(now * 1e6):013x}{self._number:06x}"
