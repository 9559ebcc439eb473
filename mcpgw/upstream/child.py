"""One child process: how it is started, fed, heard and ended. Knows lines, not what they say.

It runs in a session of its own with only the environment that it was given, and its whole process
group ends with it. Nothing it prints is logged; the end of its stderr is kept for error messages.
Works the same under asyncio and uvloop, which is why it is a protocol and no stream pair.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from mcpgw.errors import UpstreamError
from mcpgw.protocol.line import TooLong
from mcpgw.upstream.line import answer_lines

STDERR_BYTES = 64 * 1024
"""What is kept of stderr."""

GRACE_S = 2.0
"""How long a child may take to end after its stdin closed, and again after SIGTERM."""

PIPES_S = 0.5
"""How long the pipes of a child that exited may stay open: what it still said is read."""

STDIN, STDOUT, STDERR = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: `env` is the whole environment, `cwd` a directory that exists."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str


class Child(asyncio.SubprocessProtocol):
    """A running child process.

    `on_line` gets each line of stdout; `on_end` is called once, when nothing more will come.
    """

    def __init__(
        self,
        max_line_bytes: int,
        on_line: Callable[[bytes | TooLong], None],
        on_end: Callable[[], None],
    ) -> None:
        self.pid = 0
        self.is_running = False
        self.exit_code: int | None = None
        self._loop = asyncio.get_running_loop()
        self._splitter = answer_lines(max_line_bytes)
        self._on_line = on_line
        self._on_end = on_end
        self._stderr = bytearray()
        self._outbox: list[bytes] = []
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._has_ended = asyncio.Event()
        self._transport: asyncio.SubprocessTransport
        self._stdin: asyncio.WriteTransport

    @property
    def is_writable(self) -> bool:
        """Whether the child reads what it is sent."""
        return self._can_write.is_set()

    async def writable(self) -> None:
        """Wait until the child has read enough of what it was sent, or is gone."""
        await self._can_write.wait()

    def post(self, line: bytes) -> None:
        """Write a line (without its end). What is posted in one turn of the loop is one write."""
        if not self.is_running:
            return
        if not self._outbox:
            self._loop.call_soon(self._flush)
        self._outbox.append(line)

    async def stop(self) -> None:
        """End the process and its group: close stdin, then SIGTERM, then SIGKILL."""
        if self.is_running:
            self._flush()
            self.is_running = False
            self._stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if await self.ends_within(GRACE_S):
                return
            self._signal_group(number)
        await self.ends_within(GRACE_S)
        self._transport.close()

    def last_words(self, secrets: Sequence[str]) -> str:
        """Return the last line of stderr, without `secrets`, for a person."""
        text = self._stderr.decode("utf-8", "replace")
        lines = [line for line in text.splitlines() if line.strip()]
        if not lines or (len(self._stderr) >= STDERR_BYTES and len(lines) == 1):
            return ""  # Of a line that was cut, half a secret could not be recognised.
        line = lines[-1].strip()
        for secret in sorted(secrets, key=len, reverse=True):
            line = line.replace(secret, "***")
        return "".join(character if character.isprintable() else " " for character in line[:200])

    # asyncio.SubprocessProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._stdin = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(STDIN))
        self.pid = self._transport.get_pid() or 0
        self.is_running = True

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Split stdout into lines; keep the end of stderr."""
        if fd == STDERR:
            self._stderr += data
            if len(self._stderr) > STDERR_BYTES:
                del self._stderr[:-STDERR_BYTES]
            return
        for line in self._splitter.feed(data):
            self._on_line(line)

    def pipe_connection_lost(self, fd: int, error: Exception | None) -> None:
        """Take a closed stdin or stdout for the end of the conversation."""
        if fd != STDERR and self.is_running:
            self.is_running = False
            self._stdin.close()
            self._loop.call_later(GRACE_S, self._signal_group, signal.SIGKILL)

    def process_exited(self) -> None:
        """Take the rest of the group along; what was said before is still read."""
        self.exit_code = self._transport.get_returncode()
        self._signal_group(signal.SIGKILL)
        # Whoever left the group may hold the pipes open for ever.
        self._loop.call_later(PIPES_S, self._transport.close)

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        self.is_running = False
        self._transport.close()
        self._can_write.set()
        self._has_ended.set()
        self._on_end()

    def pause_writing(self) -> None:
        """Hold senders back."""
        self._can_write.clear()

    def resume_writing(self) -> None:
        """Let senders go on."""
        self._can_write.set()

    def _flush(self) -> None:
        if self._outbox and self.is_running:
            self._stdin.write(b"\n".join([*self._outbox, b""]))
        self._outbox.clear()

    async def ends_within(self, seconds: float) -> bool:
        """Wait for the end of the process and of all that it said; False when it takes longer."""
        try:
            async with asyncio.timeout(seconds):
                await self._has_ended.wait()
        except TimeoutError:
            return False
        return True

    def _signal_group(self, number: int) -> None:
        if self._has_ended.is_set() or self.pid <= 0:
            return  # The number may be another group's by now; 0 would be our own.
        # All of it may be gone; macOS says "not permitted" of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


async def start_child(server: str, program: Program, child: Child) -> None:
    """Start a child process and connect `child` to it.

    Raises:
        UpstreamError: there is no such command, or it cannot be executed.
    """
    name = program.command[0]
    path = _resolve(program)
    if path is None:
        raise UpstreamError(
            f"server {server!r} cannot start: command not found: {name}",
            "install it, or register the server with the command's full path",
        )
    try:
        await asyncio.get_running_loop().subprocess_exec(
            lambda: child,
            path,
            *program.command[1:],
            env=dict(program.env),
            cwd=program.cwd,
            start_new_session=True,
        )
    except OSError as error:
        raise UpstreamError(
            f"server {server!r} cannot start: {name} cannot be executed ({type(error).__name__})",
            "check that it is a program for this machine and that its directory exists",
        ) from None


def _resolve(program: Program) -> str | None:
    name = program.command[0]
    if os.path.dirname(name):
        name = os.path.join(program.cwd, name)
    return shutil.which(name, path=program.env.get("PATH", os.defpath))
