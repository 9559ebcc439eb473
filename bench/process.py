"""The processes of a run: started, measured from outside, and ended by their own id in any case."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no types

ROOT = Path(__file__).parents[1]
END_S = 10.0
MIB = 1 << 20


class BenchError(Exception):
    """The run cannot go on; the message says why."""


class Process:
    """A running process. `cpu_s` is its own, without its children.

    Its measures raise BenchError when it is gone.
    """

    def __init__(self, started: asyncio.subprocess.Process) -> None:
        self._started = started
        self._seen = psutil.Process(started.pid)

    @property
    def cpu_s(self) -> float:
        """What it has used of the processors, user and system."""
        with _still_there():
            times = self._seen.cpu_times()
        return float(times.user + times.system)

    @property
    def memory_mib(self) -> float:
        """What it occupies (RSS)."""
        with _still_there():
            return float(self._seen.memory_info().rss / MIB)

    @property
    def children_memory_mib(self) -> float:
        """What all its children occupy, theirs included."""
        total = 0.0
        with _still_there():
            children = self._seen.children(recursive=True)
        for child in children:
            with suppress(psutil.NoSuchProcess):
                total += child.memory_info().rss / MIB
        return total

    async def first_line(self) -> str:
        """Return what it says first.

        Raises:
            BenchError: it said nothing.
        """
        assert self._started.stdout is not None  # noqa: S101  (`running` asked for the pipe)
        async with asyncio.timeout(END_S):
            line = await self._started.stdout.readline()
        if not line:
            raise BenchError("a helper process ended without a word")
        return line.decode().strip()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._started.returncode is None


@asynccontextmanager
async def running(
    *arguments: str, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> AsyncIterator[Process]:
    """Run this Python with `arguments` as long as the block; it is told to end, then made to.

    Args:
        arguments: of the interpreter.
        environment: of the process, ours when not given.
        log: gets what it writes to stderr, ours when not given.
    """
    with log.open("ab") if log is not None else nullcontext() as errors:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=environment,
            cwd=ROOT,
        )
    try:
        yield Process(started)
    finally:
        await asyncio.shield(_end(started))


async def output(
    *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None
) -> bytes:
    """Run this Python with `arguments` to its end and return what it wrote.

    Raises:
        BenchError: it failed.
    """
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        cwd=ROOT,
    )
    try:
        written, errors = await started.communicate(given)
    except asyncio.CancelledError:
        await asyncio.shield(_end(started))
        raise
    if started.returncode != 0:
        said = errors.decode("utf-8", "replace").strip()
        raise BenchError(f"{' '.join(arguments)} failed: {said}")
    return written


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _still_there() -> Iterator[None]:
    try:
        yield
    except psutil.NoSuchProcess:
        raise BenchError("a process under measurement ended by itself") from None


async def _end(started: asyncio.subprocess.Process) -> None:
    if started.returncode is not None:
        return
    with suppress(ProcessLookupError):
        started.terminate()
    try:
        await asyncio.wait_for(started.wait(), END_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            started.kill()
        await started.wait()
