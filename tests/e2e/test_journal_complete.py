"""Every call has exactly its rows: each way in which one can end, at every door, in both eras."""

import asyncio
import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from mcpgw.bootstrap import open_gateway
from mcpgw.config import load_config
from mcpgw.gateway.gateway import Gateway
from mcpgw.model.audit import UNASKED, Outcome
from mcpgw.model.bounds import UNBOUND, Bounds, Rate
from mcpgw.model.token import OPERATOR, Role
from tests.e2e.conftest import Box, Served
from tests.e2e.journal import NAMES, OUTCOMES, check_files, home_of
from tests.web.conftest import modern_body, modern_headers

TIMEOUT_S = 2
SOON_S = 0.7
"""Until a call that waits has reached its server; less than the timeout."""

TOOLS = {
    Outcome.OK: "outcomes__ok",
    Outcome.TOOL_ERROR: "outcomes__fail",
    Outcome.UPSTREAM_ERROR: "outcomes__refuse",
    Outcome.TIMEOUT: "outcomes__wait",
    Outcome.DENIED: "outcomes__nothing",
}
WAIT: Mapping[str, Any] = {"seconds": 60}
LEGACY, SSE = "2025-11-25", "2024-11-05"

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


class Door:
    """A modern client of MCP; others say what they do otherwise."""

    surface, era = "mcp", "modern"

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        self.http = http
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"}

    async def open(self) -> None:
        """Come in."""

    async def call(self, tool: str) -> None:
        """Call a tool, and wait for whatever comes back."""
        body = modern_body("tools/call", name=tool, arguments=arguments_of(tool))
        await self.post(self.url, body, modern_headers("tools/call", tool))

    async def take_back(self, tool: str) -> None:
        """Call a tool, and take that back while it runs."""
        running = asyncio.ensure_future(self.call(tool))
        await asyncio.sleep(SOON_S)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async def post(self, url: str, body: object, headers: Mapping[str, str] | None = None) -> None:
        async with self.http.post(url, json=body, headers={**self.headers, **(headers or {})}) as a:
            await a.read()


class Session(Door):
    """A legacy client, in a session."""

    era = "legacy"
    version = LEGACY

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        super().__init__(http, url, token)
        self.headers["Accept"] = "application/json, text/event-stream"
        self.ids = itertools.count(1)

    async def open(self) -> None:
        async with self.http.post(self.url, json=self.greeting, headers=self.headers) as answer:
            await answer.read()
            self.headers["Mcp-Session-Id"] = answer.headers["Mcp-Session-Id"]

    @property
    def greeting(self) -> dict[str, Any]:
        info = {"name": "lean", "version": "1"}
        params = {"protocolVersion": self.version, "capabilities": {}, "clientInfo": info}
        return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}

    async def call(self, tool: str) -> None:
        await self.say(next(self.ids), tool)

    async def take_back(self, tool: str) -> None:
        number = next(self.ids)
        running = asyncio.ensure_future(self.say(number, tool))
        await asyncio.sleep(SOON_S)
        await self.post(self.url, {**CANCELLED, "params": {"requestId": number}})
        await running

    async def say(self, number: int, tool: str) -> None:
        params = {"name": tool, "arguments": arguments_of(tool)}
        message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        await self.post(self.url, message)


CANCELLED = {"jsonrpc": "2.0", "method": "notifications/cancelled"}


class EventStream(Session):
    """A client of HTTP+SSE: answers come on the one stream."""

    surface = "sse"
    version = SSE

    async def open(self) -> None:
        stream = await self.http.get(f"{self.url}/sse", headers=self.headers)
        self.lines = stream.content
        while not (line := await self.lines.readline()).startswith(b"data:"):
            pass
        self.url = self.url.partition("/ws/")[0] + line.removeprefix(b"data:").strip().decode()
        self.waiting: dict[int, asyncio.Future[None]] = {0: asyncio.Future()}
        self.reading = asyncio.ensure_future(self.read())
        await self.post(self.url, self.greeting)
        await self.waiting[0]

    async def read(self) -> None:
        async for line in self.lines:
            if line.startswith(b"data:"):
                number = json.loads(line.removeprefix(b"data:")).get("id")
                if number in self.waiting and not self.waiting[number].done():
                    self.waiting[number].set_result(None)
        for future in self.waiting.values():
            if not future.done():
                future.set_result(None)  # it was sent away

    async def take_back(self, tool: str) -> None:
        number = next(self.ids)
        await super().say(number, tool)
        await asyncio.sleep(SOON_S)
        await self.post(self.url, {**CANCELLED, "params": {"requestId": number}})

    async def say(self, number: int, tool: str) -> None:
        self.waiting[number] = asyncio.Future()
        await super().say(number, tool)
        await self.waiting[number]


class Function(Door):
    """An application that passes on what a model wants called."""

    surface = "function"

    def body(self, tool: str) -> object:
        return {"calls": [{"id": "1", "name": tool, "arguments": arguments_of(tool)}]}

    async def call(self, tool: str) -> None:
        await self.post(f"{self.url}/v1/tool-calls", self.body(tool))


class OpenAi(Function):
    surface = "openai"

    def body(self, tool: str) -> object:
        function = {"name": tool, "arguments": json.dumps(arguments_of(tool))}
        return {"tool_calls": [{"id": "1", "type": "function", "function": function}]}


class Responses(Function):
    surface = "openai-responses"

    def body(self, tool: str) -> object:
        given = json.dumps(arguments_of(tool))
        return [{"type": "function_call", "call_id": "1", "name": tool, "arguments": given}]


class Anthropic(Function):
    surface = "anthropic"

    def body(self, tool: str) -> object:
        return [{"type": "tool_use", "id": "1", "name": tool, "input": arguments_of(tool)}]


class Gemini(Function):
    surface = "gemini"

    def body(self, tool: str) -> object:
        return [{"functionCall": {"name": tool, "args": arguments_of(tool)}}]


class OpenApi(Function):
    surface = "openapi"

    async def call(self, tool: str) -> None:
        await self.post(f"{self.url}/v1/tools/{tool}", arguments_of(tool))


DOORS: tuple[type[Door], ...] = (
    *(Door, Session, EventStream),
    *(Function, OpenAi, Responses, Anthropic, Gemini, OpenApi),
)


def arguments_of(tool: str) -> Mapping[str, Any]:
    return WAIT if tool == TOOLS[Outcome.TIMEOUT] else {}


@dataclass
class Making:
    """Calls that are made, and what the journal must hold then."""

    box: Box
    gateway: Gateway
    served: Served
    number: int
    expected: Found = field(default_factory=Counter)

    @asynccontextmanager
    async def door(
        self, kind: type[Door], bounds: Bounds = UNBOUND
    ) -> AsyncIterator[tuple[Door, str]]:
        """Come in by a door with a token of its own; yields the token's id, too."""
        issue = self.gateway.tokens.issue
        issued = await issue(OPERATOR, "demo", "ana", Role.DEVELOPER, bounds=bounds)
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            door = kind(http, self.served.workspace_url, issued.text)
            await door.open()
            yield door, issued.token.id

    async def everything(self, kind: type[Door]) -> None:
        """Make calls that end in every way, by one door."""
        async with self.door(kind) as (door, _):
            for outcome, tool in TOOLS.items():
                await asyncio.gather(*(door.call(tool) for _ in range(self.number)))
                self.expect(kind, outcome)
            waiting = TOOLS[Outcome.TIMEOUT]
            async with AsyncExitStack() as stack:
                doors = [door]
                # Who goes away closes the connection: each needs its own.
                for _ in range(self.number if kind.era == "modern" else 0):
                    another, _ = await stack.enter_async_context(self.door(kind))
                    doors.append(another)
                taking = itertools.islice(itertools.cycle(doors), self.number)
                await asyncio.gather(*(one.take_back(waiting) for one in taking))
                self.expect(kind, Outcome.CANCELLED)
        async with self.door(kind) as (door, token_id):
            running = [asyncio.ensure_future(door.call(waiting)) for _ in range(self.number)]
            await asyncio.sleep(SOON_S)
            await self.gateway.tokens.revoke(OPERATOR, "demo", token_id)
            await asyncio.gather(*running)
            self.expect(kind, Outcome.REVOKED)
        async with self.door(kind, Bounds(rate=Rate(1, 86400.0))) as (door, _):
            await door.call(TOOLS[Outcome.OK])
            self.expected[kind.surface, kind.era, Outcome.OK] += 1
            await asyncio.gather(*(door.call(TOOLS[Outcome.OK]) for _ in range(self.number)))
            self.expect(kind, Outcome.LIMITED)

    def expect(self, kind: type[Door], outcome: Outcome) -> None:
        self.expected[kind.surface, kind.era, outcome] += self.number

    def at_the_box(self) -> None:
        """Make the same at the box, where no token is."""
        exit_codes = {Outcome.OK: 0, Outcome.DENIED: 3}
        for outcome, tool in TOOLS.items():
            given = json.dumps(arguments_of(tool))
            exit_code = exit_codes.get(outcome, 6)
            self.box.run("call", tool, "--args", given, exit_code=exit_code)
            self.expected["box", "modern", outcome] += 1


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


async def make(
    box: Box, number: int, doors: tuple[type[Door], ...], patched: pytest.MonkeyPatch
) -> None:
    box.run("server", "add", "outcomes", "--", *OUTCOMES)
    box.environment["MCPGW_CALL_TIMEOUT"] = str(TIMEOUT_S)
    patched.setenv("XDG_CONFIG_HOME", box.environment["XDG_CONFIG_HOME"])
    with box.serving() as served:
        async with open_gateway(load_config({"home": home_of(box)})) as gateway:
            making = Making(box, gateway, served, number)
            for kind in doors:
                await making.everything(kind)
        await asyncio.to_thread(making.at_the_box)
        await asyncio.to_thread(check, making)


@pytest.mark.long
async def test_some_of_each_by_three_doors(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    await make(box, 2, (Door, EventStream, OpenAi), monkeypatch)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_many_of_each_by_every_door(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    await make(box, 20, DOORS, monkeypatch)
