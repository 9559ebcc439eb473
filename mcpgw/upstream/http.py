"""Streamable HTTP of both eras: one POST per message, answered by JSON or by an event stream.

A request is sent once; only one that met a lost session, and so was not executed, is sent again in
the new session. Taking a request back closes its connection, which in the modern era is all there
is to it; a legacy server is told as well. Source: MCP 2026-07-28, basic/transports.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

from mcpgw.errors import ProtocolError, UpstreamError
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Notification, Outgoing, Reply
from mcpgw.protocol.sse import SseParser
from mcpgw.upstream import Deliver, Spawn
from mcpgw.upstream.background import Background, SingleFlight
from mcpgw.upstream.failure import is_ours, refused_speech, status_error, timed_out, too_large
from mcpgw.upstream.frame import (
    LIST_CHANGED,
    LOG_MESSAGE,
    OUR_FAULT,
    PROGRESS,
    Frame,
    answer_frame,
    cancelled_frame,
    read_frame,
    request_frame,
)
from mcpgw.upstream.http_head import SESSION_HEADER, RequestWriter, modern_lines
from mcpgw.upstream.http_pool import HttpPool
from mcpgw.upstream.http_response import Response

COURTESY_S = 3.0
"""How long a message may take that nobody waits for."""

MAYBE_OTHER_ERA = frozenset({400, 404, 405, 406, 410})
"""Statuses that a server gives when it was replaced by one of another era."""


class SessionLost(UpstreamError):
    """The server does not know our session, so it executed nothing."""


class HttpTransport:
    """The way to one HTTP server. Until `begin` it is good for `ask` and `tell` only."""

    def __init__(
        self,
        writer: RequestWriter,
        pool: HttpPool,
        spawn: Spawn,
        max_message_bytes: int,
        on_change: Callable[[str], None],
        make_session: Callable[["HttpTransport"], Awaitable[object]],
    ) -> None:
        self.server = writer.server
        self.is_alive = True
        self.dropped = 0
        self._writer = writer
        self._pool = pool
        self._background = Background(spawn)
        self._renew = SingleFlight(self.server, spawn, lambda: make_session(self))
        self._max_message_bytes = max_message_bytes
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._ids = count(1)
        self._version = ""
        self._era: Era | None = None
        self._session_lines = b""

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is running."""
        return self._pool.is_busy

    def next_id(self) -> int:
        """Return an id that no other request on this connection has."""
        return next(self._ids)

    def begin(self, era: Era, version: str, session_lines: bytes = b"") -> None:
        """Speak that revision from now on, in the legacy session of those header lines."""
        self._era = era
        self._version = version
        self._session_lines = session_lines

    async def exchange(self, message: Outgoing, deliver: Deliver | None = None) -> Reply:
        """Send a request and return its reply, as the port `Upstream` says."""
        deadline = self._loop.time() + message.timeout_s
        lines = self._session_lines
        try:
            try:
                return await self._exchange_once(message, deliver, deadline)
            except SessionLost:
                await self._renew_session(lines, deadline)
                return await self._exchange_once(message, deliver, deadline)
        except BaseException as error:
            if self._era is Era.LEGACY and is_ours(error):
                body = cancelled_frame(message.id)
                self._background.run(lambda: self.tell(body, self._session_lines))
            raise

    async def ask(
        self, method: str, params: bytes, lines: bytes, timeout_s: float
    ) -> tuple[Response, Frame | None]:
        """Send a request with just those header `lines` and return what came, unjudged.

        Raises:
            UpstreamError: no HTTP answer came.
            UpstreamTimeout: it did not come in time.
        """
        deadline = self._loop.time() + timeout_s
        request_id = self.next_id()
        request = self._writer.post(lines, request_frame(request_id, method, params))
        response = await self._pool.request(request, deadline)
        return response, await self._frame_of(response, request_id, None, deadline)

    async def tell(self, body: bytes, lines: bytes) -> int:
        """Post a message that has no answer, with those header `lines`; return the HTTP status.

        Raises:
            UpstreamError: it could not be delivered.
        """
        deadline = self._loop.time() + COURTESY_S
        response = await self._pool.request(self._writer.post(lines, body), deadline)
        response.close()
        return response.status

    async def end_session(self, lines: bytes) -> None:
        """Tell the server that the session of those header `lines` is over.

        Raises:
            UpstreamError: it could not be told.
        """
        deadline = self._loop.time() + COURTESY_S
        response = await self._pool.request(self._writer.delete(lines), deadline)
        response.close()

    async def close(self) -> None:
        """End the session and every connection."""
        self.is_alive = False
        try:
            if SESSION_HEADER in self._session_lines:
                await self.end_session(self._session_lines)
        except UpstreamError:
            pass  # The server forgets the session by itself.
        finally:
            self._pool.close()

    async def _exchange_once(
        self, message: Outgoing, deliver: Deliver | None, deadline: float
    ) -> Reply:
        if self._era is Era.MODERN:
            lines = modern_lines(self._version, message)
        else:
            lines = self._session_lines
        body = request_frame(message.id, message.method, message.params)
        response = await self._pool.request(self._writer.post(lines, body), deadline)
        if response.is_stream:
            frame = await self._frame_of(response, message.id, deliver, deadline)
        else:
            frame = read_frame(response.body)
        return self._judge(response.status, frame, message.id)

    def _judge(self, status: int, frame: Frame | None, request_id: int) -> Reply:
        """Return the reply that an answer carries, or raise what it amounts to."""
        if status in (401, 403) or 300 <= status < 400:
            raise status_error(self.server, status)
        if status == 404 and SESSION_HEADER in self._session_lines:
            raise SessionLost(f"server {self.server!r} does not know our session")
        reply = frame.reply() if frame is not None else None
        if frame is None or reply is None or (status >= 400 and reply.error is None):
            if status in MAYBE_OTHER_ERA:
                self.is_alive = False  # Perhaps it changed its era: the next caller finds out.
            raise status_error(self.server, status)
        if reply.error is not None:
            if frame.error_code() in OUR_FAULT:
                self.is_alive = False
                raise refused_speech(self.server)
            if frame.id is None or status >= 400:
                return reply
        if frame.id != request_id:
            self.dropped += 1
            raise UpstreamError(f"server {self.server!r} answered another request than ours")
        return reply

    async def _frame_of(
        self, response: Response, request_id: int, deliver: Deliver | None, deadline: float
    ) -> Frame | None:
        """Return the message that answers; notifications on the way go to `deliver`."""
        if not response.is_stream:
            return read_frame(response.body)
        parser = SseParser(self._max_message_bytes)
        try:
            while piece := await response.read():
                for event in parser.feed(piece):
                    frame = read_frame(event.data)
                    if frame is None:
                        self.dropped += len(event.data) > 0  # Empty: a mark to resume from.
                    elif frame.method is not None:
                        await self._take(frame, frame.method, request_id, deliver, deadline)
                    elif frame.id == request_id:
                        response.close()
                        return frame
                    else:
                        self.dropped += 1
        except ProtocolError:
            response.abort()
            raise too_large(self.server, self._max_message_bytes) from None
        except BaseException:
            response.abort()
            raise
        raise UpstreamError(
            f"server {self.server!r} ended its answer without a result",
            "try again; whether the request took effect is unknown",
        )

    async def _take(
        self,
        frame: Frame,
        method: str,
        request_id: int,
        deliver: Deliver | None,
        deadline: float,
    ) -> None:
        """Act on a notification or a request that came before the answer."""
        if frame.id is not None:
            if self._era is Era.LEGACY:
                body = answer_frame(frame)
                self._background.run(lambda: self.tell(body, self._session_lines))
        elif method in LIST_CHANGED:
            self._on_change(method)
        elif deliver is not None and (
            method == LOG_MESSAGE or (method == PROGRESS and frame.progress_token() == request_id)
        ):
            try:
                async with asyncio.timeout_at(deadline):
                    await deliver(Notification(method, frame.params))
            except TimeoutError:
                raise timed_out(self.server) from None
        else:
            self.dropped += 1

    async def _renew_session(self, lines: bytes, deadline: float) -> None:
        """Make the session anew, once for everybody that met its end."""
        if self._session_lines != lines:
            return
        try:
            async with asyncio.timeout_at(deadline):
                await self._renew()
        except TimeoutError:
            raise timed_out(self.server) from None
        except UpstreamError:
            self.is_alive = False
            raise
