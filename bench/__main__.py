"""`python -m bench`: measure, print, end. Nothing it starts outlives it."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from bench.measure import FULL, QUICK, Effort, Measured, measure
from bench.process import BenchError
from bench.report import report

LIMIT_S = 900.0


def main() -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of four; rougher")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    chosen = parser.parse_args()
    try:
        measured = asyncio.run(_bounded(QUICK if chosen.quick else FULL))
        sys.stdout.write(f"{report(measured)}\n")
        if chosen.json is not None:
            chosen.json.write_bytes(msgspec.json.format(msgspec.json.encode(measured)) + b"\n")
    except (BenchError, OSError, TimeoutError) as error:
        sys.stderr.write(f"bench: {str(error) or f'not done after {LIMIT_S:.0f} s'}\n")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return 0


async def _bounded(effort: Effort) -> Measured:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  (a coroutine always runs in a task)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    async with asyncio.timeout(LIMIT_S):
        return await measure(effort)


if __name__ == "__main__":
    sys.exit(main())
