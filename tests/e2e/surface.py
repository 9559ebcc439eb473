"""Clients of every surface: each calls a tool, waits for whatever comes back, and can take it back.

What is answered is not looked at: these are for what becomes of the calls.
"""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from tests.web.conftest import modern_body, modern_headers

LEGACY, SSE = "2025-11-25", "2024-11-05"

Arguments = Mapping[str, Any]


class Modern:
    """A modern client of MCP; the others say what they do otherwise."""

    surface, era = "mcp", "modern"

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        self.http = http
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"}

    async def open(self) -> None:
        """Come in."""

    async def leave(self) -> None:
        """Go, when nothing is under way any more."""

    async def call(self, tool: str, arguments: Arguments) -> None:
        """Call a tool, and wait for whatever comes back."""
        body = modern_body("tools/call", name=tool, arguments=arguments)
        await self.post(self.url, body, modern_headers("tools/call", tool))

    async def take_back(self, tool: str, arguments: Arguments, runs: Awaitable[object]) -> None:
        """Call a tool, and take that back once it `runs`: by going away."""
        running = asyncio.ensure_future(self.call(tool, arguments))
        await runs
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async def post(self, url: str, body: object, headers: Mapping[str, str] | None = None) -> None:
        headers = {**self.headers, **(headers or {})}
        async with self.http.post(url, json=body, headers=headers) as answer:
            await answer.read()


class Session(Modern):
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

    async def call(self, tool: str, arguments: Arguments) -> None:
        await self.say(next(self.ids), tool, arguments)

    async def take_back(self, tool: str, arguments: Arguments, runs: Awaitable[object]) -> None:
        number = next(self.ids)
        running = asyncio.ensure_future(self.say(number, tool, arguments))
        await runs
        params = {"requestId": number}
        cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
        await self.post(self.url, cancelled)
        await self.let_go(running)

    async def say(self, number: int, tool: str, arguments: Arguments) -> None:
        params = {"name": tool, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        await self.post(self.url, message)

    async def let_go(self, running: "asyncio.Future[None]") -> None:
        """Wait for the end of the request of a call that was taken back."""
        await running


class EventStream(Session):
    """A client of HTTP+SSE: answers come on the one stream."""

    surface = "sse"
    version = SSE

    async def open(self) -> None:
        self.stream = await self.http.get(f"{self.url}/sse", headers=self.headers)
        self.lines = self.stream.content
        while not (line := await self.lines.readline()).startswith(b"data:"):
            pass
        self.url = self.url.partition("/ws/")[0] + line.removeprefix(b"data:").strip().decode()
        self.waiting: dict[int, asyncio.Future[None]] = {0: asyncio.Future()}
        self.reading = asyncio.ensure_future(self.read())
        await self.post(self.url, self.greeting)
        await self.waiting[0]

    async def leave(self) -> None:
        self.stream.close()
        await self.reading

    async def read(self) -> None:
        """Tell those who wait for an answer; all of them when the stream ends."""
        with suppress(aiohttp.ClientError):
            async for line in self.lines:
                if line.startswith(b"data:"):
                    number = json.loads(line.removeprefix(b"data:")).get("id")
                    if number in self.waiting and not self.waiting[number].done():
                        self.waiting[number].set_result(None)
        for future in self.waiting.values():
            if not future.done():
                future.set_result(None)

    async def say(self, number: int, tool: str, arguments: Arguments) -> None:
        self.waiting[number] = asyncio.Future()
        await super().say(number, tool, arguments)
        await self.waiting[number]

    async def let_go(self, running: "asyncio.Future[None]") -> None:
        """Nothing comes for what was taken back."""
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


class Function(Modern):
    """An application that passes on what a model wants called."""

    surface = "function"

    def body(self, tool: str, arguments: Arguments) -> object:
        return {"calls": [{"id": "1", "name": tool, "arguments": arguments}]}

    async def call(self, tool: str, arguments: Arguments) -> None:
        await self.post(f"{self.url}/v1/tool-calls", self.body(tool, arguments))


class OpenAi(Function):
    surface = "openai"

    def body(self, tool: str, arguments: Arguments) -> object:
        function = {"name": tool, "arguments": json.dumps(arguments)}
        return {"tool_calls": [{"id": "1", "type": "function", "function": function}]}


class Responses(Function):
    surface = "openai-responses"

    def body(self, tool: str, arguments: Arguments) -> object:
        given = json.dumps(arguments)
        return [{"type": "function_call", "call_id": "1", "name": tool, "arguments": given}]


class Anthropic(Function):
    surface = "anthropic"

    def body(self, tool: str, arguments: Arguments) -> object:
        return [{"type": "tool_use", "id": "1", "name": tool, "input": arguments}]


class Gemini(Function):
    surface = "gemini"

    def body(self, tool: str, arguments: Arguments) -> object:
        return [{"functionCall": {"name": tool, "args": arguments}}]


class OpenApi(Function):
    surface = "openapi"

    async def call(self, tool: str, arguments: Arguments) -> None:
        await self.post(f"{self.url}/v1/tools/{tool}", arguments)


KINDS: tuple[type[Modern], ...] = (
    *(Modern, Session, EventStream),
    *(Function, OpenAi, Responses, Anthropic, Gemini, OpenApi),
)
