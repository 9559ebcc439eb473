"""Standard input and output as lines, each in a thread of its own.

So any kind of file serves, and the event loop waits for none. A line above the limit is skipped as
it streams by. Never decodes what a line says.
"""

import asyncio
import os
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from queue import SimpleQueue

from mcpgw.protocol.line import LineSplitter, TooLong

PIECE_BYTES = 64 << 10
"""What is read at once: the size of a pipe."""

PIECES_AHEAD = 64
"""How far reading may be ahead of the bridge before the client has to wait."""

MAX_AHEAD_BYTES = 4 << 20
"""How far the bridge may be ahead of the client's reading."""

_ID = rb'"id"\s*:\s*(-?\d{1,18}|"[^"\\]{1,128}")\s*'
_ID_FIRST = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?' + _ID + b",")
_ID_LAST = re.compile(rb'"jsonrpc"\s*:\s*"2\.0"\s*,\s*' + _ID + rb"\}\s*\Z")
"""As the clients of the field write the id: before method and params, or as the last member."""


class LineInput:
    """The lines that come from a file descriptor."""

    def __init__(self, descriptor: int, max_line_bytes: int) -> None:
        self._descriptor = descriptor
        self._splitter = LineSplitter(max_line_bytes, _ID_FIRST, _ID_LAST)
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = threading.Semaphore(PIECES_AHEAD)

    async def lines(self) -> AsyncIterator[bytes | TooLong]:
        """Yield every line without its end, until the input ends."""
        _make_blocking(self._descriptor)
        # A daemon: one that waits for input must not keep the process from ending.
        threading.Thread(target=self._read, name="mcpgw-stdin", daemon=True).start()
        while piece := await self._pieces.get():
            self._room.release()
            for line in self._splitter.feed(piece):
                yield line
        yield self._splitter.finish()

    def _read(self) -> None:
        piece = b"first"
        while piece:
            self._room.acquire()
            try:
                piece = os.read(self._descriptor, PIECE_BYTES)
            except OSError:
                piece = b""  # A terminal that is gone, for one: nothing more will come.
            with suppress(RuntimeError):  # The loop has ended, and with it who would listen.
                self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)


class LineOutput:
    """Writes lines to a file descriptor; calls `on_closed` when nobody reads them any more."""

    def __init__(self, descriptor: int, on_closed: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        self._waiting: SimpleQueue[bytes | None] = SimpleQueue()
        self._ahead_bytes = 0
        self._has_room = asyncio.Event()
        _make_blocking(descriptor)
        self._thread = threading.Thread(target=self._write, name="mcpgw-stdout", daemon=True)
        self._thread.start()

    async def write(self, message: bytes) -> None:
        """Write a JSON text as one line; waits while the reader is far behind."""
        line = _without_breaks(message) + b"\n"
        self._ahead_bytes += len(line)
        self._waiting.put(line)
        if self._ahead_bytes > MAX_AHEAD_BYTES:
            self._has_room.clear()
            await self._has_room.wait()

    def close(self, patience_s: float) -> None:
        """Give what is still to be written a moment to leave."""
        self._waiting.put(None)
        self._thread.join(patience_s)

    def _write(self) -> None:
        while (line := self._waiting.get()) is not None:
            rest = memoryview(line)
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                self._report(self._on_closed)
                return
            self._report(self._written, len(line))

    def _written(self, size: int) -> None:
        self._ahead_bytes -= size
        if self._ahead_bytes <= MAX_AHEAD_BYTES:
            self._has_room.set()

    def _report(self, callback: Callable[..., None], *arguments: int) -> None:
        with suppress(RuntimeError):  # The loop has ended.
            self._loop.call_soon_threadsafe(callback, *arguments)


def _without_breaks(message: bytes) -> bytes:
    """Return a JSON text on one line: a break in JSON stands between values, never inside one."""
    if b"\n" in message or b"\r" in message:
        return message.replace(b"\r", b" ").replace(b"\n", b" ")
    return message


def _make_blocking(descriptor: int) -> None:
    """Let reads and writes wait, whatever the parent set: this thread has nothing else to do."""
    if sys.platform != "win32":
        os.set_blocking(descriptor, True)
