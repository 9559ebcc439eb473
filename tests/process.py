"""Looking after real processes in tests, and waiting for what they do."""

import asyncio
from collections.abc import Callable
from pathlib import Path


def is_running(pid: int) -> bool:
    """Say whether a process runs; one that nobody has waited for yet is dead all the same."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


async def gone(*pids: int) -> None:
    """Wait until none of the processes runs; the test's own timeout is the limit."""
    await until(lambda: not any(is_running(pid) for pid in pids))


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something outside of this loop holds; the test's own timeout is the limit."""
    while not holds():  # noqa: ASYNC110  (nobody would set an event)
        await asyncio.sleep(0.005)
