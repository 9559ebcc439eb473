"""Many calls over one two-way line, told apart by the ids of their requests.

Answers are found by id in a table, so a late, unknown or second answer reaches nobody. A client
that is slow to take its progress loses the oldest of it and holds nobody up. What a server asks or
logs on such a line names no call: `in_flight.py` finds whom it concerns.
Source: MCP 2026-07-28 and 2025-11-25, basic/transports (stdio).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count

from mcpgw.errors import UpstreamError
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Notification, Outgoing, Reply
from mcpgw.protocol.jsonrpc import HEADER_MISMATCH
from mcpgw.protocol.subscription import ACKNOWLEDGED
from mcpgw.upstream import Ask, Deliver, OnChange, Spawn, Terms
from mcpgw.upstream.background import Background
from mcpgw.upstream.failure import headers_refused, is_ours, refused_speech, timed_out
from mcpgw.upstream.frame import (
    CHANGES,
    OUR_FAULT,
    Frame,
    answer_frame,
    cancelled_frame,
    request_frame,
)
from mcpgw.upstream.in_flight import MAX_NOTIFICATIONS, InFlight, Running
from mcpgw.upstream.listens import Listens
from mcpgw.upstream.question import MAX_ASKING

Send = Callable[[bytes, float], Awaitable[None]]
"""Sends a request before a deadline, by the loop's time; waits when the server is slow to take."""


class _Pending(Running):
    """A call that waits for its answer."""

    __slots__ = ("error", "frame", "notifications", "server", "timer", "waiter")

    def __init__(self, server: str, client: str, deadline: float, ask: Ask | None) -> None:
        super().__init__(client, deadline, ask)
        self.server = server
        self.frame: Frame | None = None
        self.error: UpstreamError | None = None
        self.notifications: deque[Notification] = deque(maxlen=MAX_NOTIFICATIONS)
        self.waiter: asyncio.Future[None] | None = None
        self.timer = asyncio.get_running_loop().call_at(deadline, self._time_out)

    def move(self, deadline: float) -> None:
        """Move the end of the call's time."""
        self.deadline = deadline
        self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_at(deadline, self._time_out)

    def hear(self, notification: Notification) -> bool:
        """Let the waiting task take a notification; a slow one loses the oldest."""
        is_full = len(self.notifications) == MAX_NOTIFICATIONS
        self.notifications.append(notification)
        self.wake()
        return not is_full

    def end(self) -> None:
        """Take back what waits for the client: the call is over."""
        self.timer.cancel()
        super().end()

    def finish(self, frame: Frame | None, error: UpstreamError | None = None) -> None:
        """End the waiting with an answer or an error; the first one counts."""
        if self.frame is None and self.error is None:
            self.frame, self.error = frame, error
            self.wake()

    def wake(self) -> None:
        """Let the waiting task look."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def _time_out(self) -> None:
        self.finish(None, timed_out(self.server))


class Conversation:
    """The calls on one line. The transport feeds it what comes, with `take`."""

    def __init__(
        self,
        server: str,
        spawn: Spawn,
        terms: Terms,
        send: Send,
        tell: Callable[[bytes], object],
    ) -> None:
        """Begin with no call.

        Args:
            server: its name.
            spawn: starts what waits for clients.
            terms: what the line was opened for.
            send: sends a request.
            tell: sends what has no answer, some time, as well as it can.
        """
        self.server = server
        self.era: Era | None = None
        self.dropped = 0
        self.is_refused = False
        """Whether the server objects to how we speak."""
        self._terms = terms
        self._send = send
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._ids = count(1)
        asking = Background(spawn, limit=MAX_ASKING)
        self._in_flight = InFlight[_Pending](server, terms.on_question, asking, tell)
        self._pending = self._in_flight.calls
        self._listens = Listens()

    @property
    def is_busy(self) -> bool:
        """Whether a call is running."""
        return bool(self._pending)

    def next_id(self) -> int:
        """Return an id that no other request on this line has."""
        return next(self._ids)

    async def exchange(
        self, message: Outgoing, deliver: Deliver | None = None, ask: Ask | None = None
    ) -> Reply:
        """Send a request and return its reply, as the port `Upstream` says."""
        line = request_frame(message.id, message.method, message.params)
        deadline = self._loop.time() + message.timeout_s
        try:
            frame = await self.request(message.id, line, deadline, deliver, ask, message.client)
        except BaseException as error:
            if is_ours(error):
                self._in_flight.leave(message.client)
                self._tell(cancelled_frame(message.id))
            raise
        reply = frame.reply()
        if reply is None:
            raise UpstreamError(f"server {self.server!r} gave an answer without a result")
        if reply.error is not None and (code := frame.error_code()) in OUR_FAULT:
            if code == HEADER_MISMATCH and self.era is Era.MODERN:
                raise headers_refused(self.server)
            self.is_refused = True
            raise refused_speech(self.server)
        return reply

    async def request(
        self,
        request_id: int,
        line: bytes,
        deadline: float,
        deliver: Deliver | None = None,
        ask: Ask | None = None,
        client: str = "",
    ) -> Frame:
        """Send a request and return the message that answers, unjudged.

        Raises:
            UpstreamError: none can come any more.
            UpstreamTimeout: none came in time.
        """
        pending = self._pending[request_id] = _Pending(self.server, client, deadline, ask)
        try:
            await self._send(line, deadline)
            while True:
                while pending.notifications:
                    await self._deliver(pending, pending.notifications.popleft(), deliver)
                if pending.error is not None:
                    raise pending.error
                if pending.frame is not None:
                    return pending.frame
                pending.waiter = self._loop.create_future()
                await pending.waiter
        finally:
            self._in_flight.end(request_id)

    async def listen(self, message: Outgoing, take: OnChange) -> Reply:
        """Open a subscription and return its reply, at its end; see `HttpNews.listen`."""
        line = request_frame(message.id, message.method, message.params)
        deadline = self._loop.time() + message.timeout_s
        try:
            frame = await self._listens.hold(message.id, lambda: self._send(line, deadline), take)
        except asyncio.CancelledError:
            self._tell(cancelled_frame(message.id))
            raise
        return frame.reply() or Reply(None, None)

    def take(self, frame: Frame) -> None:
        """Bring what came to whom it concerns."""
        if frame.method is None:
            pending = self._pending.get(frame.id)
            if pending is not None and pending.frame is None:
                pending.finish(frame)
            elif not self._listens.answer(frame):
                self.dropped += 1
        elif frame.id is None:
            self._hear(frame, frame.method)
        else:
            self._be_asked(frame, frame.method)

    def fail(self, request_id: int, error: UpstreamError) -> None:
        """End one call with an error."""
        if request_id in self._pending:
            self._pending[request_id].finish(None, error)

    def fail_all(self, error: UpstreamError) -> None:
        """End every call that runs with an error."""
        for pending in self._pending.values():
            pending.finish(None, type(error)(error.message, error.hint))
        self._listens.fail(error)

    async def _deliver(
        self, pending: _Pending, notification: Notification, deliver: Deliver | None
    ) -> None:
        if deliver is None:
            self.dropped += 1
            return
        try:
            async with asyncio.timeout_at(pending.deadline):
                await deliver(notification)
        except TimeoutError:
            raise timed_out(self.server) from None

    def _hear(self, frame: Frame, method: str) -> None:
        """Hand a notification on."""
        if method in CHANGES or method == ACKNOWLEDGED:
            if not self._listens.hear(frame, method) and method in CHANGES:
                self._terms.on_change(Notification(method, frame.params))
        elif not self._in_flight.hear(frame, method):
            self.dropped += 1

    def _be_asked(self, request: Frame, method: str) -> None:
        """Hand a request of the server on; only legacy ones ask clients that way."""
        if self.era is Era.LEGACY:
            self._in_flight.be_asked(request, method)
        else:
            self._tell(answer_frame(request))
