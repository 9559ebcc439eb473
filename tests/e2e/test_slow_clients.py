"""Clients that hold connections open and do nothing useful with them: the good ones do not notice.

Half-open ones send a header now and then, slow bodies a byte, slow readers ask for megabytes and
read nothing. Each is replaced as soon as the gateway lets it go.
"""

import asyncio
import random
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psutil  # type: ignore[import-untyped]  # it has no types
import pytest

from mcpgw.cli.hardening import allow_files
from tests.e2e.conftest import PEERS, Box, Served
from tests.e2e.pacing import pace, request
from tests.process import until
from tests.web.conftest import modern_body, modern_headers

GOOD = 8
PER_SECOND = 80.0

LARGE_BYTES = 100_000
LISTINGS = 60
"""Asked for by a slow reader at once: more than the system keeps for a connection."""

RELEASED_S = 30
"""A generous bound for the 20 seconds after which nobody slow is left."""


@dataclass
class Siege:
    """Slow clients, kept at their number until it is over."""

    served: Served
    token: str
    is_over: bool = False
    lasted_s: dict[str, list[float]] = field(default_factory=dict)
    """How long connections stood that the gateway ended, by kind."""

    async def keep(
        self, kind: str, act: Callable[[socket.socket], Awaitable[None]], begins_after_s: float
    ) -> None:
        """Be one slow client, again and again."""
        await asyncio.sleep(begins_after_s)
        host, _, port = self.served.url.removeprefix("http://").partition(":")
        loop = asyncio.get_running_loop()
        while not self.is_over:
            begun_at = time.monotonic()
            with socket.socket() as connection:
                connection.setblocking(False)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                with suppress(ConnectionError):
                    await loop.sock_connect(connection, (host, int(port)))
                    await act(connection)
                if not self.is_over:
                    self.lasted_s.setdefault(kind, []).append(time.monotonic() - begun_at)

    async def half_open(self, connection: socket.socket) -> None:
        await self._trickle(
            connection, b"POST /ws/demo HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n"
        )

    async def slow_body(self, connection: socket.socket) -> None:
        whole = request(modern_body("tools/list"), self._headers())
        await self._trickle(connection, whole[:-50], whole[-50:-49])

    async def slow_reader(self, connection: socket.socket) -> None:
        """Read a byte now and then; a new one comes when this one was surely let go."""
        loop = asyncio.get_running_loop()
        asked = request(modern_body("tools/list"), self._headers()) * LISTINGS
        sending = asyncio.ensure_future(loop.sock_sendall(connection, asked))
        for _ in range(RELEASED_S):
            await self._wait(1)
            with suppress(TimeoutError):
                if not await asyncio.wait_for(loop.sock_recv(connection, 1), 0.1):
                    break
        sending.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await sending

    async def _trickle(self, connection: socket.socket, first: bytes, rest: bytes) -> None:
        """Send, then a little every other second, until the gateway has said its word."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connection, first)
        hearing = asyncio.ensure_future(_hear_out(connection))
        while not hearing.done() and not self.is_over:
            await asyncio.wait([hearing], timeout=2)
            with suppress(ConnectionError):
                await loop.sock_sendall(connection, rest)
        hearing.cancel()

    async def _wait(self, seconds: float) -> None:
        for _ in range(int(seconds * 5)):
            if not self.is_over:
                await asyncio.sleep(0.2)

    def _headers(self) -> dict[str, str]:
        return modern_headers("tools/list") | {"Authorization": f"Bearer {self.token}"}


async def _hear_out(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while await loop.sock_recv(connection, 1 << 16):
            pass


@pytest.fixture
def served(box: Box) -> Iterator[Served]:
    garbage = (sys.executable, str(PEERS / "stdio_garbage.py"), str(LARGE_BYTES))
    box.run("server", "add", "garbage", "--", *garbage)
    with box.serving() as running:
        yield running


def good_request(token: str) -> bytes:
    call = modern_body("tools/call", name="garbage__say", arguments={})
    headers = modern_headers("tools/call", "garbage__say") | {"Authorization": f"Bearer {token}"}
    return request(call, headers)


async def released(process: psutil.Process, files: int) -> None:
    """Wait until no more files are open than before."""
    async with asyncio.timeout(RELEASED_S):
        await until(lambda: process.num_fds() <= files + 5)


async def besiege(
    box: Box, served: Served, seconds: float, *, half_open: int, bodies: int, readers: int
) -> dict[str, float]:
    """Let good clients call beside slow ones; returns their statuses, and prints everything."""
    allow_files()
    token = box.token()
    asked = good_request(token)
    base = await pace(served, asked, GOOD, PER_SECOND, min(seconds, 10.0))
    process = psutil.Process(served.process.pid)
    files = process.num_fds()
    siege = Siege(served, token)
    kinds = (
        [("half-open", siege.half_open)] * half_open
        + [("slow body", siege.slow_body)] * bodies
        + [("slow reader", siege.slow_reader)] * readers
    )
    spread_s = seconds / 4
    random.Random(0).shuffle(kinds)  # noqa: S311  (so that no two kinds come and go at once)
    slow = [
        asyncio.ensure_future(siege.keep(*kind, number / len(kinds) * spread_s))
        for number, kind in enumerate(kinds)
    ]
    await asyncio.sleep(spread_s + 0.5)
    most_files, memory_mb = process.num_fds(), process.memory_info().rss / 1e6
    during = await pace(served, asked, GOOD, PER_SECOND, seconds)
    siege.is_over = True
    await asyncio.gather(*slow)
    await released(process, files)
    lasted = {kind: f"{max(times):.0f} s" for kind, times in siege.lasted_s.items()}
    print(  # noqa: T201  (the figures are what it is for)
        f"\n{half_open} half-open, {bodies} slow bodies, {readers} slow readers for"
        f" {seconds:.0f} s: good clients got {during['statuses']},"
        f" p50 {base['p50_ms']:.1f} -> {during['p50_ms']:.1f} ms,"
        f" p99 {base['p99_ms']:.1f} -> {during['p99_ms']:.1f} ms;"
        f" slow ones lasted at most {lasted}; files {files} -> {most_files} -> {process.num_fds()},"
        f" memory {memory_mb:.0f} MB"
    )
    assert most_files > files + (half_open + bodies + readers) * 0.9
    assert "Traceback" not in (box.home / "serve.log").read_text()
    statuses: dict[str, float] = during["statuses"]
    return statuses


async def test_a_few_for_a_moment(box: Box, served: Served) -> None:
    statuses = await besiege(box, served, 3.0, half_open=100, bodies=20, readers=20)
    assert set(statuses) == {"200"}


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_fourteen_hundred_for_a_minute(box: Box, served: Served) -> None:
    statuses = await besiege(box, served, 60.0, half_open=1000, bodies=200, readers=200)
    assert statuses["200"] >= 0.999 * sum(statuses.values())
    assert statuses["200"] >= 0.9 * PER_SECOND * 60


async def besides_newcomers(
    box: Box, served: Served, per_second: float, seconds: float
) -> dict[str, float]:
    """Let good clients call while others connect and leave; returns their statuses."""
    asked = good_request(box.token())
    base = await pace(served, asked, GOOD, PER_SECOND, min(seconds, 10.0))
    process = psutil.Process(served.process.pid)
    files = process.num_fds()
    connecting = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PEERS / "connector.py"), "127.0.0.1", served.url.rpartition(":")[2]),
        *(str(per_second), str(seconds)),
        stdout=asyncio.subprocess.PIPE,
    )
    during, (out, _) = await asyncio.gather(
        pace(served, asked, GOOD, PER_SECOND, seconds), connecting.communicate()
    )
    assert connecting.returncode == 0
    await released(process, files)
    print(  # noqa: T201
        f"\n{int(out)} connections without a request in {seconds:.0f} s: good clients got"
        f" {during['statuses']}, p50 {base['p50_ms']:.1f} -> {during['p50_ms']:.1f} ms,"
        f" p99 {base['p99_ms']:.1f} -> {during['p99_ms']:.1f} ms;"
        f" files {files} -> {process.num_fds()}"
    )
    assert int(out) > per_second * seconds / 10
    statuses: dict[str, float] = during["statuses"]
    return statuses


async def test_hundreds_of_newcomers(box: Box, served: Served) -> None:
    assert set(await besides_newcomers(box, served, 300.0, 2.0)) == {"200"}


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_two_thousand_newcomers_a_second_for_a_minute(box: Box, served: Served) -> None:
    assert set(await besides_newcomers(box, served, 2000.0, 60.0)) == {"200"}
