"""Event streams: written piece by piece, kept company by comments, ended with the server.

Knows no MCP. A client that does not read is waited for, and dropped by its connection, so that
nothing piles up for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Protocol

from aiohttp import web

from mcpgw.gateway.ports import Spawn
from mcpgw.protocol.sse import KEEP_ALIVE, encode
from mcpgw.web.connection import Connection
from mcpgw.web.cors import page_headers
from mcpgw.web.errors import PLAIN_HEADERS

KEEP_ALIVE_AFTER_S = 15.0
"""Silence after which a comment is sent, which opens the stream: no proxy gives up on it. A third
longer at most."""

PRIMED_AFTER_S = 0.1
"""Silence after which the stream of a client that can come back is opened: from then on it can."""

STREAM_HEADERS = {
    **PLAIN_HEADERS,
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


class Silent(Protocol):
    """What a heart keeps company."""

    async def comment(self) -> None:
        """Break the silence."""


class Heart:
    """Sends comments to all clients that wait long: one beat for all, not a timer for each."""

    def __init__(self, spawn: Spawn, silence_s: float) -> None:
        self._spawn = spawn
        self._silence_s = silence_s
        self._since: dict[Silent, float] = {}
        self._is_beating = False
        self._loop = asyncio.get_running_loop()

    def join(self, silent: Silent) -> None:
        """Keep a waiting client company from now on."""
        self._since[silent] = self._loop.time()
        if not self._is_beating:
            self._is_beating = True
            self._spawn(self._beat())

    def leave(self, silent: Silent) -> None:
        """Stop; its answer is at hand, or it is gone."""
        self._since.pop(silent, None)

    async def _beat(self) -> None:
        """Beat as long as somebody waits."""
        try:
            while self._since:
                await asyncio.sleep(self._silence_s / 3)
                silent_since = self._loop.time() - self._silence_s
                for silent in [s for s, since in self._since.items() if since <= silent_since]:
                    self._since[silent] = self._loop.time()
                    self._spawn(silent.comment())
        finally:
            self._is_beating = False


class Stream:
    """The event stream that answers one request; its status line leaves with the first piece."""

    def __init__(self, request: web.BaseRequest) -> None:
        self.request = request
        self.is_over = False
        """Whether nothing is written any more: that was all, or the client is gone."""
        self._response: web.StreamResponse | None = None
        self._writing = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the status line has left."""
        return self._response is not None

    async def write(self, chunk: bytes) -> None:
        """Write behind what came before, and wait until the client reads; dropped if it is gone."""
        async with self._writing:
            if self.is_over:
                return
            try:
                await self._write(chunk)
            except ConnectionError:
                self.drop()

    async def comment(self, head: bytes = b"") -> None:
        """Write a comment, unless the client has enough to read."""
        if not self._writing.locked():
            await self.write(head + KEEP_ALIVE)

    def drop(self) -> None:
        """Close the connection at once, whatever waits in it."""
        self.is_over = True
        if self.request.transport is not None:
            self.request.transport.abort()

    def drop_if_stuck(self) -> None:
        """Drop a client that has not read what was written."""
        if self._writing.locked():
            self.drop()

    async def leave(self, head: bytes = b"") -> None:
        """End the stream in good order, though what it answers goes on; the connection is closed.

        The handler still runs, so nothing else could be answered on it.
        """
        await self.write(head)
        async with self._writing:
            if self.is_over or self._response is None:
                return
            self.is_over = True
            with suppress(ConnectionError):
                await self._response.write_eof()
            if self.request.transport is not None:
                self.request.transport.close()

    def end(self) -> web.StreamResponse:
        """Return the response, for aiohttp to end."""
        self.is_over = True
        return self._response or web.Response(status=202, headers=PLAIN_HEADERS)

    async def _write(self, chunk: bytes) -> None:
        if self._response is None:
            headers = {**STREAM_HEADERS, **page_headers(self.request)}
            response = web.StreamResponse(headers=headers)
            await response.prepare(self.request)
            self._response = response
        await self._response.write(chunk)


class Source(Protocol):
    """Where the messages of a lasting stream come from."""

    @property
    def farewell(self) -> bytes:
        """What to write after the last of them, empty for nothing."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the messages as they come."""

    def end(self) -> None:
        """Let there be no more messages. May come at any time, and more than once."""

    def close(self) -> None:
        """Note that the stream is over."""


class Streams:
    """The streams that last as long as their clients stay, or until the server stops.

    `heart` keeps the clients of all streams company, `primer` opens those that can be come back to.
    """

    def __init__(self, spawn: Spawn) -> None:
        self.heart = Heart(spawn, KEEP_ALIVE_AFTER_S)
        self.primer = Heart(spawn, PRIMED_AFTER_S)
        self._open: dict[Stream, Source] = {}
        self._is_ending = False

    async def follow(
        self,
        stream: Stream,
        source: Source,
        *,
        head: bytes = b"",
        frame: Callable[[bytes], bytes] = encode,
    ) -> web.StreamResponse:
        """Write `head`, then each message in its `frame`, until `source` ends or the client leaves.

        The source is closed in any case.
        """
        connection = stream.request.protocol
        self._open[stream] = source
        try:
            if isinstance(connection, Connection):
                connection.on_lost = source.end
            if self._is_ending or stream.request.transport is None:
                source.end()
            self.heart.join(stream)
            await stream.write(head)
            async for message in source:
                await stream.write(frame(message))
                if stream.is_over:
                    source.end()
            if source.farewell:
                await stream.write(frame(source.farewell))
        finally:
            if isinstance(connection, Connection):
                connection.on_lost = None
            self.heart.leave(stream)
            del self._open[stream]
            source.close()
        return stream.end()

    def end_all(self) -> None:
        """End every stream in good order, from now on too; cut off clients that do not read."""
        self._is_ending = True
        for stream, source in self._open.items():
            source.end()
            stream.drop_if_stuck()
