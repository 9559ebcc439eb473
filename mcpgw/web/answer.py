"""One answer under way: plain JSON, or an event stream once something must be said before the end.

Nothing is committed before there is something to say, so that errors keep their HTTP status. Knows
no MCP method.
"""

import asyncio

from aiohttp import web

from mcpgw.gateway.listing import Spawn
from mcpgw.protocol.exchange import Notification
from mcpgw.protocol.jsonrpc import notification_bytes
from mcpgw.protocol.sse import KEEP_ALIVE, encode
from mcpgw.web.connection import Connection
from mcpgw.web.errors import PLAIN_HEADERS, json_response

KEEP_ALIVE_AFTER_S = 15.0
"""Silence after which a comment is sent, which opens the stream: no proxy gives up on it."""

STREAM_HEADERS = {
    **PLAIN_HEADERS,
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


class Answer:
    """The answer to one request; entered while that runs.

    `is_ended_by_leaving` says whether the client takes its request back by going away.
    """

    def __init__(
        self, request: web.BaseRequest, spawn: Spawn, *, is_ended_by_leaving: bool
    ) -> None:
        self._request = request
        self._spawn = spawn
        self._is_ended_by_leaving = is_ended_by_leaving
        self._stream: web.StreamResponse | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._beat: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self.can_stream = "text/event-stream" in request.headers.get("Accept", "")

    @property
    def is_streaming(self) -> bool:
        """Whether the status line has left already."""
        return self._stream is not None

    def __enter__(self) -> None:
        """Keep the client company while its request runs: comments, and its leaving noticed."""
        connection = self._request.protocol
        if self._is_ended_by_leaving and isinstance(connection, Connection):
            connection.on_lost = self._request.task.cancel
        if self.can_stream:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(KEEP_ALIVE_AFTER_S, self._begin_beating)

    def __exit__(self, *_: object) -> None:
        """Leave the client to the end of its answer."""
        connection = self._request.protocol
        if isinstance(connection, Connection):
            connection.on_lost = None
        if self._timer is not None:
            self._timer.cancel()
        if self._beat is not None:
            self._beat.cancel()

    async def deliver(self, notification: Notification) -> None:
        """Send a notification before the result; one that the client left behind is dropped."""
        await self._write(encode(notification_bytes(notification.method, notification.params)))

    async def finish(self, response: bytes) -> web.StreamResponse:
        """End with the result, in the form that the answer has taken."""
        if self._stream is None:
            return json_response(response)
        await self._write(encode(response))
        return self._stream

    async def end_without_result(self) -> web.StreamResponse:
        """End the answer to a request that was taken back: nothing may be said to it any more."""
        if self.can_stream:
            await self._write(b"")
        return self._stream or web.Response(status=202, headers=PLAIN_HEADERS)

    def _begin_beating(self) -> None:
        self._beat = self._spawn(self._beating())

    async def _beating(self) -> None:
        while True:
            await self._write(KEEP_ALIVE)
            await asyncio.sleep(KEEP_ALIVE_AFTER_S)

    async def _write(self, chunk: bytes) -> None:
        async with self._writing:
            try:
                if self._stream is None:
                    stream = web.StreamResponse(headers=STREAM_HEADERS)
                    await stream.prepare(self._request)
                    self._stream = stream
                if chunk:
                    await self._stream.write(chunk)
            except ConnectionError:
                # The client left; what it asked for may still go on.
                return
