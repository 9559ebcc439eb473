"""The streams of an HTTP server on which arrives what belongs to no call.

A modern server has one for each `subscriptions/listen`, a legacy one a GET stream for each session,
on which it may ask too. They run over connections of their own, last as long as their reader wants,
and are never counted as calls. Who reads decides when to come again.
Source: MCP 2026-07-28, basic/patterns (subscriptions); 2025-11-25, basic/transports (GET).
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from msgspec import Raw

from mcpgw.errors import UpstreamError
from mcpgw.protocol.exchange import Notification, Outgoing, Reply
from mcpgw.protocol.jsonrpc import METHOD_NOT_FOUND, error_object
from mcpgw.protocol.line import TooLong
from mcpgw.upstream import OnChange
from mcpgw.upstream.event_reader import EventReader
from mcpgw.upstream.failure import status_error
from mcpgw.upstream.frame import CHANGES, Frame, read_frame, request_frame
from mcpgw.upstream.http_head import SESSION_HEADER, RequestWriter, resuming_line
from mcpgw.upstream.http_pool import HttpPool
from mcpgw.upstream.http_response import Response
from mcpgw.upstream.in_flight import InFlight, Running

OPEN_S = 30.0
"""How long a stream may take to begin."""

MIN_RETRY_S, RETRY_S, MAX_RETRY_S = 0.1, 1.0, 30.0
"""The pause before a stream is resumed: what a server may ask for, and when it does not."""

NOT_NOW = frozenset({401, 403, 408, 409, 425, 429})
"""Refusals that say nothing about whether there is such a stream."""

_UNKNOWN = Reply(None, Raw(error_object(METHOD_NOT_FOUND, "there is nothing to listen to")))


class Way(Protocol):
    """What is needed of the transport."""

    server: str
    dropped: int
    max_message_bytes: int

    def announce(self, notification: Notification) -> None:
        """Tell what belongs to no call."""


class HttpNews:
    """The way to a server's streams of what belongs to no call."""

    def __init__(self, way: Way, writer: RequestWriter, pool: HttpPool) -> None:
        self._way = way
        self._writer = writer
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._session = b""
        self._last_id: str | None = None
        self._retry_s = RETRY_S
        self._standing: Response | None = None
        self._has_left = asyncio.Event()
        """Whether the session is no more; another one for each."""
        self._has_none = False
        """Whether the server said that there is no stream in this session."""
        self._is_over = asyncio.Event()

    async def listen(self, message: Outgoing, lines: bytes, take: OnChange) -> Reply:
        """Send a request with those header `lines`; return its reply, which may never come.

        What comes on its stream goes to `take`. `message.timeout_s` bounds its beginning.

        Raises:
            UpstreamError: the stream broke off, or there is none for now.
            UpstreamTimeout: it did not begin in time.
            GatewayError: a secret cannot be opened.
        """
        body = request_frame(message.id, message.method, message.params)
        deadline = self._loop.time() + message.timeout_s
        response = await self._pool.open_stream(self._writer.post(lines, body), deadline)
        if not response.is_stream:
            return self._plain_reply(response)
        reader = EventReader(response, self._way.max_message_bytes)
        try:
            while (frame := await self._next_frame(reader)) is not None:
                if frame.method is not None and frame.id is None:
                    take(Notification(frame.method, frame.params))
                    continue
                reply = frame.reply() if frame.id == message.id else None
                if reply is not None:
                    return reply
                self._way.dropped += 1
        finally:
            reader.close()
        raise self._ended()

    async def hear(
        self, lines: bytes, in_flight: InFlight[Running], on_open: Callable[[], None]
    ) -> float | None:
        """Hold the standing stream of a legacy session; where there is none, wait for its end.

        What the server asks is put to the calls `in_flight`. Returns how long to wait before the
        next one, when that goes on without a gap; None when the server does not know the session of
        those header `lines`.

        Raises:
            UpstreamError: it broke off, or there is none for now.
            UpstreamTimeout: it did not begin in time.
            GatewayError: a secret cannot be opened.
        """
        if self._has_none:
            on_open()
            return await self.wait_for_next_session()
        if lines != self._session:
            self._session, self._last_id, self._retry_s = lines, None, RETRY_S
        has_left = self._has_left
        request = self._writer.get(lines + resuming_line(self._last_id))
        response = await self._pool.open_stream(request, self._loop.time() + OPEN_S)
        if response.is_stream and not has_left.is_set():
            self._standing = response
            on_open()
            await self._read_standing(response, in_flight)
            return self._retry_s
        response.abort()
        if has_left.is_set():
            raise self._ended()
        if response.status == 404 and SESSION_HEADER in lines:
            return None
        if response.status in NOT_NOW or response.status >= 500 or 300 <= response.status < 400:
            raise status_error(self._way.server, response.status)
        self._has_none = True
        on_open()
        return await self.wait_for_next_session()

    async def wait_for_next_session(self) -> float:
        """Wait until the session is no more, and say so.

        Raises:
            UpstreamError: it is no more.
        """
        await self._has_left.wait()
        raise self._ended()

    async def wait_for_end(self) -> float:
        """Wait until the connection ends, and say so.

        Raises:
            UpstreamError: it has ended.
        """
        await self._is_over.wait()
        raise self._ended()

    def leave_session(self) -> None:
        """End the standing stream: its session is no more."""
        self._has_left.set()
        self._has_left = asyncio.Event()
        self._has_none = False
        if self._standing is not None:
            self._standing.abort()

    def close(self) -> None:
        """Say that the connection ends."""
        self._is_over.set()
        self.leave_session()

    async def _read_standing(self, response: Response, in_flight: InFlight[Running]) -> None:
        """Read the standing stream to its end; raise when what comes meanwhile may be lost."""
        reader = EventReader(response, self._way.max_message_bytes)
        try:
            while (frame := await self._next_frame(reader)) is not None:
                self._take_standing(frame, in_flight)
        except UpstreamError:
            if self._note(reader):
                return
            raise
        finally:
            reader.close()
            self._standing = None
        if not self._note(reader):
            raise self._ended()

    def _note(self, reader: EventReader) -> bool:
        """Note where the stream ended, and say whether the next one goes on from there."""
        if reader.retry_ms is not None:
            self._retry_s = min(max(reader.retry_ms / 1000, MIN_RETRY_S), MAX_RETRY_S)
        if reader.last_id is not None:
            self._last_id = reader.last_id
        return bool(resuming_line(self._last_id))

    def _take_standing(self, frame: Frame, in_flight: InFlight[Running]) -> None:
        if frame.method is None:
            self._way.dropped += 1
        elif frame.id is not None:
            in_flight.be_asked(frame, frame.method)
        elif frame.method in CHANGES:
            self._way.announce(Notification(frame.method, frame.params))
        elif not in_flight.hear(frame, frame.method):
            self._way.dropped += 1

    async def _next_frame(self, reader: EventReader) -> Frame | None:
        """Return the next message, None at the end of the stream."""
        while (event := await reader.next()) is not None:
            frame = None if isinstance(event, TooLong) else read_frame(event.data)
            if frame is not None:
                return frame
            self._way.dropped += isinstance(event, TooLong) or len(event.data) > 0
        return None

    def _plain_reply(self, response: Response) -> Reply:
        frame = read_frame(response.body)
        reply = frame.reply() if frame is not None else None
        if reply is not None and (response.status < 400 or reply.error is not None):
            return reply
        if response.status in (404, 405, 501):
            return _UNKNOWN
        raise status_error(self._way.server, response.status)

    def _ended(self) -> UpstreamError:
        return UpstreamError(
            f"server {self._way.server!r} ended the stream of its news", "it is opened again"
        )
