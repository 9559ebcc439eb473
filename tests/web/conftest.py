"""The whole gateway over in-memory ports, behind its real HTTP door on a real port."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mcpgw.model.token import OPERATOR, Role
from mcpgw.web import stream
from mcpgw.web.app import serving
from mcpgw.web.clients import Clients
from mcpgw.web.connection import Listener
from mcpgw.web.listening import Listening, bind
from mcpgw.web.peer import TrustedProxies
from mcpgw.web.reception import Reception
from tests.world import World, world

__all__ = ["world"]

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "probe", "version": "1"},
}


@dataclass
class Answered:
    """An HTTP answer, read."""

    status: int
    headers: Mapping[str, str]
    text: str
    json: Any


@dataclass
class Event:
    """One event of a stream, as the wire has it."""

    kind: str = "message"
    id: str | None = None
    retry: str | None = None
    data: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@dataclass
class Reading:
    """An event stream, read event by event."""

    status: int
    headers: Mapping[str, str]
    _response: aiohttp.ClientResponse

    async def next(self) -> Event | None:
        """Return the next event, None at the stream's end. Comments are passed over."""
        event, is_empty = Event(), True
        while line := await asyncio.wait_for(self._response.content.readline(), 5):
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if not name and not is_empty:
                return event
            if name in ("event", "id", "retry", "data"):
                setattr(event, {"event": "kind"}.get(name, name), value)
                is_empty = False
        return None

    async def message(self) -> Any:
        """Return the next event's message."""
        event = await self.next()
        assert event is not None
        return event.json

    async def rest(self) -> list[Event]:
        """Return all events up to the end."""
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events

    def leave(self) -> None:
        """Go away without a word."""
        self._response.close()


@dataclass
class Client:
    """Asks the door."""

    url: str
    http: aiohttp.ClientSession
    token: str
    world: World
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, **options: Any) -> Answered:
        """Send a request with the token (unless other headers are given)."""
        usual = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        headers = usual | options.pop("headers", {})
        async with self.http.request(
            method, self.url + path, headers=headers, **options
        ) as response:
            text = await response.text()
            is_json = response.content_type.endswith("json") and text
            return Answered(
                response.status,
                response.headers,
                text,
                json.loads(text) if is_json else None,
            )

    @asynccontextmanager
    async def stream(
        self, method: str = "GET", path: str = "/ws/demo", **options: Any
    ) -> AsyncIterator[Reading]:
        """Send a request, and read its answer as it comes."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"}
        headers |= options.pop("headers", {})
        async with self.http.request(
            method, self.url + path, headers=headers, **options
        ) as response:
            yield Reading(response.status, response.headers, response)

    async def modern(self, method: str, name: str | None = None, /, **params: Any) -> Answered:
        """Send a modern request."""
        return await self.ask(
            "POST",
            "/ws/demo",
            json=modern_body(method, **params),
            headers=modern_headers(method, name),
        )

    async def initialize(self, version: str = "2025-11-25") -> Answered:
        """Open a legacy session."""
        params = {
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": {"name": "old", "version": "1"},
        }
        return await self.ask(
            "POST",
            "/ws/demo",
            json={"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params},
        )

    async def open(self, version: str = "2025-11-25") -> str:
        """Open a legacy session and return its id."""
        return (await self.initialize(version)).headers["Mcp-Session-Id"]

    async def change(self, name: str) -> None:
        """Change what the workspace offers, and let the gateway look."""
        await self.world.server(name, log="x")
        self.world.upstreams.tell("any", "notifications/tools/list_changed")

    async def token_of(self, member: str) -> str:
        """Issue a token for somebody else."""
        tokens = self.world.gateway.tokens
        issued = await tokens.issue(OPERATOR, "demo", member, Role.DEVELOPER, None)
        return issued.text

    async def legacy(self, session: str, message: object, **headers: str) -> Answered:
        """Send a message in a legacy session."""
        return await self.ask(
            "POST", "/ws/demo", json=message, headers={"Mcp-Session-Id": session, **headers}
        )


def modern_body(method: str, /, **params: Any) -> dict[str, Any]:
    meta = {**META, **params.pop("_meta", {})}
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}


def modern_headers(method: str, name: str | None = None) -> dict[str, str]:
    headers = {
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": method,
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
    }
    return headers | ({"Mcp-Name": name} if name else {})


def listening(**other: Any) -> Listening:
    """Return where to listen: on a free port, with roomy limits unless others are given."""
    usual = {
        "host": "127.0.0.1",
        "port": 0,
        "public_url": "",
        "certificate": None,
        "max_body_bytes": 10_000,
        "max_clients": 1000,
        "max_clients_per_address": 1000,
        "max_auth_failures": 1_000_000,
        "trusted_proxies": (),
    }
    return Listening(**{**usual, **other})


@asynccontextmanager
async def receiving(
    handle: Handler, clients: Clients | None = None, *, proxies: Sequence[str] = ()
) -> AsyncIterator[int]:
    """Let a handler of our own stand behind the connections of the door; yields its port."""
    listener = Listener(
        handle,
        max_body_bytes=10_000,
        clients=clients or Clients(1000, 1000),
        proxies=TrustedProxies(proxies),
    )
    sockets = await bind("127.0.0.1", 0)
    async with Reception(listener, None).open(sockets):
        yield sockets[0].getsockname()[1]


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break silence at once; ask for it by `usefixtures`, so that it comes before the client."""
    monkeypatch.setattr(stream, "KEEP_ALIVE_AFTER_S", 0.02)
    monkeypatch.setattr(stream, "PRIMED_AFTER_S", 0.01)


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.DEVELOPER, None)
    async with (
        serving(world.gateway, listening()) as url,
        aiohttp.ClientSession() as http,
    ):
        yield Client(url, http, issued.text, world)
