"""The door of the real command: a token that is good at it, raw requests, and what got through."""

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import PEERS, Box, Served, free_port
from tests.web.conftest import modern_body, modern_headers

PUBLIC = "https://gw.example.com"

BODY = json.dumps(modern_body("tools/call", name="annotated__get_thing", arguments={})).encode()


STATUS = re.compile(rb"HTTP/[0-9]\.[0-9] ([0-9]{3}) ")


@dataclass
class Door:
    """The gateway, a token that is good at it, and what its server was called for."""

    served: Served
    port: int
    token: str
    called: Path

    @property
    def calls(self) -> int:
        """How many calls have reached the server."""
        return len(self.called.read_text().splitlines()) if self.called.exists() else 0

    def request(
        self, target: str = "/ws/demo", *headers: str, method: str = "POST", host: str | None = None
    ) -> bytes:
        """Return a whole request that would be served, but for what is given here."""
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [] if host == "" else [f"Host: {host or f'127.0.0.1:{self.port}'}"]
        lines += [f"Authorization: Bearer {self.token}"]
        call = modern_headers("tools/call", "annotated__get_thing")
        lines += [f"{name}: {value}" for name, value in call.items()]
        body = BODY if method == "POST" else b""
        lines += [*headers, f"Content-Length: {len(body)}"]
        return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape") + body

    async def send(self, data: bytes) -> list[int]:
        """Send bytes, and return the status of each answer up to the end, or up to a silence."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            answer = await _read(reader)
        finally:
            writer.close()
        assert b"Traceback" not in answer
        assert b"aiohttp" not in answer
        assert self.token.encode() not in answer
        return [int(status) for status in STATUS.findall(answer)]

    async def status(self, data: bytes) -> int:
        """Send a request, and return its status as soon as it comes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            line = await asyncio.wait_for(reader.readline(), 10)
        finally:
            writer.close()
        return int(line.split(b" ")[1])


async def _read(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    try:
        while chunk := await asyncio.wait_for(reader.read(1 << 16), 0.4):
            answer += chunk
    except (TimeoutError, ConnectionError):
        pass
    return answer


@pytest.fixture(scope="module")
def door(shared_box: Box) -> Iterator[Door]:
    called = shared_box.home / "called"
    annotated = (sys.executable, str(PEERS / "stdio_annotated.py"), str(called))
    shared_box.run("server", "add", "annotated", "--", *annotated)
    token = shared_box.token()
    port = free_port()
    options = ("--port", str(port), "--public-url", PUBLIC)
    shared_box.environment["MCPGW_MAX_AUTH_FAILURES"] = "1000000"
    with shared_box.serving(*options, url=f"http://127.0.0.1:{port}") as served:
        yield Door(served, port, token, called)
    log = (shared_box.home / "serve.log").read_text()
    assert token not in log
    assert "Traceback" not in log
    assert "internal error" not in log
