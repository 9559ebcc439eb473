"""What the journal says of a call: who, what, when, how long, how it ended. Never the payload.

Two records a call: one before it goes to its server, one when it has ended. A call that never got
that far (denied, limited, taken back) has the second only.
"""

import re
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
    WITHHELD = "withheld"
    """It ended, but that could not be recorded then, or whether its token was still good could not
    be known: the client was given an error instead."""
    UNKNOWN_CRASH = "unknown_crash"
    """It was under way when the gateway died: whether its server carried it out is not known."""
    RUNNING = "running"
    """Not ended yet: what a reader sees of it. Never recorded."""


SUCCESSES = frozenset({Outcome.OK, Outcome.CANCELLED, Outcome.RUNNING})
"""The outcomes that are nobody's failure."""

REACHED = frozenset({Outcome.OK, Outcome.TOOL_ERROR, Outcome.UPSTREAM_ERROR, Outcome.TIMEOUT})
"""The outcomes of calls whose time says something about their server."""

UNASKED = frozenset({Outcome.DENIED, Outcome.LIMITED})
"""The outcomes of calls that no server heard of."""

RPC_ERROR = "rpc_error"
"""The error class of a call that its server answered with an error of JSON-RPC."""

RATE_LIMITED = "rate_limited"
"""The error class of a tool that says that its own limits were reached."""

TOO_MANY_REQUESTS = 429
"""The HTTP status by which a server says the same."""


class Surface(StrEnum):
    """The door that a call came through."""

    MCP = "mcp"
    """Streamable HTTP."""
    EVENT_STREAM = "sse"
    """HTTP+SSE of 2024-11-05."""
    BOX = "box"
    """The command line at the box."""
    FUNCTION = "function"
    """Function calls in the plain form of this gateway."""
    OPENAI = "openai"
    """Function calls of Chat Completions, and of everybody who copied them."""
    RESPONSES = "openai-responses"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    OPENAPI = "openapi"
    """One operation of the OpenAPI document."""


class Caller(Struct, frozen=True):
    """Who calls, in which right, from where and with what. Stored once, however often it calls."""

    workspace_id: str
    token_id: str
    member: str
    role: str
    client_name: str
    client_version: str
    client_address: str
    surface: str
    era: str
    protocol_version: str


class Target(Struct, frozen=True):
    """What is called. Stored once, however often it is.

    `server_id`, `server` and `original` (the server's own name of the tool) are empty when no
    server was found. `exposed` is what the client asked for, cut to 128 printable characters.
    """

    method: str
    server_id: str
    server: str
    exposed: str
    original: str


class CallStart(Struct, frozen=True):
    """A call that goes to its server now. `arguments` is their keyed fingerprint.

    It began at the microsecond `started_us` of UTC; `number` tells it from others of that instant.
    """

    started_us: int
    number: int
    caller: Caller
    target: Target
    request_bytes: int
    arguments: bytes

    @property
    def call_id(self) -> str:
        """The call's id, for people and programs."""
        return call_id(self.started_us, self.number)


class CallEnd(Struct, frozen=True):
    """How a call ended. `result` is the keyed fingerprint of what the client got, empty for none.

    `upstream_us` is the part of `duration_us` spent with the server. `upstream_status` is the HTTP
    status by which the server refused, 0 for none. `restarts` is how often the server was started
    for this call, `retries` how often the call was sent again.
    """

    start: CallStart
    outcome: Outcome
    error_class: str
    duration_us: int
    upstream_us: int = 0
    upstream_status: int = 0
    result_bytes: int = 0
    result: bytes = b""
    redactions: int = 0
    restarts: int = 0
    retries: int = 0


class AuditEvent(Struct, frozen=True):
    """One call as it is read. Times are UTC seconds, `..._us` microseconds, sizes raw JSON bytes.

    `error_class` is a stable word or a JSON-RPC code, never a message. Fingerprints are in
    hexadecimal, empty where there was nothing to take one of.
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
    role: str
    client_address: str
    client_name: str
    client_version: str
    surface: str
    era: str
    protocol_version: str
    started_at: float
    duration_us: int
    upstream_us: int
    outcome: Outcome
    error_class: str
    upstream_status: int
    request_bytes: int
    result_bytes: int
    arguments_fingerprint: str
    result_fingerprint: str
    redactions: int
    restarts: int
    retries: int

    @property
    def gateway_us(self) -> int:
        """What the gateway itself took of the time."""
        return self.duration_us - self.upstream_us

    @property
    def is_rate_limited(self) -> bool:
        """Whether the server, or the tool in words, said that its limit was reached."""
        return self.upstream_status == TOO_MANY_REQUESTS or self.error_class == RATE_LIMITED


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
    client: str = ""
    token_id: str = ""
    outcomes: tuple[Outcome, ...] = ()
    since: float | None = None
    until: float | None = None
    slower_than_us: int | None = None
    before: tuple[float, int] | None = None
    is_rate_limited: bool = False
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


_CALL_ID = re.compile("call_([0-9a-f]{13})([0-9a-f]{6})")


class CallNumbers:
    """Makes the numbers that tell calls of the same instant apart.

    `entropy` (3 random bytes) keeps two processes that start in the same microsecond apart.
    """

    def __init__(self, entropy: bytes) -> None:
        self._number = int.from_bytes(entropy[:3], "big")

    def next(self) -> int:
        """Return the next number."""
        self._number = (self._number + 1) & 0xFFFFFF
        return self._number


def call_id(started_us: int, number: int) -> str:
    """Return the id of the call that began then: ids sort by time as text."""
    return f"call_{started_us:013x}{number:06x}"


def read_call_id(text: str) -> tuple[int, int] | None:
    """Return the microsecond at which a call began, and its number; None if it is no such id."""
    found = _CALL_ID.fullmatch(text)
    return (int(found[1], 16), int(found[2], 16)) if found else None
