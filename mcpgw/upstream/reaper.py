"""No child outlives the gateway: a small helper process that notices its end, even by kill -9.

One helper per gateway, started with the first child. Every child carries a mark in its environment,
which its own children inherit; by it those are found that left the process group of their parent.
"""

import asyncio
import secrets
import subprocess
import sys
from itertools import count

from mcpgw.upstream import reaper_process

VARIABLE = "MCPGW_OWNER"

END_S = 5.0
"""How long the helper may take to end."""


class Reaper:
    """Watches over the children of this process."""

    def __init__(self) -> None:
        self._owner = secrets.token_hex(16)
        self._numbers = count(1)
        self._marks: dict[int, str] = {}
        self._helper: subprocess.Popen[bytes] | None = None

    def new_mark(self) -> str:
        """Return what the variable `MCPGW_OWNER` of the next child must hold.

        Starts the helper at need, so that it is there before the child.
        """
        self._tell("")
        return f"{self._owner}.{next(self._numbers)}."

    def watch(self, pid: int, mark: str) -> None:
        """End the process group `pid` when this process ends."""
        self._marks[pid] = mark
        self._tell(f"+{pid}\n")

    async def release(self, pid: int) -> None:
        """Forget a process that ended; kill what it left behind."""
        mark = self._marks.pop(pid, None)
        if mark is not None:
            await asyncio.to_thread(reaper_process.sweep, f"{VARIABLE}={mark}".encode())
            if self._helper is not None:  # Else we are closing: it looks for marks by itself.
                self._tell(f"-{pid}\n")

    async def close(self) -> None:
        """End the helper, and every process that is still marked."""
        helper, self._helper = self._helper, None
        if helper is not None:
            await asyncio.to_thread(self._end, helper)

    def _tell(self, line: str) -> None:
        """Send a line to the helper; a helper that died is replaced and told everything."""
        if self._helper is not None and self._helper.poll() is None:
            try:
                self._write(self._helper, line)
                return
            except BrokenPipeError:
                pass
        if self._helper is not None:
            self._end(self._helper)
        self._helper = self._start()
        self._write(self._helper, "".join(f"+{pid}\n" for pid in self._marks))

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  (our own script, a random argument)
            [sys.executable, "-I", "-S", reaper_process.__file__, f"{VARIABLE}={self._owner}."],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={},
            start_new_session=True,
        )

    @staticmethod
    def _write(helper: subprocess.Popen[bytes], line: str) -> None:
        if helper.stdin is not None and line:
            helper.stdin.write(line.encode())

    @staticmethod
    def _end(helper: subprocess.Popen[bytes]) -> None:
        if helper.stdin is not None:
            helper.stdin.close()
        try:
            helper.wait(END_S)
        except subprocess.TimeoutExpired:
            helper.kill()
            helper.wait()
