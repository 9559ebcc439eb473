"""A server that runs as our child: many calls share its one pair of pipes, told apart by id.

Answers are found by id in a table, so a late, unknown or second answer reaches nobody. A client
that is slow to take its progress loses the oldest of it and holds nobody up.
Source: MCP 2026-07-28, basic/transports (stdio).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

from mcpgw.errors import GatewayError, UpstreamError
from mcpgw.model.server import StdioLaunch
from mcpgw.protocol.exchange import Notification, Outgoing, Reply
from mcpgw.upstream import Deliver, Fill
from mcpgw.upstream.background import Background
from mcpgw.upstream.child import Child, Program, start_child
from mcpgw.upstream.failure import is_ours, refused_speech, timed_out, too_large
from mcpgw.upstream.frame import (
    LIST_CHANGED,
    OUR_FAULT,
    PROGRESS,
    Frame,
    answer_frame,
    cancelled_frame,
    read_frame,
    request_frame,
)
from mcpgw.upstream.line import TooLong
from mcpgw.upstream.reaper import VARIABLE, Reaper

MAX_NOTIFICATIONS = 256
"""Of one call, waiting to be taken."""

MIN_SECRET = 4
"""Shorter values are no secrets, and hiding them would garble every message."""

LAST_WORDS_S = 1.0
"""How long a child that closed its pipes may take to end, for the sake of a better error."""

_log = logging.getLogger("mcpgw.upstream")


class _Pending:
    """A call that waits for its answer."""

    __slots__ = ("error", "frame", "notifications", "waiter")

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self.error: UpstreamError | None = None
        self.notifications: deque[Notification] = deque(maxlen=MAX_NOTIFICATIONS)
        self.waiter: asyncio.Future[None] | None = None

    def finish(self, frame: Frame | None, error: UpstreamError | None = None) -> None:
        """End the waiting with an answer or an error; the first one counts."""
        if self.frame is None and self.error is None:
            self.frame, self.error = frame, error
            self.wake()

    def wake(self) -> None:
        """Let the waiting task look."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class StdioTransport:
    """The way to one child process."""

    def __init__(
        self,
        server: str,
        fill: Fill,
        reaper: Reaper,
        background: Background,
        max_message_bytes: int,
        on_change: Callable[[str], None],
    ) -> None:
        self.server = server
        self.dropped = 0
        self.stray_lines = 0
        self._fill = fill
        self._reaper = reaper
        self._background = background
        self._max_message_bytes = max_message_bytes
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._ids = count(1)
        self._pending: dict[int | str | None, _Pending] = {}
        self._is_refused = False
        self._child = Child(max_message_bytes, self._on_line, self._on_end)

    async def start(
        self, launch: StdioLaunch, base_environment: Mapping[str, str], directory: Path
    ) -> None:
        """Start the child: in its own directory, or in `directory`, which is made for it alone.

        Raises:
            UpstreamError: there is no such command, or it cannot be executed.
            GatewayError: a secret cannot be opened.
        """
        mark = self._reaper.new_mark()
        env = {**base_environment, **self._declared(), VARIABLE: mark}
        cwd = launch.cwd or _make(directory)
        program = Program(launch.command, env, cwd)
        try:
            await start_child(self.server, program, self._child)
        except BaseException:
            if self._child.pid:
                await self._child.stop()
            raise
        self._reaper.watch(self._child.pid, mark)

    @property
    def is_alive(self) -> bool:
        """Whether the child can answer."""
        return self._child.is_running and not self._is_refused

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is running."""
        return bool(self._pending)

    def next_id(self) -> int:
        """Return an id that no other request on this connection has."""
        return next(self._ids)

    async def exchange(self, message: Outgoing, deliver: Deliver | None = None) -> Reply:
        """Send a request and return its reply, as the port `Upstream` says."""
        line = request_frame(message.id, message.method, message.params)
        deadline = self._loop.time() + message.timeout_s
        try:
            frame = await self._request(message.id, line, deadline, deliver)
        except BaseException as error:
            if is_ours(error):
                self.tell(cancelled_frame(message.id))
            raise
        reply = frame.reply()
        if reply is None:
            raise UpstreamError(f"server {self.server!r} gave an answer without a result")
        if reply.error is not None and frame.error_code() in OUR_FAULT:
            self._is_refused = True
            raise refused_speech(self.server)
        return reply

    async def ask(self, method: str, params: bytes, timeout_s: float) -> Frame | None:
        """Send a request of the handshake; None when no answer came in time or the child ended."""
        request_id = self.next_id()
        line = request_frame(request_id, method, params)
        try:
            return await self._request(request_id, line, self._loop.time() + timeout_s, None)
        except UpstreamError:
            return None

    def tell(self, line: bytes) -> None:
        """Send a message that has no answer, unless the child does not read what it is sent."""
        if self._child.is_writable:
            self._child.post(line)

    async def close(self) -> None:
        """End the child and all that it started."""
        await self._child.stop()
        await self._reaper.release(self._child.pid)

    def ended(self) -> UpstreamError:
        """Return the error that says how the child ended and what it last said."""
        code = self._child.exit_code
        if code is None:
            how = "closed its output"
        elif code < 0:
            how = f"was ended by signal {-code}"
        else:
            how = f"exited with code {code}"
        words = self._last_words()
        return UpstreamError(
            f"server {self.server!r} {how}" + (f": {words}" if words else ""),
            "run its command by hand to see why",
        )

    async def _request(
        self, request_id: int, line: bytes, deadline: float, deliver: Deliver | None
    ) -> Frame:
        if not self.is_alive:
            # It is about to end: what it says last, and its exit code, may still be on their way.
            await self._child.ends_within(LAST_WORDS_S)
            raise self.ended()
        pending = self._pending[request_id] = _Pending()
        timer = self._loop.call_at(deadline, self._time_out, pending)
        try:
            if not self._child.is_writable:
                await self._writable(deadline)
            self._child.post(line)
            while True:
                while pending.notifications:
                    await self._deliver(pending.notifications.popleft(), deliver, deadline)
                if pending.error is not None:
                    raise pending.error
                if pending.frame is not None:
                    return pending.frame
                pending.waiter = self._loop.create_future()
                await pending.waiter
        finally:
            timer.cancel()
            del self._pending[request_id]

    def _declared(self) -> dict[str, str]:
        declared = dict(self._fill())
        for name, value in declared.items():
            if "\0" in value:  # Else the value would end there, unnoticed.
                raise UpstreamError(
                    f"server {self.server!r} cannot start: the value of its variable {name} "
                    "has a NUL byte",
                    "set the secret again without it: mcpgw secret set",
                )
        return declared

    async def _writable(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await self._child.writable()
        except TimeoutError:
            raise timed_out(self.server) from None

    async def _deliver(
        self, notification: Notification, deliver: Deliver | None, deadline: float
    ) -> None:
        if deliver is None:
            self.dropped += 1
            return
        try:
            async with asyncio.timeout_at(deadline):
                await deliver(notification)
        except TimeoutError:
            raise timed_out(self.server) from None

    def _on_line(self, line: bytes | TooLong) -> None:
        if isinstance(line, TooLong):
            self._on_too_long(line)
            return
        frame = read_frame(line)
        if frame is None:
            self._on_stray(line)
        elif frame.method is not None:
            self._on_call(frame, frame.method)
        else:
            pending = self._pending.get(frame.id)
            if pending is None or pending.frame is not None:
                self.dropped += 1
            else:
                pending.finish(frame)

    def _on_call(self, frame: Frame, method: str) -> None:
        """Take a notification or a request of the server."""
        if frame.id is not None:
            self.tell(answer_frame(frame))
        elif method in LIST_CHANGED:
            self._on_change(method)
        else:
            token = frame.progress_token() if method == PROGRESS else None
            pending = self._pending.get(token)
            if pending is None or len(pending.notifications) == MAX_NOTIFICATIONS:
                self.dropped += 1
            if pending is not None:
                pending.notifications.append(Notification(method, frame.params))
                pending.wake()

    def _on_stray(self, line: bytes) -> None:
        if not line.strip():
            return
        if not self.stray_lines:
            _log.warning("server %s prints lines that are not JSON-RPC: ignored", self.server)
        self.stray_lines += 1

    def _on_too_long(self, line: TooLong) -> None:
        """Fail the call that the message answers, or all when it does not show."""
        error = too_large(self.server, self._max_message_bytes)
        if line.answers is None:
            self._fail_all(error)
        elif line.answers in self._pending:
            self._pending[line.answers].finish(None, error)

    def _on_end(self) -> None:
        self._fail_all(self.ended())
        self._background.run(lambda: self._reaper.release(self._child.pid))

    def _fail_all(self, error: UpstreamError) -> None:
        for pending in self._pending.values():
            pending.finish(None, UpstreamError(error.message, error.hint))

    def _time_out(self, pending: _Pending) -> None:
        pending.finish(None, timed_out(self.server))

    def _last_words(self) -> str:
        try:
            values = [value for _, value in self._fill()]
        except GatewayError:
            return ""
        parts = {part for value in values for part in (value, *value.split())}
        return self._child.last_words([part for part in parts if len(part) >= MIN_SECRET])


def _make(directory: Path) -> str:
    """Make a directory for us alone, and return its name."""
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # its mode is its own
    directory.mkdir(mode=0o700, exist_ok=True)
    return str(directory)
