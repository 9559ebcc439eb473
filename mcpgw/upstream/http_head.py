"""Requests as bytes: head and body in one piece, headers built from nothing. Does no I/O.

The configured headers, whose secrets are opened for each request, and those of MCP: nothing else
leaves, and nothing of what a client sent.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from mcpgw import __version__
from mcpgw.errors import UpstreamError
from mcpgw.model.server import HttpLaunch
from mcpgw.protocol.exchange import Outgoing
from mcpgw.protocol.header import encode_value
from mcpgw.upstream import Fill

VERSION_HEADER_SINCE = ("2025-06-18", "2025-11-25")
"""The legacy revisions whose requests name their version in a header."""

SESSION_HEADER = b"Mcp-Session-Id"

_LINE_BREAK = re.compile(r"[\r\n\0]")
_SESSION = re.compile(r"[\x21-\x7e]{1,1024}")
_EVENT_ID = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?")
"""What fits into a header, and a bound."""


class RequestWriter:
    """Writes requests to one URL. `lines` are further header lines, each with its line end."""

    def __init__(self, server: str, launch: HttpLaunch, fill: Fill) -> None:
        parts = urlsplit(launch.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = f" {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: identity\r\n"
        if "user-agent" not in {name.lower() for name, _ in launch.headers}:
            head += f"User-Agent: mcpgw/{__version__}\r\n"
        self.server = server
        self._fill = fill
        self._delete = f"DELETE{head}".encode()
        self._get = f"GET{head}Accept: text/event-stream\r\n".encode()
        self._post = (
            f"POST{head}Content-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\n"
        ).encode()

    def post(self, lines: bytes, body: bytes) -> bytes:
        """Return a POST of `body`.

        Raises:
            UpstreamError: the value of a configured header cannot be sent.
            GatewayError: a secret cannot be opened.
        """
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        return b"".join((self._post, lines, *self._configured(), length, body))

    def get(self, lines: bytes) -> bytes:
        """Return a GET of an event stream. Raises as `post`."""
        return b"".join((self._get, lines, *self._configured(), b"\r\n"))

    def delete(self, lines: bytes) -> bytes:
        """Return a DELETE. Raises as `post`."""
        return b"".join((self._delete, lines, *self._configured(), b"\r\n"))

    def _configured(self) -> Iterable[bytes]:
        for name, value in self._fill():
            if _LINE_BREAK.search(value):
                raise UpstreamError(
                    f"server {self.server!r} cannot be asked: "
                    f"the value of its header {name} has a line break",
                    "set the secret again without it: mcpgw secret set",
                )
            yield f"{name}: {value}\r\n".encode()


def session_lines(version: str, session: str) -> bytes:
    """Return the header lines of a legacy session; a session id that is no token is left out."""
    lines = b""
    if version in VERSION_HEADER_SINCE:
        lines += b"MCP-Protocol-Version: %b\r\n" % version.encode()
    if session and _SESSION.fullmatch(session):
        lines += b"%b: %b\r\n" % (SESSION_HEADER, session.encode())
    return lines


def resuming_line(last_event_id: str | None) -> bytes:
    """Return the header line that asks for what came after an event; none for no usable id."""
    if last_event_id is None or not _EVENT_ID.fullmatch(last_event_id):
        return b""
    return b"Last-Event-ID: %b\r\n" % last_event_id.encode()


def modern_lines(version: str, message: Outgoing) -> bytes:
    """Return the header lines that route a modern request: they repeat what its body says.

    `message.headers` are encoded already.
    """
    lines = _routing_lines(version, message.method, message.name)
    for name, value in message.headers:
        lines += f"{name}: {value}\r\n".encode()
    return lines


@lru_cache(maxsize=1024)
def _routing_lines(version: str, method: str, name: str | None) -> bytes:
    lines = f"MCP-Protocol-Version: {version}\r\nMcp-Method: {encode_value(method)}\r\n"
    if name is not None:
        lines += f"Mcp-Name: {encode_value(name)}\r\n"
    return lines.encode()
