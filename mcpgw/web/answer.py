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
from mcpgw.web.errors import PLAIN_HEADERS, Answered

KEEP_ALIVE_AFTER_S = 15.0
"""Silence after which a comment is sent, which opens the stream: no proxy gives up on it. A third
longer at most."""

STREAM_HEADERS = {
    **PLAIN_HEADERS,
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


class Heart:
    """Sends comments to all clients that wait long: one beat for all, not a timer for each."""

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self._since: dict[Answer, float] = {}
        self._is_beating = False
        self._loop = asyncio.get_running_loop()

    def join(self, answer: "Answer") -> None:
        """Keep a waiting client company from now on."""
        self._since[answer] = self._loop.time()
        if not self._is_beating:
            self._is_beating = True
            self._spawn(self._beat())

    def leave(self, answer: "Answer") -> None:
        """Stop; its answer is at hand."""
        self._since.pop(answer, None)

    async def _beat(self) -> None:
        """Beat as long as somebody waits."""
        try:
            while self._since:
                await asyncio.sleep(KEEP_ALIVE_AFTER_S / 3)
                silent_since = self._loop.time() - KEEP_ALIVE_AFTER_S
                for answer in [a for a, since in self._since.items() if since <= silent_since]:
                    self._since[answer] = self._loop.time()
                    self._spawn(answer.comment())
        finally:
            self._is_beating = False


class Answer:
    """The answer to one request; entered while that runs.

    `is_ended_by_leaving` says whether the client takes its request back by going away.
    """

    def __init__(
        self, request: web.BaseRequest, heart: Heart, *, is_ended_by_leaving: bool
    ) -> None:
        self._request = request
        self._heart = heart
        self._is_ended_by_leaving = is_ended_by_leaving
        self._stream: web.StreamResponse | None = None
        self._writing: asyncio.Lock | None = None
        self._is_ending = False
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
            self._heart.join(self)

    def __exit__(self, *_: object) -> None:
        """Leave the client to the end of its answer."""
        connection = self._request.protocol
        if isinstance(connection, Connection):
            connection.on_lost = None
        self._heart.leave(self)
        self._is_ending = True

    async def deliver(self, notification: Notification) -> None:
        """Send a notification before the result; one that the client left behind is dropped."""
        await self._write(encode(notification_bytes(notification.method, notification.params)))

    async def finish(self, response: bytes) -> web.StreamResponse:
        """End with the result, in the form that the answer has taken."""
        if self._writing is None:
            return Answered(response)
        await self._write(encode(response))
        return self._stream or Answered(response)

    async def end_without_result(self) -> web.StreamResponse:
        """End the answer to a request that was taken back: nothing may be said to it any more."""
        if self.can_stream:
            await self._write(b"")
        return self._stream or web.Response(status=202, headers=PLAIN_HEADERS)

    async def comment(self) -> None:
        """Break the silence, unless the end came first: after it nothing may be written."""
        if not self._is_ending:
            await self._write(KEEP_ALIVE)

    async def _write(self, chunk: bytes) -> None:
        # Made late: most answers write nothing but their end.
        self._writing = self._writing or asyncio.Lock()
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
