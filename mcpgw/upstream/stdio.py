"""A server that runs as our child: its pipes carry one conversation.

Lines that are no messages are ignored, and one that is too long fails its own call.
Source: MCP 2026-07-28, basic/transports (stdio).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from mcpgw.errors import GatewayError, UpstreamError
from mcpgw.model.server import StdioLaunch
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Outgoing, Reply
from mcpgw.protocol.line import TooLong
from mcpgw.upstream import Ask, Deliver, Fill, OnChange, Spawn, Terms
from mcpgw.upstream.background import Background
from mcpgw.upstream.child import Child, Program, start_child
from mcpgw.upstream.conversation import Conversation
from mcpgw.upstream.failure import timed_out, too_large
from mcpgw.upstream.frame import Frame, read_frame, request_frame
from mcpgw.upstream.reaper import VARIABLE, Reaper

MIN_SECRET = 4
"""Shorter values are no secrets, and hiding them would garble every message."""

LAST_WORDS_S = 1.0
"""How long a child that closed its pipes may take to end, for the sake of a better error."""

_log = logging.getLogger("mcpgw.upstream")


class StdioTransport:
    """The way to one child process."""

    def __init__(
        self,
        server: str,
        fill: Fill,
        reaper: Reaper,
        spawn: Spawn,
        max_message_bytes: int,
        terms: Terms,
    ) -> None:
        self.server = server
        self.session = b""
        self.stray_lines = 0
        self._fill = fill
        self._reaper = reaper
        self._background = Background(spawn)
        self._max_message_bytes = max_message_bytes
        self._loop = asyncio.get_running_loop()
        self._has_ended = asyncio.Event()
        self._talk = Conversation(server, spawn, terms, self._send, self.tell)
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
        return self._child.is_running and not self._talk.is_refused

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is running."""
        return self._talk.is_busy

    def next_id(self) -> int:
        """Return an id that no other request on this connection has."""
        return self._talk.next_id()

    @property
    def dropped(self) -> int:
        """How many messages concerned nobody."""
        return self._talk.dropped

    def begin(self, era: Era) -> None:
        """Speak that era from now on."""
        self._talk.era = era

    def exchange(
        self, message: Outgoing, deliver: Deliver | None = None, ask: Ask | None = None
    ) -> Coroutine[Any, Any, Reply]:
        """Send a request and return its reply, as the port `Upstream` says."""
        return self._talk.exchange(message, deliver, ask)

    def listen(self, message: Outgoing, take: OnChange) -> Coroutine[Any, Any, Reply]:
        """Open a subscription and return its reply, at its end; see `HttpNews.listen`."""
        return self._talk.listen(message, take)

    async def hear(self, on_open: Callable[[], None]) -> float:
        """Wait until the child ends, which it always does with an error: news come by themselves.

        Raises:
            UpstreamError: it has ended.
        """
        on_open()
        await self._has_ended.wait()
        raise self.ended()

    async def ask(self, method: str, params: bytes, timeout_s: float) -> Frame | None:
        """Send a request of the handshake; None when no answer came in time or the child ended."""
        request_id = self.next_id()
        line = request_frame(request_id, method, params)
        try:
            return await self._talk.request(request_id, line, self._loop.time() + timeout_s)
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

    async def _send(self, line: bytes, deadline: float) -> None:
        if not self.is_alive:
            # It is about to end: what it says last, and its exit code, may still be on their way.
            await self._child.ends_within(LAST_WORDS_S)
            raise self.ended()
        if not self._child.is_writable:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._child.writable()
            except TimeoutError:
                raise timed_out(self.server) from None
        self._child.post(line)

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

    def _on_line(self, line: bytes | TooLong) -> None:
        if isinstance(line, TooLong):
            self._on_too_long(line)
            return
        frame = read_frame(line)
        if frame is None:
            self._on_stray(line)
        else:
            self._talk.take(frame)

    def _on_stray(self, line: bytes) -> None:
        if not line.strip():
            return
        if not self.stray_lines:
            _log.warning("server %s prints lines that are not JSON-RPC: ignored", self.server)
        self.stray_lines += 1

    def _on_too_long(self, line: TooLong) -> None:
        """Fail the call that the message answers, or all when it does not show."""
        error = too_large(self.server, self._max_message_bytes)
        if line.request_id is None:
            self._talk.fail_all(error)
        else:
            self._talk.fail(int(line.request_id), error)

    def _on_end(self) -> None:
        self._has_ended.set()
        self._talk.fail_all(self.ended())
        self._background.run(lambda: self._reaper.release(self._child.pid))

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
