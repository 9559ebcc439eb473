"""An HTTP server for tests that writes raw bytes: whatever a script says, however wrong.

`RawHttp` serves any script; `RawMcp` on top of it is a small MCP server of one era, without any
SDK, whose `tools/call` is a script again.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

MODERN, LEGACY = "2026-07-28", "2025-11-25"


@dataclass
class Request:
    """What came, and the way to answer it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    writer: asyncio.StreamWriter
    raw_head: bytes = b""
    message: Any = None

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def answer(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        lines = {"Content-Length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.write(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body)

    def answer_json(
        self, message: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        body = json.dumps(message).encode()
        self.answer(status, body, {"Content-Type": "application/json", **(headers or {})})

    def result(self, result: object) -> None:
        self.answer_json({"jsonrpc": "2.0", "id": self.message["id"], "result": result})

    def error(self, code: int, status: int = 200, data: object = None) -> None:
        error = {"code": code, "message": "no", "data": data}
        self.answer_json({"jsonrpc": "2.0", "id": self.message["id"], "error": error}, status)

    def say(self, text: str) -> None:
        self.result({"content": [{"type": "text", "text": text}], "isError": False})

    def begin_stream(self, headers: Mapping[str, str] | None = None) -> None:
        lines = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
        head = "".join(
            f"{name}: {value}\r\n" for name, value in {**lines, **(headers or {})}.items()
        )
        self.write(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode())

    def chunk(self, data: bytes) -> None:
        self.write(b"%x\r\n%b\r\n" % (len(data), data))

    def event(self, message: object) -> None:
        self.chunk(b"event: message\r\ndata: " + json.dumps(message).encode() + b"\r\n\r\n")

    def end_stream(self) -> None:
        self.write(b"0\r\n\r\n")

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        self.writer.transport.abort()


Script = Callable[[Request], Awaitable[None]]


@dataclass
class RawHttp:
    """A server on a free port of loopback."""

    script: Script
    ssl: Any = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def port(self) -> int:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        assert isinstance(port, int)
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def open_connections(self) -> int:
        return len(self._writers)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.ssl)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.drop_all()
        await self.all_closed()

    async def all_closed(self) -> None:
        """Wait until no connection is left."""
        while self._writers:  # noqa: ASYNC110  (the test's own timeout is the limit)
            await asyncio.sleep(0.005)

    def drop_all(self) -> None:
        """Close every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                request = await self._read(reader, writer)
                self.requests.append(request)
                await self.script(request)
                await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().strip().split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = first.split(" ")
        request = Request(method, path, headers, body, writer, head)
        if body:
            request.message = json.loads(body)
        return request


class RawMcp(RawHttp):
    """A Streamable HTTP server of one era, or `dual`. Legacy sessions are kept, with what their
    clients can be asked for in `offered`."""

    def __init__(self, era: str, on_call: Script, on_probe: Script | None = None) -> None:
        super().__init__(self._dispatch)
        self.era = era
        self.on_call = on_call
        self.on_probe = on_probe
        self.version = LEGACY
        self.capabilities: dict[str, Any] = {"tools": {}}
        self.sessions: list[str] = []
        self.ended: list[str] = []
        self.told: list[Any] = []
        self.offered: list[Any] = []

    def forget_sessions(self) -> None:
        """Do as after a restart."""
        self.sessions.clear()

    async def _dispatch(self, request: Request) -> None:
        session = request.headers.get("mcp-session-id", "")
        if request.method == "DELETE":
            self.ended.append(session)
            request.answer(200)
            return
        if request.method == "GET":
            request.answer(405)
            return
        method = request.message.get("method")
        is_modern = self.era == "modern" or (self.era == "dual" and "mcp-method" in request.headers)
        if method == "server/discover" and self.on_probe is not None:
            await self.on_probe(request)
        elif method == "server/discover" and is_modern:
            self._discover(request)
        elif method == "initialize" and self.era in ("legacy", "dual"):
            self._initialize(request)
        elif not is_modern and session not in self.sessions:
            if session:
                request.answer(404)
            else:
                request.error(-32600, 400)
        elif "id" not in request.message or method is None:
            self.told.append(request.message)
            request.answer(202)
        elif method == "tools/call":
            await self.on_call(request)
        else:
            request.error(-32601, 404 if is_modern else 200)

    def _discover(self, request: Request) -> None:
        request.result(
            {
                "supportedVersions": [MODERN],
                "capabilities": self.capabilities,
                "instructions": "say something",
                "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "raw", "version": "1"}},
            }
        )

    def _initialize(self, request: Request) -> None:
        self.sessions.append(f"session-{len(self.sessions)}-{self.connections}")
        self.offered.append(request.message["params"]["capabilities"])
        result = {
            "protocolVersion": self.version,
            "capabilities": self.capabilities,
            "instructions": "say something",
            "serverInfo": {"name": "raw", "version": "1"},
        }
        message = {"jsonrpc": "2.0", "id": request.message["id"], "result": result}
        request.answer_json(message, headers={"Mcp-Session-Id": self.sessions[-1]})
