"""One answer under way: plain JSON, or an event stream once something must be said before the end.

Nothing is committed before there is something to say, so that errors keep their HTTP status. Knows
no MCP method.
"""

from collections.abc import Callable

from aiohttp import web

from mcpgw.errors import GatewayError
from mcpgw.protocol.sse import encode
from mcpgw.web.connection import Connection
from mcpgw.web.errors import PLAIN_HEADERS, Answered
from mcpgw.web.replay import Recording
from mcpgw.web.stream import Stream, Streams

EVENT_STREAM = "text/event-stream"


class Answer:
    """The answer to one request; entered while that runs.

    `is_ended_by_leaving` says whether the client takes its request back by going away. With
    `record`, which starts a recording, it can come back to the stream instead.
    """

    def __init__(
        self,
        request: web.BaseRequest,
        streams: Streams,
        *,
        is_ended_by_leaving: bool,
        record: Callable[[], Recording] | None = None,
    ) -> None:
        self._request = request
        self._streams = streams
        self._heart = streams.heart if record is None else streams.primer
        self._is_ended_by_leaving = is_ended_by_leaving
        self._record = record
        self._stream: Stream | None = None
        self._recording: Recording | None = None
        self._head = b""
        self._is_ending = False
        accepted = request.headers.get("Accept", "")
        self.can_stream = EVENT_STREAM in accepted
        self._prefers_stream = accepted.startswith(EVENT_STREAM)
        """Whether the client names event streams before JSON."""

    @property
    def is_streaming(self) -> bool:
        """Whether the status line has left already."""
        return self._stream is not None and self._stream.is_open

    def __enter__(self) -> None:
        """Keep the client company while its request runs: comments, and its leaving noticed."""
        connection = self._request.protocol
        if self._is_ended_by_leaving and isinstance(connection, Connection):
            connection.on_lost = self._request.task.cancel
        if self.can_stream:
            self._heart.join(self)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Leave the client to the end of its answer."""
        connection = self._request.protocol
        if isinstance(connection, Connection):
            connection.on_lost = None
        self._heart.leave(self)
        self._is_ending = True
        if self._recording is not None and kind is not None and not issubclass(kind, GatewayError):
            self._recording.end()

    async def send(self, message: bytes) -> None:
        """Send a message before the answer; one that the client left behind is dropped.

        Without a message the stream ends here, for a client that can come back for the rest.
        """
        if message:
            await self._put(message, is_answer=False)
        elif self._record is not None:
            await self._opened().leave(self._take_head())

    async def finish(self, response: bytes) -> web.StreamResponse:
        """End with the result, in the form that the answer has taken."""
        if self._stream is None and not self._prefers_stream:
            return Answered(response)
        await self._put(response, is_answer=True)
        return self._opened().end()

    async def end_without_result(self) -> web.StreamResponse:
        """End the answer to a request that was taken back: nothing may be said to it any more."""
        if self._recording is not None:
            self._recording.forget()
        if not self.can_stream:
            return web.Response(status=202, headers=PLAIN_HEADERS)
        # A stream that begins here begins without an id: there is nothing to come back to.
        stream = self._stream or Stream(self._request)
        await stream.write(b"")
        return stream.end()

    async def comment(self) -> None:
        """Break the silence, unless the end came first: after it nothing may be written."""
        if self._is_ending:
            return
        if self._heart is self._streams.primer:
            self._heart.leave(self)
            self._heart = self._streams.heart
            self._heart.join(self)
        await self._opened().comment(self._take_head())

    async def _put(self, message: bytes, *, is_answer: bool) -> None:
        stream = self._opened()
        if self._recording is None:
            await stream.write(encode(message))
            return
        frame = self._recording.add(message, is_answer=is_answer)
        if self._recording.reader is None:
            await stream.write(self._take_head() + frame)

    def _opened(self) -> Stream:
        """Return the stream. Made late: most answers write nothing but their end."""
        if self._stream is None:
            self._stream = Stream(self._request)
            if self._record is not None:
                self._recording = self._record()
                self._head = self._recording.marks.priming
        return self._stream

    def _take_head(self) -> bytes:
        """Return what the stream begins with, once."""
        head, self._head = self._head, b""
        return head
