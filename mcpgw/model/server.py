"""A server: an MCP server that a workspace offers, and how it is launched or reached."""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from mcpgw.errors import InvalidInput
from mcpgw.model.secret import references

NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
"""The shape of a server's name. Never two separators in a row, so `__` always ends a prefix."""

PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,30}|")
"""The shape of a prefix. Empty exposes the server's names unchanged."""

MAX_NAME = 24
"""Leaves at least 24 characters for the tool in a 50 character exposed name."""

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")

OWN_HEADERS = frozenset(
    [
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "accept",
        "accept-encoding",
        "te",
        "upgrade",
        "trailer",
        "expect",
        "mcp-session-id",
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
    ]
)
"""Headers that the gateway writes itself; a configured one would break the request."""


@dataclass(frozen=True, slots=True)
class StdioLaunch:
    """A child process. `command` is the argument vector; values of `env` may hold references."""

    command: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    cwd: str | None = None


@dataclass(frozen=True, slots=True)
class HttpLaunch:
    """A Streamable HTTP endpoint. Values of `headers` may hold references."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()


Launch = StdioLaunch | HttpLaunch


@dataclass(frozen=True, slots=True)
class Server:
    """A registered server. `id` never changes; `prefix` stands before names: `prefix__tool`.

    `is_approved` says that the operator lets admins switch a child process on and off over HTTP.
    `is_private_allowed` says whether its URL may lead to this machine or a private network: that
    is for the operator to say, for whom it is the rule.
    """

    id: str
    workspace_id: str
    name: str
    prefix: str
    launch: Launch
    is_enabled: bool
    created_at: float
    is_approved: bool = False
    is_private_allowed: bool = True

    @property
    def transport(self) -> str:
        """`stdio` or `http`."""
        return "stdio" if isinstance(self.launch, StdioLaunch) else "http"

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The secrets that the launch refers to, each once, in order."""
        launch = self.launch
        pairs = launch.env if isinstance(launch, StdioLaunch) else launch.headers
        return tuple(dict.fromkeys(name for _, value in pairs for name in references(value)))

    def fingerprint(self, secret_versions: tuple[tuple[str, int], ...] = ()) -> str:
        """Return what identifies a live connection: it changes with the launch or a secret."""
        text = repr((self.id, self.launch, self.is_private_allowed, secret_versions))
        return hashlib.sha256(text.encode()).hexdigest()


def check_server_name(name: str) -> str:
    """Return `name` if it can name a server.

    Raises:
        InvalidInput: it has another shape.
    """
    if len(name) > MAX_NAME or not NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} is no server name",
            f"use 1 to {MAX_NAME} of a-z, 0-9, single '-' and '_', as in github or jira-cloud",
        )
    return name


def check_prefix(prefix: str) -> str:
    """Return `prefix` if it can stand before names.

    Raises:
        InvalidInput: it has another shape.
    """
    if not PREFIX.fullmatch(prefix) or "__" in prefix:
        raise InvalidInput(
            f"{prefix[:80]!r} is no prefix", "use letters, digits, '-' and single '_', or ''"
        )
    return prefix


def check_launch(launch: Launch) -> Launch:
    """Return `launch` if a server can be started or reached by it.

    Raises:
        InvalidInput: it is empty, malformed, or carries a secret where others could read it.
    """
    if isinstance(launch, StdioLaunch):
        return _check_stdio(launch)
    return _check_http(launch)


def _check_stdio(launch: StdioLaunch) -> StdioLaunch:
    if not launch.command or not launch.command[0]:
        raise InvalidInput("no command given", "end the line with: -- COMMAND ARGS...")
    for part in launch.command:
        if "\0" in part:
            raise InvalidInput("an argument holds a NUL byte")
        if "${secret:" in part:
            raise InvalidInput(
                "a secret cannot stand in a command's arguments: every user can read them",
                "pass it as --env NAME='${secret:NAME}'",
            )
    for name, value in launch.env:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or "\0" in value:
            raise InvalidInput(f"{name[:80]!r} is no environment variable", "use --env NAME=VALUE")
        references(value)
    return launch


def _check_http(launch: HttpLaunch) -> HttpLaunch:
    hint = "use a URL like https://mcp.example.com/mcp"
    try:
        parts = urlsplit(launch.url)
        port = parts.port
    except ValueError:
        raise InvalidInput("the URL cannot be parsed", hint) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise InvalidInput("the URL has no http(s) scheme or no host", hint)
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            "a URL must not hold credentials",
            "pass them as --header 'Authorization: Bearer ${secret:NAME}'",
        )
    if "#" in launch.url or not launch.url.isascii() or re.search(r"[\s\x00-\x20\x7f]", launch.url):
        raise InvalidInput("the URL has a fragment, a space or a character that is not ASCII", hint)
    if "${secret:" in launch.url:
        raise InvalidInput(
            "a secret cannot stand in a URL: it would end in logs", "pass it in a --header"
        )
    for name, value in launch.headers:
        if not HEADER_NAME.fullmatch(name) or re.search(r"[\r\n\0]", value):
            raise InvalidInput(f"{name[:80]!r} is no HTTP header", "use --header 'Name: value'")
        if name.lower() in OWN_HEADERS:
            raise InvalidInput(f"the header {name} is written by the gateway itself")
        references(value)
    return launch
