"""Killed under load, again and again: what was answered is recorded, and nothing is left behind."""

import asyncio
import os
import random
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp
import psutil  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.e2e.conftest import Box, Served, server_command
from tests.web.conftest import modern_body, modern_headers

CLIENTS = 16
ROUNDS = 20


async def answered_until_killed(served: Served, token: str, after_s: float) -> int:
    """Call under load, kill the gateway at some moment, return how many calls were answered."""
    answered = 0
    headers = modern_headers("tools/call", "everything__echo")
    headers["Authorization"] = f"Bearer {token}"
    body = modern_body("tools/call", name="everything__echo", arguments={"message": "x"})

    async def client(http: aiohttp.ClientSession) -> None:
        nonlocal answered
        while True:
            try:
                async with http.post(served.workspace_url, json=body, headers=headers) as response:
                    got = await response.json()
            except (aiohttp.ClientError, OSError):
                return
            assert "result" in got, got
            answered += 1

    async with aiohttp.ClientSession() as http:
        clients = [asyncio.ensure_future(client(http)) for _ in range(CLIENTS)]
        await asyncio.sleep(after_s)
        served.process.send_signal(signal.SIGKILL)
        await asyncio.gather(*clients)
    return answered


def rows(home: Path) -> int:
    with closing(sqlite3.connect(home / "journal.db")) as journal:
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        counted: int = journal.execute("SELECT count(*) FROM call_end").fetchone()[0]
    with closing(sqlite3.connect(home / "configuration.db")) as configuration:
        assert configuration.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return counted


def children_of(box: Box) -> list[psutil.Process]:
    """Return every process that carries this box's data directory in its environment or line."""
    found = []
    for process in psutil.process_iter():
        try:
            about = " ".join((*process.environ().values(), *process.cmdline(), process.cwd()))
        except (psutil.Error, OSError):
            continue
        if str(box.home) in about and process.pid != os.getpid():
            found.append(process)
    return found


async def rounds(box: Box, count: int) -> None:
    box.run("server", "add", "everything", "--", *server_command("server-everything"))
    token = box.token()
    home = Path(box.environment["MCPGW_HOME"])
    chance = random.Random(7)  # noqa: S311  (moments, no secrets)
    total = 0
    for _ in range(count):
        with box.serving() as served:
            total += await answered_until_killed(served, token, chance.uniform(0.3, 1.5))
            served.process.wait()
        assert rows(home) >= total
        for _ in range(60):
            if not children_of(box):
                break
            await asyncio.sleep(0.05)
        assert children_of(box) == []
    assert total > count


async def test_killed_twice(box: Box) -> None:
    await rounds(box, 2)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_killed_twenty_times(box: Box) -> None:
    await rounds(box, ROUNDS)
