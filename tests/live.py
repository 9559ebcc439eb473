"""Real upstreams for tests: the pool under a TaskGroup, servers to register, calls to make."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcpgw.config import base_environment
from mcpgw.gateway.ports import Ask, Deliver, Upstream
from mcpgw.model.server import HttpLaunch, Server, StdioLaunch
from mcpgw.protocol.exchange import Outgoing, Reply
from mcpgw.upstream import Spawn
from mcpgw.upstream.pool import Upstreams

PEERS = Path(__file__).parent / "peers"


@asynccontextmanager
async def spawning() -> AsyncIterator[Spawn]:
    """Own background work as the gateway does, end it, and raise what went wrong in it.

    A TaskGroup would do, but it wraps the failures of the test itself.
    """
    tasks: list[asyncio.Task[None]] = []

    def spawn(work: Any) -> object:
        tasks.append(asyncio.get_running_loop().create_task(work))
        return tasks[-1]

    try:
        yield spawn
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


@asynccontextmanager
async def open_upstreams(directory: Path, **settings: Any) -> AsyncIterator[Upstreams]:
    """Return a pool whose children live below `directory`; it is closed at the end."""
    async with spawning() as spawn:
        upstreams = Upstreams(
            spawn=spawn, base_environment=base_environment(), directory=directory, **settings
        )
        try:
            yield upstreams
        finally:
            await upstreams.close()


def echo_server(*habits: str, name: str = "echo", **launch: Any) -> Server:
    """Return a server of peers/stdio_echo.py; the first habit is its era."""
    command = (sys.executable, "-I", "-S", str(PEERS / "stdio_echo.py"), *habits)
    return Server(name, "w", name, name, StdioLaunch(command, **launch), True, 0.0)


def http_server(url: str, *headers: tuple[str, str], name: str = "web") -> Server:
    return Server(name, "w", name, name, HttpLaunch(url, headers), True, 0.0)


def nothing() -> Sequence[tuple[str, str]]:
    """Fill nothing in."""
    return ()


def filled(*pairs: tuple[str, str]) -> Callable[[], Sequence[tuple[str, str]]]:
    return lambda: pairs


async def call(
    upstream: Upstream,
    tool: str,
    arguments: dict[str, Any] | None = None,
    *,
    deliver: Deliver | None = None,
    ask: Ask | None = None,
    client: str = "somebody",
    timeout_s: float = 10.0,
) -> Reply:
    """Call a tool as the gateway does."""
    request_id = upstream.next_id()
    meta: dict[str, Any] = {"progressToken": request_id}
    if upstream.era == "modern":
        meta["io.modelcontextprotocol/protocolVersion"] = upstream.version
        meta["io.modelcontextprotocol/clientCapabilities"] = {}
    params = {"name": tool, "arguments": arguments or {}, "_meta": meta}
    message = Outgoing(
        request_id,
        "tools/call",
        json.dumps(params).encode(),
        tool,
        timeout_s=timeout_s,
        client=client,
    )
    return await upstream.exchange(message, deliver, ask)


def text_of(reply: Reply) -> str:
    """Return the text that a tool said."""
    assert reply.result is not None
    text = json.loads(bytes(reply.result))["content"][0]["text"]
    assert isinstance(text, str)
    return text


def code_of(reply: Reply) -> int:
    """Return the code of an error."""
    assert reply.error is not None
    code = json.loads(bytes(reply.error))["code"]
    assert isinstance(code, int)
    return code
