"""Looking after real processes in tests."""

import asyncio
import os
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
    while any(is_running(pid) for pid in pids):
        await asyncio.sleep(0.01)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
