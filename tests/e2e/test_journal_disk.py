"""A disk that cannot be written: refused at once, revoked and read all the same, back by itself.

Limits of file sizes and of the database are everywhere; errors of system calls need strace.
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mcpgw.cli.serving import serving_data
from mcpgw.config import load_config
from mcpgw.model.audit import Outcome
from mcpgw.store import writer
from mcpgw.store.engine import open_connection
from tests.e2e.conftest import Box, Served, copied
from tests.e2e.journal import (
    OUTCOMES,
    Counting,
    ask,
    check_files,
    clients,
    home_of,
    recorded,
    small_files,
    under_way,
)
from tests.process import until
from tests.strace import strace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for its errors")

CLIENTS = 8
RECOVERED_S = 5.0
REFUSED_S = 2.0
"""A generous bound for a busy machine; the figures are printed."""

Trouble = Callable[[int], AbstractContextManager[None]]


def failing(calls: str, error: str) -> Trouble:
    """Return what lets system calls of a process fail."""

    @contextmanager
    def injected(pid: int) -> Iterator[None]:
        command = [strace(), "-f", "-qq", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={calls}"]
        process = subprocess.Popen([*command, "-e", f"inject={calls}:error={error}"])
        try:
            while "TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text():
                assert process.poll() is None
                time.sleep(0.01)
            yield
        finally:
            process.terminate()
            process.wait(20)

    return injected


@dataclass(frozen=True)
class Failing:
    """A disk that fails the gateway, and what that is called.

    `revoked` is the status of a revocation over the API then: the gateway has to write it, and
    only files that may not grow leave the configuration's to be written.
    """

    trouble: Trouble
    message: str
    revoked: int = 503


DISK_ERROR = "does not read or write"
TROUBLES = {
    "files may not grow": Failing(small_files, DISK_ERROR, 200),
    "the disk is full": Failing(failing("pwrite64", "ENOSPC"), "the disk is full"),
    "fsync fails": Failing(failing("fsync,fdatasync", "EIO"), DISK_ERROR),
    "read-only": Failing(failing("pwrite64", "EROFS"), DISK_ERROR),
}


@pytest.fixture(scope="module")
def made(shared_box: Box) -> Box:
    shared_box.run("server", "add", "outcomes", "--", *OUTCOMES)
    return shared_box


@pytest.fixture
def outcomes(made: Box, tmp_path: Path) -> Box:
    box = copied(made, tmp_path)
    box.environment["MCPGW_MAX_AUTH_FAILURES"] = "100000"
    return box


@asynccontextmanager
async def calling(url: str, callers: list[Counting]) -> AsyncIterator[aiohttp.ClientSession]:
    """Let every client call until the block ends."""
    is_over = asyncio.Event()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        running = [asyncio.ensure_future(one.call_until(http, url, is_over)) for one in callers]
        try:
            yield http
        finally:
            is_over.set()
            await asyncio.gather(*running)


async def readiness(http: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with http.get(f"{url}/readyz") as response:
        return response.status, str((await response.json())["status"])


async def trouble_with(
    box: Box, served: Served, disk: Failing, callers: list[Counting], admin: Counting
) -> float:
    """Return how long after the end of the trouble everybody was served again."""
    api = f"{served.url}/api/v1/workspaces/demo"
    headers = {"Authorization": f"Bearer {admin.token}"}
    victim, leaver, *others = callers
    async with calling(served.workspace_url, others) as http:
        await until(lambda: all(one.answered > 20 for one in others))
        with disk.trouble(served.process.pid):
            await until(lambda: all(one.refused > 3 for one in others))
            assert await readiness(http, served.url) == (503, "degraded")
            async with http.get(f"{api}/calls?limit=5", headers=headers) as response:
                assert len((await response.json())["items"]) == 5
            await asyncio.to_thread(box.run, "token", "revoke", victim.token_id)
            async with http.delete(f"{api}/tokens/{leaver.token_id}", headers=headers) as response:
                assert response.status == disk.revoked, await response.text()
            for one in (victim, leaver) if disk.revoked == 200 else (victim,):
                status, _ = await ask(http, served.workspace_url, one.token)
                assert status == 401
            answered = sum(one.answered for one in others)
            await asyncio.sleep(0.5)
            assert sum(one.answered for one in others) == answered
        ended_at = time.monotonic()
        await until(lambda: all(one.last_answer_at > ended_at for one in others))
        recovered_s = max(one.last_answer_at for one in others) - ended_at
        assert await readiness(http, served.url) == (200, "ok")
    return recovered_s


def check(box: Box, callers: list[Counting], message: str) -> None:
    """Hold what clients were told against what is recorded."""
    found = recorded(home_of(box))
    check_files(home_of(box))
    for one in callers:
        mine = {outcome: n for (name, outcome), n in found.with_start.items() if name == one.member}
        assert mine.pop(Outcome.OK, 0) == one.answered
        # Their server was asked, and that it answered could not be written then.
        assert mine.pop(Outcome.WITHHELD, 0) <= one.refused
        assert not mine
        assert all(message in said for said in one.errors), one.errors
    assert not found.without_start
    assert all(verified["is_whole"] for verified in box.read("logs", "verify"))


async def run(box: Box, name: str, patched: pytest.MonkeyPatch) -> tuple[float, float]:
    """Return after how long the slowest refusal came, and how soon everybody was served again."""
    disk = TROUBLES[name]
    callers = await clients(box, CLIENTS, patched)
    admin = Counting("admin", box.token("admin", "admin"), "")
    with box.serving() as served:
        recovered_s = await trouble_with(box, served, disk, callers, admin)
        # What was withheld is recorded within a second.
        await until(lambda: not under_way(home_of(box)))
        await asyncio.to_thread(check, box, callers, disk.message)
    refusal_s = max(one.slowest_refusal_s for one in callers)
    refused = sum(one.refused for one in callers)
    print(  # noqa: T201  (the figures are what it is for)
        f"\n{name}: {refused} calls refused, the slowest after {refusal_s * 1000:.0f} ms;"
        f" everybody served {recovered_s:.2f} s after it was over (promised: {RECOVERED_S:.0f} s)"
    )
    return refusal_s, recovered_s


async def test_files_may_not_grow(outcomes: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    await run(outcomes, "files may not grow", monkeypatch)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", TROUBLES)
async def test_how_soon(outcomes: Box, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal_s, recovered_s = await run(outcomes, name, monkeypatch)
    (*_, act) = outcomes.read("logs", "--only", "acts")
    assert act["kind"] == "token.revoke"
    assert refusal_s < REFUSED_S
    assert recovered_s < RECOVERED_S


class Cap:
    """Lets the journal's database grow no more while `is_on`."""

    def __init__(self) -> None:
        self.is_on = False
        self._open: list[sqlite3.Connection] = []

    def open(self, path: Path, **more: Any) -> sqlite3.Connection:
        connection = open_connection(path, **more)
        self._open.append(connection)
        self._tell(connection)
        return connection

    def switch(self, is_on: bool) -> None:
        self.is_on = is_on
        for connection in self._open:
            try:
                self._tell(connection)
            except sqlite3.ProgrammingError:
                continue  # closed

    def _tell(self, connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        most = pages if self.is_on else 1 << 30
        connection.execute(f"PRAGMA max_page_count = {most}")


async def test_the_database_may_not_grow(outcomes: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway is in this process, so that its connection can be told."""
    cap = Cap()
    monkeypatch.setattr(writer, "open_connection", cap.open)
    victim, *others = await clients(outcomes, CLIENTS, monkeypatch)
    config = load_config({"home": home_of(outcomes), "port": 0})
    async with serving_data(config) as served:
        url = f"{served.url}/ws/demo"
        async with calling(url, others) as http:
            await until(lambda: all(one.answered > 5 for one in others))
            cap.switch(True)
            await until(lambda: all(one.refused > 3 for one in others))
            assert await readiness(http, served.url) == (503, "degraded")
            await asyncio.to_thread(outcomes.run, "token", "revoke", victim.token_id)
            assert (await ask(http, url, victim.token))[0] == 401
            cap.switch(False)
            ended_at = time.monotonic()
            await until(lambda: all(one.last_answer_at > ended_at for one in others))
            recovered_s = time.monotonic() - ended_at
    print(  # noqa: T201  (the figure is what it is for)
        f"\nthe database may not grow: everybody served {recovered_s:.2f} s after it was over"
        f" (promised: {RECOVERED_S:.0f} s)"
    )
    check(outcomes, others, "the disk is full")


async def test_a_directory_that_becomes_read_only(
    outcomes: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is open stays open, so calls go on and are recorded; nobody else can come in."""
    callers = await clients(outcomes, 2, monkeypatch)
    home = home_of(outcomes)
    # Root may do everything, unless this is taken from it.
    plain = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")
    command = (*(plain if os.geteuid() == 0 else ()), sys.executable, "-m", "mcpgw")
    modes = {path: path.stat().st_mode for path in (home, *home.glob("*.db"))}
    with outcomes.serving(command=command) as served:
        async with calling(served.workspace_url, callers):
            await until(lambda: all(one.answered > 5 for one in callers))
            for path in modes:
                path.chmod(0o500)
            try:
                seen = [one.answered + one.refused for one in callers]
                await until(
                    lambda: all(
                        one.answered + one.refused > before + 5
                        for one, before in zip(callers, seen, strict=True)
                    )
                )
                done = await asyncio.to_thread(
                    subprocess.run,
                    [*command, "token", "revoke", callers[0].token_id],
                    env=outcomes.environment,
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
                assert done.returncode == 74
                assert "let the user of mcpgw write the data directory" in done.stderr
            finally:
                for path, mode in modes.items():
                    path.chmod(mode & 0o777)
            ended_at = time.monotonic()
            await until(lambda: all(one.last_answer_at > ended_at for one in callers))
    check(outcomes, callers, "cannot be opened or written")
