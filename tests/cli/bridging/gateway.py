"""A gateway for the bridge to talk to, which does what a test says, and the client in front."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from mcpgw.cli.bridging.running import run_bridge
from mcpgw.config import base_environment

PATH = "/ws/team"
TOKEN = "mgwu_token"
SESSION = "session-1"
LIMIT = 1 << 20

NODE_BRIDGE = Path(__file__).parents[3] / "mcpgw" / "web" / "bridge" / "bridge.mjs"
"""What npx starts."""

Do = Callable[[web.BaseRequest, Any], Awaitable[web.StreamResponse]]
"""What the gateway does with a request and its message."""


@dataclass(frozen=True)
class Seen:
    """One request, as it came. `kind` is the method of its message, else the verb."""

    kind: str
    headers: dict[str, str]
    message: Any


@dataclass
class FakeGateway:
    """Serves legacy sessions and modern requests; `does` says what is done otherwise, by kind."""

    does: dict[str, Do] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    _runner: web.ServerRunner | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    async def start(self) -> None:
        runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True), shutdown_timeout=0.01
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()
        self._runner, self.port = runner, runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def of(self, kind: str) -> list[Seen]:
        """Return what came of that kind."""
        return [one for one in self.seen if one.kind == kind]

    async def met(self, kind: str, count: int = 1) -> Seen:
        """Wait until that many came, and return the last of them."""
        while len(self.of(kind)) < count:
            self._news.clear()
            await self._news.wait()
        return self.of(kind)[count - 1]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        message = json.loads(body) if body else None
        kind = request.method
        if isinstance(message, dict):
            kind = message.get("method", "response")
        assert request.path == PATH
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.seen.append(Seen(kind, {k.lower(): v for k, v in request.headers.items()}, message))
        self._news.set()
        return await self.does.get(kind, usual)(request, message)


async def usual(request: web.BaseRequest, message: Any) -> web.StreamResponse:
    """Answer as a gateway without any peculiarity."""
    if request.method != "POST":
        return web.Response(status=405 if request.method == "GET" else 204)
    if "id" not in message or "method" not in message:
        return web.Response(status=202)
    if message["method"] == "initialize":
        version = message["params"]["protocolVersion"]
        answer = result(message, {"protocolVersion": version, "capabilities": {}})
        return web.json_response(answer, headers={"Mcp-Session-Id": SESSION})
    return web.json_response(result(message, {"echo": message.get("params")}))


def result(message: Any, value: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message["id"], "result": value}


def error(message: Any, code: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message["id"], "error": {"code": code, "message": "no"}}


def note(method: str = "notifications/progress") -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": {}}


def in_turn(*todo: Do) -> Do:
    """Do one after the other, the last for ever."""
    left = list(todo)

    async def do(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request, message)

    return do


def says(value: Any, status: int = 200, **headers: str) -> Do:
    """Answer with JSON; a function makes it from the request's message."""

    async def do(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        said = value(message) if callable(value) else value
        if isinstance(said, bytes):
            return web.Response(body=said, status=status, headers=headers)
        return web.json_response(said, status=status, headers=headers)

    return do


def streams(
    frames: Callable[[Any], Iterable[Any]],
    *,
    is_cut: bool = False,
    until: asyncio.Event | None = None,
) -> Do:
    """Answer with events made from the request's message: bytes are whole frames.

    The connection is then cut, or kept until an event.
    """

    async def do(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for frame in frames(message):
            raw = frame if isinstance(frame, bytes) else b"data: %b\n\n" % dumped(frame)
            await response.write(raw)
        if until is not None:
            await until.wait()
        if is_cut:
            assert request.transport is not None
            request.transport.abort()
        return response

    return do


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def event(event_id: str, value: Any = None) -> bytes:
    """Return a frame with an id; without a value it primes the stream."""
    data = b"" if value is None else dumped(value)
    return b"id: %b\nretry: 10\ndata: %b\n\n" % (event_id.encode(), data)


@asynccontextmanager
async def serving(**does: Do) -> AsyncIterator[FakeGateway]:
    gateway = FakeGateway(dict(does))
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


@dataclass
class Client:
    """What starts a bridge: our ends of its pipes. `bridge` runs until `close`."""

    writing: int
    reader: asyncio.StreamReader
    bridge: asyncio.Task[None]
    is_open: bool = True

    def send(self, *lines: Any) -> None:
        """Write lines at once: the bridge's thread reads all of them, or none."""
        raw = (line if isinstance(line, bytes) else dumped(line) for line in lines)
        os.write(self.writing, b"".join(line + b"\n" for line in raw))

    async def receive(self) -> Any:
        """Return the next line, decoded."""
        return json.loads(await self.receive_raw())

    async def receive_raw(self) -> bytes:
        line = await self.reader.readline()
        assert line.endswith(b"\n"), "the bridge has ended"
        return line[:-1]

    async def ask(self, line: Any) -> Any:
        self.send(line)
        return await self.receive()

    async def open(self, version: str = "2025-11-25") -> None:
        """Shake hands as a legacy client."""
        self.send(initialize(version))
        assert (await self.receive())["id"] == "init"
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def hang_up(self) -> None:
        if self.is_open:
            self.is_open = False
            os.close(self.writing)

    async def close(self) -> list[bytes]:
        """End its input; return what the bridge still wrote."""
        self.hang_up()
        rest = await self.reader.read()
        await self.bridge
        return rest.splitlines()


async def run_python(url: str, limit: int, source: int, sink: int) -> None:
    await run_bridge(url, TOKEN, limit, source=source, sink=sink)


async def run_node(url: str, limit: int, source: int, sink: int) -> None:
    environment = {"MCPGW_TOKEN": TOKEN, "MCPGW_MAX_MESSAGE": str(limit), **base_environment()}
    process = await asyncio.create_subprocess_exec(
        "node", str(NODE_BRIDGE), url, stdin=source, stdout=sink, env=environment
    )
    try:
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


RUN = {"python": run_python, "node": run_node}

kind = "python"
"""Which bridge runs: conftest.py sets it for each test."""


@asynccontextmanager
async def bridged(url: str, limit: int = LIMIT) -> AsyncIterator[Client]:
    """Run the bridge of `kind` between pipes."""
    loop = asyncio.get_running_loop()
    source, writing = os.pipe()
    reading, sink = os.pipe()
    reader = asyncio.StreamReader(limit=1 << 26)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0)
    )

    async def run() -> None:
        try:
            await RUN[kind](url, limit, source, sink)
        finally:
            os.close(sink)

    client = Client(writing, reader, loop.create_task(run()))
    try:
        yield client
    finally:
        client.hang_up()
        try:
            await client.bridge
        finally:
            transport.close()
            os.close(source)


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def modern(request_id: Any, method: str, **params: Any) -> dict[str, Any]:
    members = {**params, "_meta": META}
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": members}


def legacy(request_id: Any, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def initialize(version: str = "2025-11-25") -> dict[str, Any]:
    return legacy("init", "initialize", protocolVersion=version, capabilities={"roots": {}})


def cancelled(request_id: Any) -> dict[str, Any]:
    params = {"requestId": request_id}
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
