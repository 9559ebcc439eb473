"""Nobody gets a foreign answer, though every client counts its requests from 1."""

import asyncio
import random
import sys
from collections.abc import Iterator

import aiohttp
import psutil  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.e2e.caller import Caller
from tests.e2e.conftest import PEERS, Box, Served, http_peer

CLIENTS = 64
MAX_DELAY_MS = 40


@pytest.fixture(scope="module")
def served(shared_box: Box) -> Iterator[Served]:
    """A gateway in front of one child and one HTTP server; both answer out of order."""
    box = shared_box
    with http_peer(box, "bad_http.py") as url:
        box.run("server", "add", "child", "--", sys.executable, str(PEERS / "bad_stdio.py"))
        box.run("server", "add", "web", f"{url}/mcp")
        with box.serving() as running:
            yield running


async def calls(caller: Caller, tool: str, who: str, count: int) -> int:
    """Make calls one after the other; return how many were answered with the own text."""
    chance = random.Random(who)  # noqa: S311  (delays, no secrets)
    answered = 0
    for number in range(1, count + 1):
        text = f"{who}, call {number}"
        arguments = {"text": text, "delay_ms": chance.randrange(MAX_DELAY_MS)}
        # Everybody's progress token is the same as well.
        token = number if number % 4 == 0 else None
        heard = await caller.call(tool, arguments, progress_token=token)
        assert heard.text == text
        for notification in heard.notifications:
            assert notification["params"]["message"] == text
            assert notification["params"]["progressToken"] == token
        answered += 1
    return answered


async def everybody(served: Served, token: str, tool: str, total: int) -> None:
    """Have half of the clients speak the legacy era and half the modern one, all at once."""
    connector = aiohttp.TCPConnector(limit=CLIENTS)
    async with aiohttp.ClientSession(connector=connector) as http:
        callers = [Caller(http, served.workspace_url, token) for _ in range(CLIENTS)]
        await asyncio.gather(*(caller.open() for caller in callers[: CLIENTS // 2]))
        shares = [len(range(number, total, CLIENTS)) for number in range(CLIENTS)]
        answered = await asyncio.gather(
            *(
                calls(caller, tool, f"client {number}", share)
                for number, (caller, share) in enumerate(zip(callers, shares, strict=True))
            )
        )
    assert sum(answered) == total
    children = psutil.Process(served.process.pid).children(recursive=True)
    assert sum("bad_stdio.py" in " ".join(child.cmdline()) for child in children) <= 1


@pytest.mark.parametrize("tool", ["child__echo", "web__echo"])
async def test_two_thousand_calls(shared_box: Box, served: Served, tool: str) -> None:
    await everybody(served, shared_box.token(), tool, 2_000)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("tool", ["child__echo", "web__echo"])
async def test_twenty_thousand_calls(shared_box: Box, served: Served, tool: str) -> None:
    await everybody(served, shared_box.token(), tool, 20_000)
