"""Every call has exactly its rows: each way in which one can end, at every door, in both eras.

Nothing is left to time: calls wait for a file, and the journal says when they do.
"""

import asyncio
import itertools
import json
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mcpgw.bootstrap import open_gateway
from mcpgw.config import load_config
from mcpgw.gateway.gateway import Gateway
from mcpgw.model.audit import UNASKED, Outcome, Surface
from mcpgw.model.bounds import UNBOUND, Bounds, Rate
from mcpgw.model.token import OPERATOR, Role
from tests.e2e.conftest import Box, Served
from tests.e2e.journal import NAMES, OUTCOMES, check_files, home_of, small_files, under_way
from tests.e2e.surface import KINDS, Arguments, Modern
from tests.process import until

AT_ONCE = {
    Outcome.OK: ("outcomes__ok", 0),
    Outcome.TOOL_ERROR: ("outcomes__fail", 6),
    Outcome.UPSTREAM_ERROR: ("outcomes__refuse", 6),
    Outcome.DENIED: ("outcomes__nothing", 3),
}
"""The tools whose calls end like that at once, and the exit code of the command."""

WAIT = "outcomes__wait"
SHORT_S, LONG_S = 1, 110
ONE_A_DAY = Bounds(rate=Rate(1, 86400.0))

Found = Counter[tuple[str, str, Outcome]]
"""Calls by surface, era and outcome."""

_ROWS = """
SELECT caller.surface, caller.era, call_end.outcome, call_start.seq IS NOT NULL, count(*)
FROM call_end
JOIN caller ON caller.id = call_end.caller_id
LEFT JOIN call_start ON call_start.seq = call_end.start_seq
    AND call_start.started_us = call_end.started_us AND call_start.number = call_end.number
GROUP BY 1, 2, 3, 4
"""


@dataclass
class Making:
    """Calls that are made, and what the journal must hold then."""

    box: Box
    gateway: Gateway
    number: int
    kinds: tuple[type[Modern], ...]
    expected: Found = field(default_factory=Counter)
    served: Served = field(init=False)
    _files: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def serving(self, timeout_s: int) -> Iterator[None]:
        """Serve until the block ends; a call may take so long."""
        self.box.environment["MCPGW_CALL_TIMEOUT"] = str(timeout_s)
        with self.box.serving() as self.served:
            yield

    @asynccontextmanager
    async def client(
        self, kind: type[Modern], bounds: Bounds = UNBOUND
    ) -> AsyncIterator[tuple[Modern, str]]:
        """Come in with a token of its own; yields the token's id, too."""
        issue = self.gateway.tokens.issue
        issued = await issue(OPERATOR, "demo", "ana", Role.DEVELOPER, bounds=bounds)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            client = kind(http, self.served.workspace_url, issued.text)
            await client.open()
            yield client, issued.token.id
            await client.leave()

    def expect(self, kind: type[Modern], outcome: Outcome, number: int | None = None) -> None:
        expected = self.number if number is None else number
        self.expected[kind.surface, kind.era, outcome] += expected

    def expect_of_box(self, outcome: Outcome) -> None:
        self.expected[Surface.BOX, "modern", outcome] += 1

    def file(self) -> tuple[Path, Arguments]:
        """Return a file that is not there, and the arguments of calls that wait for it."""
        path = self.box.home / f"file-{next(self._files)}"
        return path, {"file": str(path)}

    async def run(self, number: int) -> None:
        """Wait until so many calls have gone to their server, and not ended."""
        await until(lambda: under_way(home_of(self.box)) == number)

    async def waiting(self, *clients: Modern) -> tuple[Path, "asyncio.Future[Any]"]:
        """Make calls that wait for a file; return it and what ends with them when all wait."""
        path, arguments = self.file()
        calls = [client.call(WAIT, arguments) for client in clients for _ in range(self.number)]
        running = asyncio.gather(*calls, return_exceptions=True)
        await self.run(len(calls))
        return path, running

    async def all_but_time_and_death(self) -> None:
        """Make calls that end in every other way."""
        for kind in self.kinds:
            async with self.client(kind) as (client, _):
                await self.at_once(client)
                await self.taken_back(client)
                await self.withheld(client)
            await self.revoked(kind)
            await self.limited(kind)

    async def at_once(self, client: Modern) -> None:
        for outcome, (tool, _) in AT_ONCE.items():
            await asyncio.gather(*(client.call(tool, {}) for _ in range(self.number)))
            self.expect(type(client), outcome)

    async def taken_back(self, client: Modern) -> None:
        path, arguments = self.file()
        all_run = asyncio.ensure_future(self.run(self.number))
        taking = (client.take_back(WAIT, arguments, all_run) for _ in range(self.number))
        await asyncio.gather(*taking)
        await self.run(0)
        path.touch()
        self.expect(type(client), Outcome.CANCELLED)

    async def withheld(self, client: Modern) -> None:
        """Let calls end when that cannot be written."""
        path, running = await self.waiting(client)
        with small_files(self.served.process.pid, 0):
            path.touch()
            await running
        await self.run(0)
        self.expect(type(client), Outcome.WITHHELD)

    async def revoked(self, kind: type[Modern]) -> None:
        async with self.client(kind) as (client, token_id):
            path, running = await self.waiting(client)
            await self.gateway.tokens.revoke(OPERATOR, "demo", token_id)
            await running
        path.touch()
        self.expect(kind, Outcome.REVOKED)

    async def limited(self, kind: type[Modern]) -> None:
        tool, _ = AT_ONCE[Outcome.OK]
        async with self.client(kind, ONE_A_DAY) as (client, _):
            await client.call(tool, {})
            self.expect(kind, Outcome.OK, 1)
            await asyncio.gather(*(client.call(tool, {}) for _ in range(self.number)))
            self.expect(kind, Outcome.LIMITED)

    async def timed_out(self) -> None:
        """Let calls wait for nothing until their time is over."""
        _, arguments = self.file()
        for kind in self.kinds:
            async with self.client(kind) as (client, _):
                calls = [client.call(WAIT, arguments) for _ in range(self.number)]
                await asyncio.gather(*calls)
            self.expect(kind, Outcome.TIMEOUT)
        given = json.dumps(arguments)
        await asyncio.to_thread(self.box.run, "call", WAIT, "--args", given, exit_code=6)
        self.expect_of_box(Outcome.TIMEOUT)

    async def killed(self) -> None:
        """Kill the gateway while calls wait."""
        async with AsyncExitStack() as stack:
            clients = [
                (await stack.enter_async_context(self.client(kind)))[0] for kind in self.kinds
            ]
            path, running = await self.waiting(*clients)
            self.served.process.kill()
            await running
        path.touch()
        for kind in self.kinds:
            self.expect(kind, Outcome.UNKNOWN_CRASH)

    async def at_the_box(self) -> None:
        """Make calls at the box, where no token is; end two of the commands."""
        for outcome, (tool, exit_code) in AT_ONCE.items():
            await asyncio.to_thread(self.box.run, "call", tool, exit_code=exit_code)
            self.expect_of_box(outcome)
        await self.ended_at_the_box(signal.SIGINT, open_calls=0)
        self.expect_of_box(Outcome.CANCELLED)
        await self.ended_at_the_box(signal.SIGKILL, open_calls=1)
        self.expect_of_box(Outcome.UNKNOWN_CRASH)

    async def ended_at_the_box(self, by: signal.Signals, open_calls: int) -> None:
        _, arguments = self.file()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mcpgw", "call", WAIT, "--args", json.dumps(arguments)),
            env=self.box.environment,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await self.run(1)
        process.send_signal(by)
        await process.wait()
        await self.run(open_calls)


def rows(box: Box) -> Iterator[tuple[str, str, Outcome, bool, int]]:
    """Return how many ends there are of each kind, with and without a start of their own."""
    with closing(sqlite3.connect(home_of(box) / "journal.db")) as journal:
        for surface, era, outcome, has_start, number in journal.execute(_ROWS):
            yield surface, era, NAMES[outcome], bool(has_start), number


def check(making: Making) -> None:
    """Hold the journal against what was done."""
    box, found = making.box, Counter[tuple[str, str, Outcome]]()
    started = 0
    for surface, era, outcome, has_start, number in rows(box):
        found[surface, era, outcome] += number
        started += number if has_start else 0
        assert has_start is (outcome not in UNASKED), (surface, era, outcome)
    assert found == making.expected, making.expected - found + (found - making.expected)
    with closing(sqlite3.connect(home_of(box) / "journal.db")) as journal:
        (starts,) = journal.execute("SELECT count(*) FROM call_start").fetchone()
        (ends,) = journal.execute("SELECT count(*) FROM call_end").fetchone()
    assert (starts, ends) == (started, making.expected.total())
    check_files(home_of(box))
    assert all(verified["is_whole"] for verified in box.read("logs", "verify"))
    doors = {(surface, era) for surface, era, _ in found}
    print(  # noqa: T201  (the figures are what it is for)
        f"\n{ends} calls with {len({outcome for *_, outcome in found})} outcomes by {len(doors)}"
        f" doors: {ends} ends, {starts} starts, as many as were made"
    )


@asynccontextmanager
async def making(
    box: Box, number: int, kinds: tuple[type[Modern], ...], patched: pytest.MonkeyPatch
) -> AsyncIterator[Making]:
    """Yield what makes calls; what the journal holds is looked at when the block has ended."""
    box.run("server", "add", "outcomes", "--", *OUTCOMES)
    patched.setenv("XDG_CONFIG_HOME", box.environment["XDG_CONFIG_HOME"])
    async with open_gateway(load_config({"home": home_of(box)})) as gateway:
        made = Making(box, gateway, number, kinds)
        yield made
        with made.serving(LONG_S):
            await made.run(0)  # what was open when it was killed is closed
    await asyncio.to_thread(check, made)


async def test_some_of_each(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    async with making(box, 2, (Modern,), monkeypatch) as made:
        with made.serving(LONG_S):
            await made.all_but_time_and_death()
            await made.killed()


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_many_of_each_by_every_door(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    async with making(box, 20, KINDS, monkeypatch) as made:
        await made.at_the_box()
        with made.serving(SHORT_S):
            await made.timed_out()
        with made.serving(LONG_S):
            await made.all_but_time_and_death()
            await made.killed()
    every = {outcome for *_, outcome in made.expected}
    assert every == set(Outcome) - {Outcome.RUNNING}
    assert {surface for surface, *_ in made.expected} == set(Surface)
