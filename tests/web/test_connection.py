"""Malformed HTTP is answered without a word of it, in the body and in the log."""

import asyncio
import io
import logging
import socket
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import msgspec
import pytest
from aiohttp import web

from mcpgw.model.configuration import Configuration
from mcpgw.model.token import OPERATOR, Role
from mcpgw.web import connection as connections
from mcpgw.web.app import serving
from mcpgw.web.clients import Clients
from tests.process import until
from tests.web.conftest import (
    Client,
    listening,
    modern_body,
    modern_headers,
    receiving,
)
from tests.world import World

CANARY = "mgwu_CANARYCANARY"

MALFORMED = [
    b"GET /ws/demo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + b"%s\x01\r\n\r\n",
    b"GET /ws/demo HTTP/1.1\r\nHost: localhost\r\nX: " + b"%s" * 1000 + b"\r\n\r\n",
    b"GET /ws/demo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %s\r\n\r\n",
    b"%s / HTTP/1.1\r\n\r\n",
    b"GET /%s HTTP/9.9\r\n\r\n",
    b"POST /ws/demo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Length: 3\r\nX: %s\r\n\r\n0\r\n\r\n",
    b"\x16\x03\x01\x02\x00%s\r\n\r\n",
]


@pytest.mark.parametrize("request_bytes", MALFORMED)
async def test_nothing_is_quoted(
    client: Client, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = client.url.removeprefix("http://").split(":")
    with caplog.at_level(logging.DEBUG):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request_bytes.replace(b"%s", CANARY.encode()))
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert answer.startswith(b"HTTP/1.")
    assert answer.split(b" ", 2)[1] in (b"400", b"431")
    assert CANARY.encode() not in answer
    assert b"aiohttp" not in answer
    assert CANARY not in caplog.text


async def test_a_body_larger_than_any_buffer_arrives_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes while the token is still looked at: reading pauses, and is resumed."""
    load = world.store.load

    async def load_slowly() -> Configuration:
        await asyncio.sleep(0.1)
        return await load()

    monkeypatch.setattr(world.store, "load", load_slowly)
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.DEVELOPER, None)
    await world.server("git", log="x")
    text = "x" * 3_000_000
    asked = modern_body("tools/call", name="git__log", arguments={"text": text})
    body = msgspec.json.encode(asked)
    headers = modern_headers("tools/call", "git__log") | {"X-API-Key": issued.text}
    async with (
        serving(world.gateway, listening(max_body_bytes=1 << 22)) as url,
        aiohttp.ClientSession() as http,
    ):
        for _ in range(3):
            world.store.change()
            async with http.post(
                f"{url}/ws/demo", data=io.BytesIO(body), headers=headers
            ) as response:
                assert len(await response.read()) > len(text)


async def test_it_serves_on_after_garbage(client: Client) -> None:
    host, port = client.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\0" * 100)
    writer.close()
    assert (await client.ask("GET", "/healthz")).status == 200


SMALL = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def deaf(port: int, *sent: bytes) -> socket.socket:
    """Connect with small buffers, send, and read nothing."""
    loop = asyncio.get_running_loop()
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await loop.sock_connect(connection, ("127.0.0.1", port))
    for piece in sent:
        await loop.sock_sendall(connection, piece)
    return connection


@dataclass
class Saying:
    """A handler that answers in aiohttp's own way, and counts how often."""

    size: int
    answered: int = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.answered += 1
        return web.Response(body=b"x" * self.size)


async def test_who_does_not_read_what_aiohttp_finishes_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "READING_TIME_S", 0.1)
    clients, saying = Clients(9, 9), Saying(20_000_000)
    async with receiving(saying, clients) as port:
        with await deaf(port, SMALL):
            await until(lambda: saying.answered == 1)
            await until(lambda: len(clients) == 0)


async def test_who_asks_and_asks_and_never_reads_fills_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Small answers too are waited for: no further request is taken of a client until it reads."""
    monkeypatch.setattr(connections, "READING_TIME_S", 0.3)
    clients, saying = Clients(9, 9), Saying(10_000)
    async with receiving(saying, clients) as port:
        with await deaf(port) as connection:
            flood = asyncio.get_running_loop().sock_sendall(connection, SMALL * 50_000)
            with suppress(OSError):
                await flood
            await until(lambda: len(clients) == 0)
    assert 0 < saying.answered < 5_000


async def test_the_last_that_was_written_is_waited_for_no_longer_than_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Less than what pauses writing waits in the connection when it is closed."""
    monkeypatch.setattr(connections, "READING_TIME_S", 0.2)
    waiting = 0

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal waiting
        transport = request.transport
        assert transport is not None
        while transport.get_write_buffer_size() == 0:
            transport.write(b"x" * 10_000)
        waiting = transport.get_write_buffer_size()
        response = web.Response(body=b"y")
        response.force_close()
        return response

    clients = Clients(9, 9)
    async with receiving(handle, clients) as port:
        with await deaf(port, SMALL):
            await until(lambda: waiting > 0)
            await until(lambda: len(clients) == 0)


async def test_who_has_read_is_not_dropped_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READING_TIME_S", 1.0)
    saying = Saying(8_000_000)
    async with receiving(saying) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(SMALL)
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.wait_for(reader.readexactly(saying.size), 10)
            await asyncio.sleep(1.1)
        writer.close()


async def test_a_silent_client_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEEP_ALIVE_S", 0.1)
    async with receiving(Saying(1)) as port:
        for sent in (b"", b"GET / HT", SMALL, SMALL + b"GET"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            await asyncio.wait_for(reader.read(), 5)
            assert reader.at_eof()
            writer.close()


async def test_a_head_that_does_not_end_is_cut_off() -> None:
    async with receiving(Saying(1)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        for number in range(9):
            writer.write(b"X-%d: " % number + b"x" * 8000 + b"\r\n")
            await asyncio.sleep(0.01)
        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.startswith(b"HTTP/1.1 431 ")
        writer.close()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"X: y\r\n" * 63, b"200"),
        (b"X: y\r\n" * 64, b"400"),
        (b"X: " + b"y" * 8000 + b"\r\n", b"200"),
        (b"X: " + b"y" * 8200 + b"\r\n", b"431"),
        (b"X" * 8200 + b": y\r\n", b"431"),
    ],
)
async def test_bounds_of_a_head(fields: bytes, status: bytes) -> None:
    async with receiving(Saying(1)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n")
        answer = await asyncio.wait_for(reader.readline(), 5)
        assert answer.split(b" ")[1] == status
        writer.close()


async def test_a_stranger_who_does_not_read_makes_room() -> None:
    saying = Saying(20_000_000)
    async with receiving(saying, Clients(1, 9)) as port:
        with await deaf(port, SMALL):
            await until(lambda: saying.answered == 1)
            await asyncio.sleep(0.1)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(SMALL)
            assert b" 200 " in await asyncio.wait_for(reader.readline(), 5)
            writer.close()


@pytest.mark.parametrize(
    "last",
    [
        b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-API-Key: stolen\r\n\r\n",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    ],
)
async def test_what_confuses_the_parser_is_the_last_on_its_connection(last: bytes) -> None:
    """It would take the trailer of one request for a field of the next."""
    saying = Saying(1)
    async with receiving(saying) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(SMALL.removesuffix(b"\r\n") + last + SMALL)
        answer = await asyncio.wait_for(reader.read(), 5)
        assert b"\r\nConnection: close\r\n" in answer
        assert saying.answered == 1
        writer.close()
