"""Streamable HTTP of both eras: one POST per message, answered by JSON or by an event stream.

A request is sent once; only one that met a lost session, and so was not executed, is sent again in
the new session. Taking a request back closes its connection, which in the modern era is all there
is to it; a legacy server is told as well. What a legacy server asks comes on the stream of the call
that it belongs to, or on the session's own, which is held while calls run that may be asked.
Source: MCP 2026-07-28 and 2025-11-25, basic/transports.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count
from typing import Any

from mcpgw.errors import UpstreamError
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Notification, Outgoing, Reply
from mcpgw.protocol.jsonrpc import HEADER_MISMATCH
from mcpgw.upstream import NOTHING, Ask, Deliver, OnChange, Spawn, Terms
from mcpgw.upstream.background import Background, SingleFlight
from mcpgw.upstream.failure import headers_refused, is_ours, refused_speech, status_error, timed_out
from mcpgw.upstream.frame import (
    OUR_FAULT,
    Frame,
    cancelled_frame,
    read_frame,
    request_frame,
)
from mcpgw.upstream.http_answer import StreamedAnswer
from mcpgw.upstream.http_connection import OnSent
from mcpgw.upstream.http_head import SESSION_HEADER, RequestWriter, modern_lines
from mcpgw.upstream.http_news import HttpNews
from mcpgw.upstream.http_pool import HttpPool
from mcpgw.upstream.http_response import Response
from mcpgw.upstream.http_standing import StandingStream
from mcpgw.upstream.in_flight import InFlight, Running
from mcpgw.upstream.question import MAX_ASKING

COURTESY_S = 3.0
"""How long a message may take that nobody waits for."""

RENEW_S = 30.0
"""How long a session may take to be made anew when no call waits for it."""

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
        terms: Terms,
        make_session: Callable[["HttpTransport"], Awaitable[object]],
    ) -> None:
        self.server = writer.server
        self.is_alive = True
        self.dropped = 0
        self._writer = writer
        self._pool = pool
        self.max_message_bytes = max_message_bytes
        self.asking = Background(spawn, limit=MAX_ASKING)
        self._background = Background(spawn)
        self._pausing = 0
        self._renew = SingleFlight(self.server, spawn, lambda: make_session(self))
        self._terms = terms
        self._loop = asyncio.get_running_loop()
        self._ids = count(1)
        self._version = ""
        self._era: Era | None = None
        self._session_lines = b""
        self._may_be_asked = False
        """Whether a call's client may be asked on another stream than the call's."""
        self._in_flight = self._in_session(b"")
        self._news = HttpNews(self, writer, pool)
        self._standing = StandingStream(
            self.server,
            spawn,
            lambda on_open: self._news.hear(self._session_lines, self._in_flight, on_open),
        )

    @property
    def session(self) -> bytes:
        """What tells one legacy session from the next."""
        return self._session_lines

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is running."""
        return self._pool.is_busy or self._pausing > 0

    def next_id(self) -> int:
        """Return an id that no other request on this connection has."""
        return next(self._ids)

    def begin(self, era: Era, version: str, session_lines: bytes = b"") -> None:
        """Speak that revision from now on, in the legacy session of those header lines."""
        self._era = era
        self._version = version
        self._session_lines = session_lines
        self._may_be_asked = era is Era.LEGACY and self._terms.capabilities != NOTHING
        self._in_flight = self._in_session(session_lines)
        self._news.leave_session()
        self._standing.renew()

    async def exchange(
        self, message: Outgoing, deliver: Deliver | None = None, ask: Ask | None = None
    ) -> Reply:
        """Send a request and return its reply, as the port `Upstream` says."""
        deadline = self._loop.time() + message.timeout_s
        lines = self._session_lines
        try:
            try:
                return await self._exchange_once(message, deadline, deliver, ask)
            except SessionLost:
                await self._renew_session(lines, deadline)
                return await self._exchange_once(message, deadline, deliver, ask)
        except BaseException as error:
            if self._era is Era.LEGACY and is_ours(error):
                self._in_flight.leave(message.client)
                self.post(cancelled_frame(message.id), self._session_lines)
            raise

    def listen(self, message: Outgoing, take: OnChange) -> Coroutine[Any, Any, Reply]:
        """Open a subscription and return its reply, at its end; see `HttpNews.listen`."""
        return self._news.listen(message, modern_lines(self._version, message), take)

    async def hear(self, on_open: Callable[[], None]) -> float:
        """Share the session's standing stream, made anew if need be; see `HttpNews.hear`."""
        if self._era is Era.MODERN:
            on_open()
            return await self._news.wait_for_end()
        lines = self._session_lines
        pause_s = await self._standing.follow(on_open)
        if pause_s is None:
            await self._renew_session(lines, self._loop.time() + RENEW_S)
            pause_s = await self._standing.follow(on_open)
        if pause_s is None:  # It is not the session, then, that is not found.
            on_open()
            return await self._news.wait_for_next_session()
        return pause_s

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
        return response, await self._frame_of(response, request_id, deadline)

    async def tell(self, body: bytes, lines: bytes) -> int:
        """Post a message that has no answer, with those header `lines`; return the HTTP status.

        Raises:
            UpstreamError: it could not be delivered.
        """
        deadline = self._loop.time() + COURTESY_S
        request = self._writer.post(lines, body)
        response = await self._pool.request(request, deadline, is_urgent=True)
        response.close()
        return response.status

    def announce(self, notification: Notification) -> None:
        """Tell the listener what belongs to no call."""
        self._terms.on_change(notification)

    def post(self, body: bytes, lines: bytes) -> None:
        """Send a message that has no answer, some time, as well as we can."""
        self._background.run(lambda: self.tell(body, lines))

    async def reopen(
        self, lines: bytes, pause_s: float, deadline: float, on_sent: OnSent
    ) -> Response:
        """Ask after a pause for the rest of a stream; `lines` say which and from where.

        Raises:
            UpstreamError: no HTTP answer came.
            UpstreamTimeout: it did not come in time.
        """
        self._pausing += 1  # Calls that pause run all the same.
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.sleep(pause_s)
            return await self._pool.request(self._writer.get(lines), deadline, on_sent=on_sent)
        except TimeoutError:
            raise timed_out(self.server) from None
        finally:
            self._pausing -= 1

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
        self._news.close()
        self._standing.close()
        try:
            if SESSION_HEADER in self._session_lines:
                await self.end_session(self._session_lines)
        except UpstreamError:
            pass  # The server forgets the session by itself.
        finally:
            self._pool.close()

    async def _exchange_once(
        self, message: Outgoing, deadline: float, deliver: Deliver | None, ask: Ask | None
    ) -> Reply:
        if ask is not None and self._may_be_asked:
            return await self._exchange_asked(message, deadline, deliver, ask)
        if self._era is Era.MODERN:
            lines = modern_lines(self._version, message)
        else:
            lines = self._session_lines
        body = request_frame(message.id, message.method, message.params)
        response = await self._pool.request(self._writer.post(lines, body), deadline)
        if response.is_stream:
            frame = await self._frame_of(response, message.id, deadline, deliver, ask)
        else:
            frame = read_frame(response.body)
        return self._judge(response.status, frame, message.id)

    async def _exchange_asked(
        self, message: Outgoing, deadline: float, deliver: Deliver | None, ask: Ask
    ) -> Reply:
        """Do a call whose client may be asked on the standing stream, too."""
        body = request_frame(message.id, message.method, message.params)
        try:
            await self._standing.keep()
            lines, in_flight = self._session_lines, self._in_flight
            answer = StreamedAnswer(self, message.id, lines, deadline, deliver, ask, message.client)
            in_flight.calls[message.id] = answer
            try:
                request = self._writer.post(lines, body)
                response = await self._pool.request(request, deadline, on_sent=answer.sent)
                is_stream = response.is_stream
                frame = await answer.read(response) if is_stream else read_frame(response.body)
            finally:
                in_flight.end(message.id)
        finally:
            self._standing.release()
        return self._judge(response.status, frame, message.id)

    def _judge(self, status: int, frame: Frame | None, request_id: int) -> Reply:
        """Return the reply that an answer carries, or raise what it amounts to."""
        if status in (401, 403) or 300 <= status < 400:
            raise status_error(self.server, status)
        if status == 404 and SESSION_HEADER in self._session_lines:
            raise self._lost()
        reply = frame.reply() if frame is not None else None
        if frame is None or reply is None or (status >= 400 and reply.error is None):
            if status in MAYBE_OTHER_ERA:
                self.is_alive = False  # Perhaps it changed its era: the next caller finds out.
            raise status_error(self.server, status)
        if reply.error is not None:
            code = frame.error_code()
            if code == HEADER_MISMATCH and self._era is Era.MODERN:
                raise headers_refused(self.server)
            if code in OUR_FAULT:
                self.is_alive = False
                raise refused_speech(self.server)
            if status >= 400:
                return Reply(None, reply.error, status)
            if frame.id is None:
                return reply
        if frame.id != request_id:
            self.dropped += 1
            raise UpstreamError(f"server {self.server!r} answered another request than ours")
        return reply

    async def _frame_of(
        self,
        response: Response,
        request_id: int,
        deadline: float,
        deliver: Deliver | None = None,
        ask: Ask | None = None,
    ) -> Frame | None:
        """Return the message that answers, None when the body is none."""
        if not response.is_stream:
            return read_frame(response.body)
        lines = self._session_lines if self._era is Era.LEGACY else None
        return await StreamedAnswer(self, request_id, lines, deadline, deliver, ask).read(response)

    def _in_session(self, lines: bytes) -> InFlight[Running]:
        """Return the calls of a session, which are none."""
        return InFlight(
            self.server, self._terms.on_question, self.asking, lambda body: self.post(body, lines)
        )

    def _lost(self) -> SessionLost:
        return SessionLost(f"server {self.server!r} does not know our session")

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
