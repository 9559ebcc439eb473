"""The whole gateway over in-memory ports, behind its real HTTP door on a real port."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from mcpgw.model.token import OPERATOR, Role
from mcpgw.web.app import serving
from tests.world import World, world

__all__ = ["world"]

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
class Client:
    """Asks the door."""

    url: str
    http: aiohttp.ClientSession
    token: str
    world: World
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, **options: Any) -> Answered:
        """Send a request with the token (unless other headers are given)."""
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        async with self.http.request(
            method, self.url + path, headers=headers, **options
        ) as response:
            text = await response.text()
            is_json = response.content_type == "application/json" and text
            return Answered(
                response.status,
                response.headers,
                text,
                (await response.json()) if is_json else None,
            )

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
    }
    return headers | ({"Mcp-Name": name} if name else {})


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.DEVELOPER, None)
    async with (
        serving(world.gateway, "127.0.0.1", 0, public_url="", max_body_bytes=10_000) as url,
        aiohttp.ClientSession() as http,
    ):
        yield Client(url, http, issued.text, world)
