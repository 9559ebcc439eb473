"""One HTTP/1.1 connection: one request written at a time, its answer parsed as it comes.

A connection is idle, or carries one `Response`. It never writes a request twice, never follows a
redirect, and closes itself at the first sign that peer and we disagree where a message ends.
Cancelling, a timeout or any failure closes it: over HTTP that is how a request is taken back.
"""

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from mcpgw.errors import UpstreamError
from mcpgw.upstream.failure import map_errors, timed_out, too_large
from mcpgw.upstream.http_response import Response

MAX_HEAD_BYTES = 32 * 1024
"""Status line and headers. Servers of the field send under 2 KiB."""

MAX_BUFFERED_BYTES = 256 * 1024
"""What a stream may be ahead of its reader before the peer has to wait."""

DRAIN_S = 1.0
"""How long the end of a stream may take after its answer came, so that the connection is kept."""

SILENCE_S = 60
"""After this much of it, the system asks the peer of a long stream whether it is still there."""

EVENT_STREAM = b"text/event-stream"

OnSent = Callable[[Response], None]


class HttpConnection(asyncio.Protocol):
    """A connection to one origin, used by one request after another."""

    __slots__ = (
        "_deadline",
        "_fed_bytes",
        "_has_end",
        "_has_head",
        "_has_surplus",
        "_is_complete",
        "_is_kept",
        "_is_paused",
        "_max_body_bytes",
        "_on_closed",
        "_on_free",
        "_parser",
        "_problem",
        "_response",
        "_server",
        "_timer",
        "_transport",
        "idle_since",
        "is_open",
        "keep_alive_s",
        "loop",
    )

    def __init__(
        self,
        server: str,
        max_body_bytes: int,
        on_free: Callable[["HttpConnection"], None],
        on_closed: Callable[["HttpConnection"], None],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.is_open = False
        self.idle_since = 0.0
        self.keep_alive_s = float("inf")
        self._server = server
        self._max_body_bytes = max_body_bytes
        self._on_free = on_free
        self._on_closed = on_closed
        self._transport: asyncio.Transport
        self._response: Response | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = float("inf")
        self._is_paused = False
        self._parser = HttpResponseParser(self)
        self._reset()

    def _reset(self) -> None:
        """Prepare for the next answer."""
        self._fed_bytes = 0
        self._has_head = False
        self._has_end = False
        self._has_surplus = False
        self._is_complete = False
        self._is_kept = False
        self._problem: UpstreamError | None = None

    async def send(
        self, request: bytes, deadline: float, on_sent: OnSent | None = None
    ) -> Response:
        """Write a request and return its answer: whole, or when a stream begins.

        Who wants to move the deadline meanwhile gets the answer with `on_sent`, as yet empty.

        Raises:
            UpstreamError: no answer came. Whether the server acted on the request is unknown.
            UpstreamTimeout: it did not come before `deadline` (time of the loop).
        """
        response = self._response = Response(self)
        self._set_deadline(deadline)
        self._transport.write(request)
        if on_sent is not None:
            on_sent(response)
        try:
            await response.arrival()
        except asyncio.CancelledError:
            response.abort()
            raise
        if response.error is not None:
            raise response.error
        return response

    def watch_peer(self) -> None:
        """Let the system find out when the peer is gone without a word."""
        connected: socket.socket = self._transport.get_extra_info("socket")
        with suppress(OSError):  # It may have been reset by now: that shows by itself.
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if sys.platform == "linux":
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SILENCE_S)
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, SILENCE_S // 4)

    def drain(self, response: Response) -> None:
        """Wait a moment for the end of a stream that nobody reads."""
        if response is not self._response:
            return
        self._set_deadline(self.loop.time() + DRAIN_S)
        self.resume(response)

    def resume(self, response: Response) -> None:
        """Let the peer go on."""
        if self._is_paused and response is self._response:
            self._is_paused = False
            self._transport.resume_reading()

    def postpone(self, response: Response, deadline: float) -> None:
        """Move the end of the present answer's time."""
        if response is self._response:
            self._set_deadline(deadline)

    def abort(self) -> None:
        """Close at once."""
        self.is_open = False
        self._stop_timer()
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:
        """End: complete what ends with the connection, fail what does not."""
        self.is_open = False
        self._stop_timer()
        response = self._response
        if response is not None:
            self._response = None
            response.end(None if self._ends_with_connection(error) else self._broken_off(error))
        self._on_closed(self)

    def eof_received(self) -> None:
        """Take nothing new from here on; the transport closes itself."""
        self.is_open = False

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        response = self._response
        if response is None:
            self.abort()  # Nothing was asked: the next answer would not be ours.
            return
        try:
            if not self._has_head:
                data = self._feed_head(data)
            if data:
                self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._problem = self._problem or self._broke("answered with something that is no HTTP")
        if self._problem is not None:
            self._fail(self._problem)
        elif self._is_complete:
            self._complete(response)

    # httptools

    def on_message_begin(self) -> None:
        """Notice an answer after the answer."""
        if self._is_complete:
            self._has_surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the few headers that matter."""
        handle = _HEADERS.get(name.lower())
        if handle is not None and self._response is not None:
            handle(self, self._response, value)

    def on_headers_complete(self) -> None:
        """Begin a stream, or go on collecting."""
        status = self._parser.get_status_code()
        response = self._response
        if status < 200 or response is None or self._is_complete:
            return
        self._has_head = True
        response.status = status
        if status in (204, 304):
            self._has_end = True
        if status != 200:
            response.is_stream = False
        if response.is_stream and not self._problem:
            response.wake()

    def on_body(self, piece: bytes) -> None:
        """Hand on a piece of the body, within bounds."""
        response = self._response
        if response is None or self._problem or self._is_complete:
            return
        waiting_bytes = response.put(piece)
        if response.is_stream:
            if waiting_bytes > MAX_BUFFERED_BYTES and not self._is_paused:
                self._is_paused = True
                self._transport.pause_reading()
        elif waiting_bytes > self._max_body_bytes:
            self._problem = too_large(self._server, self._max_body_bytes)

    def on_message_complete(self) -> None:
        """Note the end of the answer; what comes before it is informational (1xx)."""
        if self._has_head:
            self._is_complete = True
            self._is_kept = self._parser.should_keep_alive()

    def _feed_head(self, data: bytes) -> bytes:
        """Feed no more than a head may have; return what is left to feed."""
        room = MAX_HEAD_BYTES - self._fed_bytes
        self._fed_bytes += len(data)
        if len(data) <= room:
            return data
        self._parser.feed_data(data[:room])
        if not self._has_head:
            self._problem = self._broke(f"sent headers of more than {MAX_HEAD_BYTES} bytes")
            return b""
        return data[room:]

    def _complete(self, response: Response) -> None:
        self._deadline = float("inf")
        self._response = None
        is_kept = self._is_kept and not self._has_surplus and self.is_open
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        if is_kept:
            self._reset()
        response.end()
        if is_kept:
            self._on_free(self)
        else:
            self.is_open = False
            self._transport.close()

    def _fail(self, error: UpstreamError) -> None:
        response, self._response = self._response, None
        self.abort()
        if response is not None:
            response.end(error)

    def _broke(self, how: str) -> UpstreamError:
        return UpstreamError(
            f"server {self._server!r} {how}", "check that the URL is an MCP endpoint"
        )

    def _set_deadline(self, deadline: float) -> None:
        """Bound the present answer. A timer stays when its answer came in time and serves the next.

        Making and cancelling one for each request costs more than a look at the time now and then.
        """
        self._deadline = deadline
        if deadline < (float("inf") if self._timer is None else self._timer.when()):
            self._stop_timer()
            self._timer = self.loop.call_at(deadline, self._time_out)

    def _time_out(self) -> None:
        self._timer = None
        if self._deadline <= self.loop.time():
            self._fail(timed_out(self._server))
        elif self._deadline < float("inf"):
            self._timer = self.loop.call_at(self._deadline, self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ends_with_connection(self, error: Exception | None) -> bool:
        return error is None and self._has_head and not self._has_end

    def _broken_off(self, error: Exception | None) -> UpstreamError:
        if isinstance(error, OSError | ssl.SSLError):
            return map_errors(self._server, error)
        where = "in the middle of its answer" if self._has_head else "without an answer"
        return UpstreamError(
            f"server {self._server!r} closed the connection {where}",
            "try again; whether the request took effect is unknown",
        )


def _on_content_type(_: HttpConnection, response: Response, value: bytes) -> None:
    response.is_stream = value.lower().startswith(EVENT_STREAM)


def _on_session_id(_: HttpConnection, response: Response, value: bytes) -> None:
    response.session_id = value.decode("latin-1")


def _on_content_length(connection: HttpConnection, _: Response, value: bytes) -> None:
    connection._has_end = True


def _on_transfer_encoding(connection: HttpConnection, _: Response, value: bytes) -> None:
    connection._has_end = True
    if value.strip().lower() != b"chunked":
        connection._problem = connection._broke("uses an unknown transfer encoding")


def _on_content_encoding(connection: HttpConnection, _: Response, value: bytes) -> None:
    if value.strip().lower() != b"identity":
        connection._problem = connection._broke("compressed its answer without being asked")


def _on_keep_alive(connection: HttpConnection, _: Response, value: bytes) -> None:
    for part in value.split(b","):
        name, _equals, number = part.strip().partition(b"=")
        if name.lower() == b"timeout" and number.isdigit():
            # One second early: a request must not meet the peer's closing on its way.
            connection.keep_alive_s = float(number) - 1.0


_HEADERS: dict[bytes, Callable[[HttpConnection, Response, bytes], None]] = {
    b"content-type": _on_content_type,
    b"mcp-session-id": _on_session_id,
    b"content-length": _on_content_length,
    b"transfer-encoding": _on_transfer_encoding,
    b"content-encoding": _on_content_encoding,
    b"keep-alive": _on_keep_alive,
}
