"""Malformed frames by the thousand, at every transport: refused, and served on as if nothing was.

Each frame is a good one, damaged: bytes changed, parts of its JSON exchanged, cut off, or nothing
but noise. No answer is a failure of ours or shows a token, nothing crashes, nothing is left behind.
"""

import base64
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, BinaryIO

import psutil  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.e2e.conftest import PEERS, Box, Served
from tests.web.conftest import META, modern_body, modern_headers

FEW, MANY = 150, 10_000
BATCH = 50
"""Frames between two good calls."""

SAY = {"name": "garbage__say", "arguments": {}}
LEGACY = {"protocolVersion": "2025-11-25", "capabilities": {}}
GOOD: list[dict[str, Any]] = [
    modern_body("tools/call", name="garbage__say", arguments={}),
    modern_body("tools/list"),
    modern_body("server/discover"),
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": SAY},
    {"jsonrpc": "2.0", "id": "a", "method": "tools/list", "params": {"_meta": META}},
    {"jsonrpc": "2.0", "id": 2, "method": "initialize", "params": LEGACY},
    {"jsonrpc": "2.0", "id": 3, "method": "ping"},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
    {"jsonrpc": "2.0", "id": 4, "result": {"content": []}},
    {"jsonrpc": "2.0", "id": 5, "error": {"code": -1, "message": "no"}},
]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["2.0", "tools/call", "initialize", "2026-07-28", "garbage__say", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


def places(value: object) -> Iterator[tuple[Any, Any]]:
    """Return every place in a JSON value, as a container and a key."""
    items = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]
    for key, item in items:
        yield value, key
        if isinstance(item, dict | list):
            yield from places(item)


@st.composite
def reshaped(draw: st.DrawFn) -> bytes:
    """Return a good message with parts of it exchanged, removed or repeated."""
    message = json.loads(json.dumps(draw(st.sampled_from(GOOD))))
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(message))
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        if draw(st.booleans()):
            container[key] = draw(values)
        else:
            del container[key]
    return json.dumps(draw(st.sampled_from([message, [message, message]]))).encode()


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Return bytes of which some were changed, removed, added, or which end too soon."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 3))
        data[start:end] = draw(st.binary(max_size=4) | st.sampled_from(NASTY))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


NASTY = [b"\r\n", b"\n", b"\0", b'"', b"\\u0000", b"{", b"]", b"\xff", b"1e999", b"\r\n\r\n", b":"]

good_messages = st.sampled_from([json.dumps(one).encode() for one in GOOD])
frames = reshaped() | damaged(good_messages) | st.binary(max_size=200)


@dataclass
class Target:
    """A gateway under fire."""

    served: Served
    token: str
    log: Callable[[], str]

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.served.url.removeprefix("http://").partition(":")
        return host, int(port)

    def check(self, answer: bytes, status: int) -> None:
        """Make sure that an answer is no failure of ours, and tells nothing."""
        assert status < 500 or status == 505, (status, answer[:300])
        assert self.token.encode() not in answer
        assert b"Traceback" not in answer
        assert b"aiohttp" not in answer

    def call(self) -> None:
        """Make a good call, and insist on its success."""
        with modern(self) as post:
            answer = post(json.dumps(GOOD[0]).encode())
        assert b'"text":"said"' in answer.replace(b" ", b""), answer[:300]


class Poster:
    """Sends bodies over a connection that is kept as long as the gateway likes it."""

    def __init__(self, target: Target, path: str, headers: dict[str, str]) -> None:
        self._target = target
        self._path = path
        self._headers = headers | {"Authorization": f"Bearer {target.token}"}
        self._connection = HTTPConnection(*target.address, timeout=20)
        self.status = 0
        self.answered: dict[str, str] = {}

    def __call__(self, body: bytes) -> bytes:
        """Send one, check what comes back, and return it."""
        try:
            answer = self._exchange(body)
        except (HTTPException, ConnectionError):  # It was closed in the very moment.
            self._connection.close()
            answer = self._exchange(body)
        self._target.check(answer, self.status)
        return answer

    def _exchange(self, body: bytes) -> bytes:
        self._connection.request("POST", self._path, body, self._headers)
        with self._connection.getresponse() as response:
            self.status = response.status
            self.answered = dict(response.getheaders())
            return response.read()

    def close(self) -> None:
        self._connection.close()


Send = Callable[[bytes], bytes]


@contextmanager
def modern(target: Target) -> Iterator[Send]:
    with closing(Poster(target, "/ws/demo", modern_headers("tools/call", "garbage__say"))) as post:
        yield post


@contextmanager
def legacy(target: Target) -> Iterator[Send]:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    with closing(Poster(target, "/ws/demo", headers)) as opener:
        opener(json.dumps(GOOD[5]).encode())
        headers["Mcp-Session-Id"] = opener.answered["Mcp-Session-Id"]
    with closing(Poster(target, "/ws/demo", headers)) as post:
        yield post


@contextmanager
def event_stream(target: Target) -> Iterator[Send]:
    """POST to the transport HTTP+SSE, while somebody reads its stream."""
    head = f"GET /ws/demo/sse HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {target.token}\r\n\r\n"
    with socket.create_connection(target.address) as connection, connection.makefile("rb") as file:
        connection.sendall(head.encode())
        line = next(line for line in file if line.startswith(b"data: /ws/demo/messages?"))
        path = line.decode().removeprefix("data: ").strip()
        reader = threading.Thread(target=_read_on, args=(target, file))
        reader.start()
        try:
            with closing(Poster(target, path, {"Content-Type": "application/json"})) as post:
                post(json.dumps(GOOD[5]).encode())
                yield post
            assert reader.is_alive()
        finally:
            connection.shutdown(socket.SHUT_RDWR)
            reader.join()


def _read_on(target: Target, file: BinaryIO) -> None:
    for line in file:
        assert target.token.encode() not in line


@contextmanager
def stdio(target: Target) -> Iterator[Send]:
    """Let a child process write the frame before its answer."""
    with closing(Poster(target, "/ws/demo", modern_headers("tools/call", "garbage__say"))) as post:

        def send(frame: bytes) -> bytes:
            arguments = {"bytes": base64.b64encode(frame + b"\n").decode()}
            body = modern_body("tools/call", name="garbage__say", arguments=arguments)
            return post(json.dumps(body).encode())

        yield send


@contextmanager
def raw(target: Target) -> Iterator[Send]:
    def send(frame: bytes) -> bytes:
        with socket.create_connection(target.address, timeout=0.3) as connection:
            connection.sendall(frame.replace(b"TOKEN", target.token.encode()))
            answer = b""
            try:
                while chunk := connection.recv(1 << 16):
                    answer += chunk
                    if b"\r\n\r\n" in answer and b"Connection: close" not in answer:
                        break  # It waits for the next request: that is enough.
            except TimeoutError:
                pass  # Half a request is waited for.
            except ConnectionError:
                pass  # It was not worth an answer.
        if answer:
            target.check(answer, int(answer[9:12]))
        return answer

    yield send


HEAD = "POST /ws/demo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer TOKEN\r\n"
HEAD += "".join(f"{k}: {v}\r\n" for k, v in modern_headers("tools/list").items())
IN_CHUNKS = "Transfer-Encoding: chunked\r\n\r\n"
LISTING = json.dumps(GOOD[1])
good_requests = st.sampled_from(
    [
        f"{HEAD}Content-Length: {len(LISTING)}\r\n\r\n{LISTING}".encode(),
        f"{HEAD}{IN_CHUNKS}{len(LISTING):x}\r\n{LISTING}\r\n0\r\n\r\n".encode(),
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /ws/demo/sse HTTP/1.1\r\nHost: localhost\r\nX-API-Key: TOKEN\r\n\r\n",
    ]
)
TRANSPORTS: dict[str, tuple[Any, st.SearchStrategy[bytes]]] = {
    "Streamable HTTP, modern": (modern, frames),
    "Streamable HTTP, legacy": (legacy, frames),
    "HTTP+SSE": (event_stream, frames),
    "HTTP/1.1": (raw, damaged(good_requests) | st.binary(max_size=300)),
    "stdio": (stdio, frames),
}


@pytest.fixture(scope="module")
def target(shared_box: Box) -> Iterator[Target]:
    garbage = (sys.executable, str(PEERS / "stdio_garbage.py"))
    shared_box.run("server", "add", "garbage", "--", *garbage)
    shared_box.environment["MCPGW_MAX_AUTH_FAILURES"] = "1000000"
    token = shared_box.token()
    log = shared_box.home / "serve.log"
    with shared_box.serving() as served:
        yield Target(served, token, log.read_text)


def hammer(target: Target, transport: str, count: int) -> None:
    """Send that many frames, with good calls in between, and print what it cost."""
    opened, strategy = TRANSPORTS[transport]
    process = psutil.Process(target.served.process.pid)
    target.call()
    files, memory_mb, begun_at = process.num_fds(), process.memory_info().rss / 1e6, time.time()  # noqa: TID251
    sent = 0
    with opened(target) as send:

        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def one(frame: bytes) -> None:
            nonlocal sent
            send(frame)
            sent += 1
            if sent % BATCH == 0:
                target.call()

        one()
    target.call()
    grown_mb = process.memory_info().rss / 1e6 - memory_mb
    log = target.log()
    print(  # noqa: T201  (the figures are what it is for)
        f"\n{transport}: {sent} frames in {time.time() - begun_at:.0f} s;"  # noqa: TID251
        f" memory {grown_mb:+.1f} MB, files {process.num_fds() - files:+d}"
    )
    assert sent >= count * 0.9
    assert grown_mb < 100
    assert process.num_fds() - files < 20
    assert target.token not in log
    assert "Traceback" not in log
    assert "internal error" not in log
    assert "connection failed" not in log


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_some(target: Target, transport: str) -> None:
    hammer(target, transport, FEW)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_ten_thousand(target: Target, transport: str) -> None:
    hammer(target, transport, MANY)
