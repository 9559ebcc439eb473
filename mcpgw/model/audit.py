"""What the journal says of a call: who, what, when, how long, how it ended. Never the payload."""

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One call. Times are UTC seconds, `duration_us` microseconds, sizes bytes of raw JSON.

    `server_id`, `server` and `original` (the server's own name of the tool) are empty when no
    server was found. `exposed` is what the client asked for, cut to 128 printable characters.
    `error_class` is a stable word or a JSON-RPC code, never a message.
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
    `after_rowid` continues a live view; `newest` is how many, newest last.
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
    after_rowid: int | None = None
    newest: int = 100


def printable(text: str, limit: int = 128) -> str:
    """Return `text` cut to `limit` with control characters escaped, so that it cannot forge a log."""
    return "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}"
        for character in text[:limit]
    )
