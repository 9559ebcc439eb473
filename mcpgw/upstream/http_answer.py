"""One request's answer as a stream over HTTP, with what its server says and asks before it.

A legacy server may end the stream early: when its events had ids, the answer is read on where it
broke off, with a GET, and the request is never sent again. Judges no answer.
Source: MCP 2025-11-25, basic/transports (Streamable HTTP, resumability).
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Protocol

from mcpgw.errors import ProtocolError, UpstreamError
from mcpgw.protocol.exchange import PAUSED, Notification
from mcpgw.protocol.sse import SseParser
from mcpgw.upstream import Ask, Deliver
from mcpgw.upstream.background import Background
from mcpgw.upstream.failure import is_ours, timed_out, too_large
from mcpgw.upstream.frame import (
    CANCELLED,
    CHANGES,
    LOG_MESSAGE,
    PROGRESS,
    QUESTIONS,
    Frame,
    answer_frame,
    read_frame,
)
from mcpgw.upstream.http_connection import OnSent
from mcpgw.upstream.http_head import resuming_line
from mcpgw.upstream.http_response import Response
from mcpgw.upstream.in_flight import MAX_NOTIFICATIONS, Running

RETRY_S = 1.0
"""The pause before a stream is resumed, when its server names none."""

MAX_RETRY_S = 5.0

MAX_IDLE_STREAMS = 3
"""So many streams in a row may bring nothing new."""


class Way(Protocol):
    """What is needed of the transport."""

    server: str
    dropped: int
    max_message_bytes: int
    asking: Background

    def announce(self, notification: Notification) -> None:
        """Tell what belongs to no call."""

    def post(self, body: bytes, lines: bytes) -> None:
        """Send a message that has no answer, some time."""

    async def reopen(
        self, lines: bytes, pause_s: float, deadline: float, on_sent: OnSent
    ) -> Response:
        """Ask after a pause for the rest of a stream."""


class StreamedAnswer(Running):
    """The answer to one request, read to its end."""

    __slots__ = (
        "_deliver",
        "_heard",
        "_idle_streams",
        "_is_telling",
        "_last_id",
        "_lines",
        "_pause_s",
        "_request_id",
        "_response",
        "_way",
    )

    def __init__(
        self,
        way: Way,
        request_id: int,
        lines: bytes | None,
        deadline: float,
        deliver: Deliver | None,
        ask: Ask | None,
        client: str = "",
    ) -> None:
        """Take what the answer is recognised by and where the rest goes.

        Args:
            way: the transport.
            request_id: of the request.
            lines: the header lines of the legacy session; None where the server may ask nothing.
            deadline: the end of the exchange, by the loop's time.
            deliver: takes notifications of the call.
            ask: puts questions to its client.
            client: whose call it is, where questions may come that do not say it.
        """
        super().__init__(client, deadline, ask)
        self._way = way
        self._request_id = request_id
        self._lines = lines
        self._deliver = deliver
        self._response: Response | None = None
        self._heard: deque[Notification] | None = None
        self._is_telling = False
        self._last_id: str | None = None
        self._pause_s = RETRY_S
        self._idle_streams = 0

    async def read(self, response: Response) -> Frame:
        """Return the message that answers.

        Raises:
            UpstreamError: the stream ended without it and cannot be resumed.
            UpstreamTimeout: it did not come in time.
        """
        try:
            while True:
                frame = await self._read_one(response)
                if frame is not None:
                    return frame
                response = await self._reopen()
        finally:
            self.end()

    def sent(self, response: Response) -> None:
        """Know the answer before it comes, whose end moves with the call's."""
        self._response = response

    def move(self, deadline: float) -> None:
        """Move the end of the call's time."""
        self.deadline = deadline
        if self._response is not None:
            self._response.postpone(deadline)

    def hear(self, notification: Notification) -> bool:
        """Tell the client what came on another stream; a slow one loses the oldest."""
        if self._heard is None:
            self._heard = deque(maxlen=MAX_NOTIFICATIONS)
        heard = self._heard
        is_full = len(heard) == MAX_NOTIFICATIONS
        heard.append(notification)
        if not self._is_telling:
            self._is_telling = self._way.asking.run(lambda: self._tell(heard))
        return self._is_telling and not is_full

    def end(self) -> None:
        """Take back what waits for the client: the call is over."""
        if self._heard is not None:
            self._heard.clear()
        super().end()

    async def _tell(self, heard: deque[Notification]) -> None:
        try:
            with suppress(OSError):  # The client left, which its call finds out by itself.
                while heard:
                    await self._hand_on(heard.popleft())
        finally:
            self._is_telling = False

    async def _read_one(self, response: Response) -> Frame | None:
        """Return the answer, None when this stream ended without it but can be resumed."""
        self._response = response
        parser = SseParser(self._way.max_message_bytes)
        try:
            while piece := await response.read():
                for event in parser.feed(piece):
                    frame = await self._take(event.data)
                    if frame is not None:
                        response.close()
                        return frame
        except ProtocolError:
            response.abort()
            raise too_large(self._way.server, self._way.max_message_bytes) from None
        except UpstreamError as error:
            response.abort()
            self._note(parser)
            if is_ours(error) or not self._can_resume:
                raise
            return None
        except BaseException:
            response.abort()
            raise
        self._note(parser)
        if not self._can_resume:
            raise self._unanswered()
        await self._hand_on(PAUSED)
        return None

    async def _take(self, data: bytes) -> Frame | None:
        """Return the answer; act on everything else."""
        if not data:
            return None  # A mark to resume from.
        frame = read_frame(data)
        if frame is None:
            self._way.dropped += 1
        elif frame.method is None:
            if frame.id == self._request_id:
                return frame
            self._way.dropped += 1
        elif frame.id is None:
            await self._hear(frame, frame.method)
        else:
            self._be_asked(frame, frame.method)
        return None

    async def _hear(self, frame: Frame, method: str) -> None:
        """Hand a notification on to whom it concerns."""
        if method in CHANGES:
            self._way.announce(Notification(method, frame.params))
        elif method == CANCELLED:
            self._way.dropped += not self.withdraw(frame.cancelled_id())
        elif method == LOG_MESSAGE or (
            method == PROGRESS and frame.progress_token() == self._request_id
        ):
            await self._hand_on(Notification(method, frame.params))
        else:
            self._way.dropped += 1

    async def _hand_on(self, notification: Notification) -> None:
        """Give the client what concerns its call, if it wants any of it."""
        if self._deliver is None:
            self._way.dropped += 1
            return
        try:
            async with asyncio.timeout_at(self.deadline):
                await self._deliver(notification)
        except TimeoutError:
            raise timed_out(self._way.server) from None

    def _be_asked(self, request: Frame, method: str) -> None:
        """Pass a question on to the call's client, or answer it ourselves."""
        if self._lines is None:
            self._way.dropped += 1
        elif self.ask is None or method not in QUESTIONS:
            self._post(answer_frame(request))
        else:
            self.put(request, self.ask, self._way.asking, self._post)

    def _post(self, body: bytes) -> None:
        self._way.post(body, self._lines or b"")

    def _note(self, parser: SseParser) -> None:
        """Note how far the stream came."""
        if parser.retry_ms is not None:
            self._pause_s = min(parser.retry_ms / 1000, MAX_RETRY_S)
        if parser.last_id is None:
            self._idle_streams += 1
        else:
            self._last_id, self._idle_streams = parser.last_id, 0

    @property
    def _can_resume(self) -> bool:
        return (
            self._lines is not None
            and resuming_line(self._last_id) != b""
            and self._idle_streams < MAX_IDLE_STREAMS
        )

    async def _reopen(self) -> Response:
        lines = (self._lines or b"") + resuming_line(self._last_id)
        response = await self._way.reopen(lines, self._pause_s, self.deadline, self.sent)
        if not response.is_stream:
            raise self._unanswered()
        response.postpone(self.deadline)  # A question may have been answered meanwhile.
        return response

    def _unanswered(self) -> UpstreamError:
        return UpstreamError(
            f"server {self._way.server!r} ended its answer without a result",
            "try again; whether the request took effect is unknown",
        )
