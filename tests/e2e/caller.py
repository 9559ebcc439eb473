"""A lean client of either era, for tests that count: one HTTP request for each call, no SDK."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
import msgspec

from tests.web.conftest import modern_body, modern_headers

LEGACY = "2025-11-25"


@dataclass(frozen=True)
class Heard:
    """What came back for one request: its response, and what was said before it."""

    response: dict[str, Any]
    notifications: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """Return the text of a tool's result."""
        return str(self.response["result"]["content"][0]["text"])

    @property
    def is_failed(self) -> bool:
        """Say whether the tool is said to have failed."""
        return bool(self.response["result"].get("isError"))


@dataclass
class Caller:
    """One client, which counts its requests from 1. Without a session it speaks the modern era."""

    http: aiohttp.ClientSession
    url: str
    token: str
    session: str = ""
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    async def open(self) -> "Caller":
        """Begin a legacy session."""
        params = {
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": {"name": "lean", "version": "1"},
        }
        body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        async with self._post(body, {}) as response:
            await response.read()
            self.session = response.headers["Mcp-Session-Id"]
        return self

    async def end(self) -> int:
        """End the session; returns the status."""
        headers = {"Mcp-Session-Id": self.session, "Authorization": f"Bearer {self.token}"}
        async with self.http.delete(self.url, headers=headers) as response:
            return response.status

    async def ask(self, method: str, **params: object) -> int:
        """Make a request in the session that answers nothing of interest; returns the status."""
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        async with self._post(body, self._in_session()) as response:
            content = await response.read()
            assert response.status != 200 or b'"result"' in content, content
            return int(response.status)

    @asynccontextmanager
    async def news(self) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Open the session's stream, and yield what is told on it."""
        headers = {**self._in_session(), "Accept": "text/event-stream"}
        headers["Authorization"] = f"Bearer {self.token}"
        async with self.http.get(self.url, headers=headers) as response:
            assert response.status == 200
            yield (message async for line in response.content for message in _events(line))

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        progress_token: object = None,
    ) -> Heard:
        """Call a tool; the answer must be one to this request."""
        request_id = next(self._ids)
        meta = {} if progress_token is None else {"progressToken": progress_token}
        if self.session:
            params = {"name": tool, "arguments": arguments, "_meta": meta}
            body: dict[str, Any] = {"jsonrpc": "2.0", "method": "tools/call", "params": params}
            headers = self._in_session()
        else:
            body = modern_body("tools/call", name=tool, arguments=arguments, _meta=meta)
            headers = modern_headers("tools/call", tool)
        async with self._post({**body, "id": request_id}, headers) as response:
            content = await response.read()
            assert response.status == 200, content[:500]
            is_stream = response.content_type == "text/event-stream"
        *before, last = list(_events(content)) if is_stream else [msgspec.json.decode(content)]
        assert last["id"] == request_id
        return Heard(last, before)

    def _in_session(self) -> dict[str, str]:
        return {"Mcp-Session-Id": self.session, "MCP-Protocol-Version": LEGACY}

    def _post(self, body: object, headers: Mapping[str, str]) -> Any:
        return self.http.post(
            self.url,
            data=msgspec.json.encode(body),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream",
                **headers,
            },
        )


def _events(content: bytes) -> Iterator[dict[str, Any]]:
    """Return the messages of an event stream; events without data (priming) are none."""
    for event in content.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = b"\n".join(
            line[5:].lstrip() for line in event.split(b"\n") if line.startswith(b"data:")
        )
        if data:
            yield msgspec.json.decode(data)
