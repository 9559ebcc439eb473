"""Killed at any moment under load: no answer without both rows, and a whole journal each time."""

import asyncio
import random
import signal
import time

import aiohttp
import pytest

from mcpgw.model.audit import Outcome
from tests.e2e.conftest import Box, Served
from tests.e2e.journal import OUTCOMES, Counting, ask, check_files, clients, home_of, recorded

CLIENTS = 32


@pytest.fixture
def outcomes(box: Box) -> Box:
    box.run("server", "add", "outcomes", "--", *OUTCOMES)
    return box


async def call_until_killed(served: Served, callers: list[Counting], after_s: float) -> float:
    """Return how long after the start of the process the first call was answered."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        _, body = await ask(http, served.workspace_url, callers[0].token)
        first_at = time.monotonic()
        assert "result" in body
        callers[0].answered += 1
        is_over = asyncio.Event()
        running = [
            asyncio.ensure_future(one.call_until(http, served.workspace_url, is_over))
            for one in callers
        ]
        await asyncio.sleep(after_s)
        served.process.send_signal(signal.SIGKILL)
        await asyncio.gather(*running)
    served.process.wait()
    return first_at


async def rounds(box: Box, count: int, patched: pytest.MonkeyPatch) -> int:
    """Kill it so many times, and return how many calls were answered in all."""
    callers = await clients(box, CLIENTS, patched)
    chance = random.Random(11)  # noqa: S311  (moments, no secrets)
    starts = []
    for number in range(1, count + 1):
        begun = time.monotonic()
        with box.serving() as served:
            first_at = await call_until_killed(served, callers, chance.uniform(0.0, 1.0))
        starts.append(first_at - begun)
        await asyncio.to_thread(check, box, callers, number)
    answered, starts = sum(one.answered for one in callers), sorted(starts)
    print(  # noqa: T201  (the figures are what it is for)
        f"\nkilled {count} times under {CLIENTS} clients: {answered} answers, each with both rows;"
        f" start to first served call p50 {starts[count // 2]:.2f} s, max {starts[-1]:.2f} s"
    )
    return answered


def check(box: Box, callers: list[Counting], number: int) -> None:
    """Hold what was answered against what is recorded, after so many kills."""
    home = home_of(box)
    check_files(home)
    found = recorded(home)
    assert not found.without_start
    for one in callers:
        ok = found.with_start[one.member, Outcome.OK]
        crashed = found.with_start[one.member, Outcome.UNKNOWN_CRASH]
        running = found.with_start[one.member, Outcome.RUNNING]
        # One call may have been under way at each kill: at its server, or on its way back.
        assert one.answered <= ok
        assert ok - one.answered + crashed + running <= number
        assert running <= 1
    assert all(verified["is_whole"] for verified in box.read("logs", "verify"))


def check_closed(box: Box) -> None:
    """After one more start nothing is left open."""
    with box.serving():
        calls, _ = box.read("logs", "verify")
    assert calls["is_whole"]
    assert calls["unfinished"] == 0


async def test_killed_once(outcomes: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    await rounds(outcomes, 1, monkeypatch)
    await asyncio.to_thread(check_closed, outcomes)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_killed_a_hundred_times(outcomes: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await rounds(outcomes, 100, monkeypatch) > 100 * CLIENTS
    await asyncio.to_thread(check_closed, outcomes)
