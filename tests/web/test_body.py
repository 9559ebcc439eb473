"""A body is JSON, within its size and in time, or its sender is told what was wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from mcpgw.web import body
from mcpgw.web.body import read_body
from mcpgw.web.errors import error_response
from mcpgw.web.refusal import Refused
from tests.web.conftest import receiving

MAX_BYTES = 100

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Talk:
    """A client that sends bytes as it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *pieces: bytes) -> None:
        """Send each piece by itself."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(0.01)

    async def hear(self) -> tuple[int, bytes]:
        """Return status and body of the next answer."""
        async with asyncio.timeout(5):
            head = await self._reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ")[1])
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            return status, await self._reader.readexactly(int(length or 0))

    async def is_ended(self) -> bool:
        """Say whether the server closes."""
        async with asyncio.timeout(10):
            return not await self._reader.read()


@asynccontextmanager
async def talking() -> AsyncIterator[Talk]:
    """Talk to a server that repeats bodies."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return web.Response(body=b"got " + await read_body(request, MAX_BYTES))
        except Refused as error:
            response = error_response(error)
            response.force_close()
            return response

    async with receiving(handle) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        yield Talk(reader, writer)
        writer.close()


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"Content-Length: 4\r\n\r\nbody",),
        (HEAD + b"Content-Length: 4\r\n\r\n", b"bo", b"dy"),
        (CHUNKED + b"4\r\nbody\r\n0\r\n\r\n",),
        (CHUNKED, b"2\r\nbo", b"\r\n2\r\ndy\r\n", b"0\r\n\r\n"),
    ],
)
async def test_whole_or_in_pieces(pieces: tuple[bytes, ...]) -> None:
    async with talking() as talk:
        await talk.send(*pieces)
        assert await talk.hear() == (200, b"got body")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (b"application/json", 200),
        (b"application/json; charset=utf-8", 200),
        (b"Application/JSON", 200),
        (b"application/jsonx", 415),
        (b"text/plain", 415),
        (b"application/x-www-form-urlencoded", 415),
        (b"multipart/form-data; boundary=application/json", 415),
        (b"text/plain; application/json", 415),
        (b"", 415),
    ],
)
async def test_it_is_json_by_its_own_word(content_type: bytes, status: int) -> None:
    head = HEAD.replace(b"application/json", content_type)
    async with talking() as talk:
        await talk.send(head + b"Content-Length: 2\r\n\r\n{}")
        assert (await talk.hear())[0] == status


async def test_without_a_type_it_is_nothing() -> None:
    async with talking() as talk:
        await talk.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
        assert (await talk.hear())[0] == 415


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"Content-Length: 101\r\n\r\n" + b"x" * 101,),
        (HEAD + b"Content-Length: 99999999999\r\n\r\n",),
        (CHUNKED, b"ff\r\n" + b"x" * 255),
        (CHUNKED + b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n",),
        (CHUNKED, b"60\r\n" + b"x" * 96 + b"\r\n", b"5\r\nxxxxx\r\n0\r\n\r\n"),
    ],
)
async def test_a_body_too_large(pieces: tuple[bytes, ...]) -> None:
    async with talking() as talk:
        await talk.send(*pieces)
        assert (await talk.hear())[0] == 413


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-1\r\n", b"5\nhello", b"3\r\nabcd"])
async def test_a_malformed_body_is_refused_at_once(chunk: bytes) -> None:
    async with talking() as talk:
        await talk.send(CHUNKED, b"2\r\nbo\r\n", chunk)
        assert (await talk.hear())[0] == 400
        assert await talk.is_ended()


async def test_a_body_that_trickles_in_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_TIME_S", 0.1)
    async with talking() as talk:
        await talk.send(HEAD + b"Content-Length: 99\r\n\r\n", *([b"x"] * 30))
        assert (await talk.hear())[0] == 408


async def test_who_keeps_pace_gets_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 100 bytes a second the last of 60 bytes may come after more than half a second."""
    monkeypatch.setattr(body, "BODY_TIME_S", 0.3)
    monkeypatch.setattr(body, "BYTES_PER_S", 100)
    async with talking() as talk:
        await talk.send(HEAD + b"Content-Length: 60\r\n\r\n" + b"x" * 40)
        await asyncio.sleep(0.5)
        await talk.send(b"x" * 20)
        assert (await talk.hear())[0] == 200


async def test_who_asks_first_is_told_to_go_on() -> None:
    head = HEAD + b"Expect: 100-continue\r\n"
    async with talking() as talk:
        await talk.send(head + b"Content-Length: 4\r\n\r\n")
        assert await talk.hear() == (100, b"")
        await talk.send(b"body")
        assert await talk.hear() == (200, b"got body")
        await talk.send(head + b"Content-Length: 400\r\n\r\n")
        assert (await talk.hear())[0] == 413
