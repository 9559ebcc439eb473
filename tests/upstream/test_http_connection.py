"""HTTP/1.1 as peers speak it, cut anywhere, right or wrong: one request on one connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from mcpgw.errors import UpstreamError, UpstreamTimeout
from mcpgw.upstream import http_connection
from mcpgw.upstream.http_connection import MAX_HEAD_BYTES, HttpConnection
from mcpgw.upstream.http_response import Response
from tests.peers.raw_http import RawHttp, Request, Script
from tests.process import until

LIMIT = 1000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


class Line:
    """A connection to a scripted peer, and what it reported."""

    def __init__(self, connection: HttpConnection, peer: RawHttp) -> None:
        self.connection = connection
        self.peer = peer

    async def get(self, timeout_s: float = 5.0) -> Response:
        deadline = asyncio.get_running_loop().time() + timeout_s
        return await self.connection.send(b"GET / HTTP/1.1\r\n\r\n", deadline)

    async def closed(self) -> None:
        await self.peer.all_closed()


@asynccontextmanager
async def connected(script: Script, freed: list[object] | None = None) -> AsyncIterator[Line]:
    """Connect to a peer that follows `script`; `freed` collects the times it came free."""
    free: Callable[[HttpConnection], None] = ([] if freed is None else freed).append
    async with RawHttp(script) as peer:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: HttpConnection("web", LIMIT, free, lambda _: None), "127.0.0.1", peer.port
        )
        yield Line(connection, peer)
        if connection.is_open:
            connection.abort()


def writes(*parts: bytes, then: str = "") -> Script:
    """Return a script that writes the parts apart, then closes or resets."""

    async def script(request: Request) -> None:
        for part in parts:
            request.write(part)
            await asyncio.sleep(0.005)
        if then:
            getattr(request, then)()

    return script


async def never(request: Request) -> None:
    pass


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (OK, 200, b"hi"),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202, b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (
            b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"1\r\nh\r\n1;x=y\r\ni\r\n0\r\nT: 1\r\n\r\n",
            200,
            b"hi",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK, 200, b"hi"),
        (
            b"HTTP/1.1 404 No\r\nContent-Type: text/event-stream\r\nContent-Length: 1\r\n\r\nx",
            404,
            b"x",
        ),
    ],
)
async def test_an_answer_is_read_however_it_is_cut(
    answer: bytes, status: int, body: bytes, step: int
) -> None:
    freed: list[object] = []

    async def script(request: Request) -> None:
        for start in range(0, len(answer), step):
            request.write(answer[start : start + step])
            await asyncio.sleep(0)

    async with connected(script, freed) as line:
        for count in (1, 2):
            response = await line.get()
            assert (response.status, response.body) == (status, body)
            assert not response.is_stream
            assert len(freed) == count
        assert line.peer.connections == 1


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 200 OK\r\n\r\nh", b"i"),
        (b"HTTP/1.0 200 OK\r\n\r\nhi",),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi",),
    ],
)
async def test_without_a_length_the_connection_ends_the_body(parts: tuple[bytes, ...]) -> None:
    freed: list[object] = []
    async with connected(writes(*parts, then="close"), freed) as line:
        assert (await line.get()).body == b"hi"
    assert freed == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        OK + b"garbage",
    ],
)
async def test_a_connection_in_doubt_is_not_used_again(answer: bytes) -> None:
    freed: list[object] = []
    async with connected(writes(answer), freed) as line:
        try:
            assert (await line.get()).body == b"hi"
        except UpstreamError:
            assert answer.endswith(b"garbage")
        await line.closed()
    assert freed == []


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (writes(then="close"), "closed the connection without an answer"),
        (writes(then="reset"), "reset the connection|without an answer"),
        (writes(b"HTTP/1.1 200 OK\r\nContent-Len", then="close"), "without an answer"),
        (writes(OK[:-1], then="close"), "in the middle of its answer"),
        (writes(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"5\r\nhi", then="close"), "in the middle"),
        (writes(b"SSH-2.0-OpenSSH_9\r\n"), "no HTTP"),
        (writes(b"\x15\x03\x01\x00\x02\x02"), "no HTTP"),
        (writes(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"zz\r\n"), "no HTTP"),
        (writes(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), "no HTTP"),
        (writes(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" + CHUNKED), "no HTTP"),
        (writes(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), "no HTTP"),
        (writes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), "transfer encoding"),
        (writes(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"), "compressed"),
        (writes(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 6000), "headers of more than"),
        (writes(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 40_000), "headers of more than"),
        (writes(*[b"HTTP/1.1 103 Hints\r\nA: b\r\n\r\n" * 1500] * 2), "headers of more than"),
        (
            writes(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001),
            "more than 1000",
        ),
        (writes(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 600] * 2), "more than 1000"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_broken_answer_is_an_error_and_closes(script: Script, words: str) -> None:
    freed: list[object] = []
    async with connected(script, freed) as line:
        with pytest.raises(UpstreamError, match=f"server 'web' .*({words})"):
            await line.get()
        await line.closed()
        assert not line.connection.is_open
    assert freed == []


async def test_the_largest_head_and_body_pass() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nA: "
    head += b"b" * (MAX_HEAD_BYTES - len(head) - 4) + b"\r\n\r\n"
    async with connected(writes(head + b"x" * LIMIT)) as line:
        assert (await line.get()).body == b"x" * LIMIT


async def test_few_headers_matter() -> None:
    answer = OK.replace(
        b"\r\n\r\n", b"\r\nmcp-SESSION-id: s1\r\nKeep-Alive: max=9, timeout=5\r\n\r\n"
    )
    answer = answer.replace(b"OK\r\n", b"OK\r\nContent-Encoding: identity\r\nSet-Cookie: a=b\r\n")
    async with connected(writes(answer)) as line:
        assert (await line.get()).session_id == "s1"
        assert line.connection.keep_alive_s == 4.0


async def test_a_timeout_closes_the_connection() -> None:
    async with connected(never) as line:
        with pytest.raises(UpstreamTimeout):
            await line.get(timeout_s=0.02)
        await line.closed()


async def test_cancelling_closes_the_connection() -> None:
    async with connected(never) as line:
        call = asyncio.ensure_future(line.get())
        await asyncio.sleep(0.02)
        call.cancel()
        await asyncio.wait([call])
        assert call.cancelled()
        await line.closed()


async def test_a_connection_that_its_peer_is_closing_is_known_at_once() -> None:
    async with connected(writes(OK)) as line:
        await line.get()
        line.connection.eof_received()
        assert not line.connection.is_open


async def test_an_idle_connection_that_speaks_is_closed() -> None:
    async with connected(writes(OK, OK)) as line:
        await line.get()
        await line.closed()
        assert not line.connection.is_open


async def test_a_stream_begins_before_it_ends() -> None:
    freed: list[object] = []
    gate = asyncio.Event()

    async def script(request: Request) -> None:
        request.begin_stream()
        await gate.wait()
        request.chunk(b"one")
        request.end_stream()

    async with connected(script, freed) as line:
        response = await line.get()
        assert response.is_stream
        gate.set()
        assert [await response.read(), await response.read()] == [b"one", b""]
        assert len(freed) == 1


async def test_a_stream_without_chunks_ends_with_the_connection() -> None:
    async with connected(writes(STREAM + b"\r\ndata: 1\n\n", then="close")) as line:
        response = await line.get()
        assert [await response.read(), await response.read()] == [b"data: 1\n\n", b""]


@pytest.mark.parametrize("then", ["close", "reset"])
async def test_a_stream_that_breaks_off_is_an_error(then: str) -> None:
    async with connected(writes(STREAM + CHUNKED + b"3\r\none\r\n", then=then)) as line:
        response = await line.get()
        with pytest.raises(UpstreamError):
            while await response.read():
                pass


async def test_a_stream_has_to_end_in_time() -> None:
    async with connected(writes(STREAM + CHUNKED)) as line:
        response = await line.get(timeout_s=0.05)
        with pytest.raises(UpstreamTimeout):
            await response.read()
        await line.closed()


async def test_an_unread_stream_holds_its_peer_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "MAX_BUFFERED_BYTES", 1000)
    sent = 0

    async def script(request: Request) -> None:
        nonlocal sent
        request.begin_stream()
        for _ in range(300):
            request.chunk(b"x" * 100_000)
            await request.writer.drain()
            sent += 100_000
        request.end_stream()

    freed: list[object] = []
    async with connected(script, freed) as line:
        response = await line.get()
        while True:
            before = sent
            await asyncio.sleep(0.05)
            if sent == before:
                break
        assert sent < 20_000_000
        received = 0
        while piece := await response.read():
            received += len(piece)
        assert received == 30_000_000
        assert len(freed) == 1


async def test_a_closed_stream_that_ends_soon_keeps_its_connection() -> None:
    freed: list[object] = []
    gate = asyncio.Event()

    async def script(request: Request) -> None:
        if len(line.peer.requests) > 1:
            request.answer(200, b"next")
            return
        request.begin_stream()
        await gate.wait()
        for _ in range(10):
            request.chunk(b"x" * 100_000)
            await request.writer.drain()
        request.end_stream()

    async with connected(script, freed) as line:
        response = await line.get()
        response.close()
        gate.set()
        await until(lambda: bool(freed))
        assert (await line.get()).body == b"next"


async def test_a_closed_stream_that_goes_on_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "DRAIN_S", 0.02)
    async with connected(writes(STREAM + CHUNKED)) as line:
        response = await line.get()
        response.close()
        await line.closed()
        assert not line.connection.is_open
