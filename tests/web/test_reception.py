"""Clients are taken in up to a bound, with TLS or without, whatever they do."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import psutil  # type: ignore[import-untyped]  # it has no types
import pytest

from mcpgw.model.token import OPERATOR, Role
from mcpgw.web import reception
from mcpgw.web.app import serving
from mcpgw.web.tls import Certificate
from tests.certificate import Pair, make_pair
from tests.process import until
from tests.web.conftest import listening
from tests.world import World

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


@asynccontextmanager
async def connected(
    port: int, sent: bytes = b""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect, send, and leave at the end of the block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        yield reader, writer
    finally:
        writer.close()


async def hear(reader: asyncio.StreamReader) -> bytes:
    """Return what comes up to the end."""
    return await asyncio.wait_for(reader.read(), 5)


async def is_served(port: int) -> bool:
    """Say whether a newcomer gets an answer."""
    async with connected(port, HEALTH) as (reader, _):
        return b" 200 " in await asyncio.wait_for(reader.readline(), 5)


def open_files() -> int:
    return int(psutil.Process().num_fds())


async def test_idle_and_half_open_ones_make_room(world: World) -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(world.gateway, listening(max_clients=3)))
        port = port_of(url)
        readers = []
        for sent in (HEALTH, b"GET /hea", b""):
            reader, _ = await stack.enter_async_context(connected(port, sent))
            readers.append(reader)
            if sent == HEALTH:
                assert b" 200 " in await reader.readline()
        for _ in range(3):
            reader, _ = await stack.enter_async_context(connected(port, HEALTH))
            assert b" 200 " in await asyncio.wait_for(reader.readline(), 5)
        for reader in readers:
            await hear(reader)
            assert reader.at_eof()


async def test_where_all_is_work_no_more_are_taken_in(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The one stream that is open stays, and who comes is told so."""
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.DEVELOPER, None)
    opening = f"GET /ws/demo/sse HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {issued.text}\r\n\r\n"
    async with serving(world.gateway, listening(max_clients=1)) as url:
        async with connected(port_of(url), opening.encode()) as (stream, _):
            assert b" 200 " in await asyncio.wait_for(stream.readline(), 5)
            for _ in range(5):
                async with connected(port_of(url)) as (reader, _):
                    answer = await hear(reader)
                    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
                    assert b"Retry-After: " in answer
                    assert b"\r\nDate: " in answer
                    assert b"too many connections" in answer
            assert not stream.at_eof()
        assert len([one for one in caplog.records if "no more are taken in" in one.message]) == 1
        for _ in range(500):  # until the gateway has noticed that the stream's client left
            if await is_served(port_of(url)):
                return
    raise AssertionError("nobody is taken in any more")


async def test_a_thousand_come_and_go_and_nothing_is_left(world: World) -> None:
    async with serving(world.gateway, listening(max_clients=50)) as url:
        async with connected(port_of(url), HEALTH) as (reader, _):
            await reader.readline()
        before = open_files()
        for _ in range(20):
            async with AsyncExitStack() as stack:
                for number in range(50):
                    sent = (b"", b"GET", HEALTH)[number % 3]
                    await stack.enter_async_context(connected(port_of(url), sent))
        await until(lambda: open_files() <= before)
        assert await is_served(port_of(url))


async def test_running_out_of_files_makes_room(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    accept = loop.sock_accept
    failures = 3

    async def fail(listening: socket.socket) -> tuple[socket.socket, object]:
        nonlocal failures
        if failures:
            failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return await accept(listening)

    async with serving(world.gateway, listening()) as url, connected(port_of(url)) as (idle, _):
        assert await is_served(port_of(url))
        monkeypatch.setattr(loop, "sock_accept", fail)
        # The first is taken in by what waits already, and so has no failure to meet.
        assert await is_served(port_of(url))
        assert await is_served(port_of(url))
        assert failures == 0
        await hear(idle)
        assert idle.at_eof()
    assert "Too many open files" in caplog.text


async def test_with_tls(world: World, pair: Pair) -> None:
    certificate = Certificate(str(pair.certificate), str(pair.key))
    async with (
        serving(world.gateway, listening(certificate=certificate)) as url,
        aiohttp.ClientSession() as http,
    ):
        assert url.startswith("https://127.0.0.1:")
        async with http.get(url + "/healthz", ssl=pair.client()) as response:
            assert response.status == 200
        headers = {"Origin": url.replace("https", "http")}
        async with http.get(url + "/healthz", ssl=pair.client(), headers=headers) as response:
            assert response.status == 403
        old = pair.client()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        async with http.get(url + "/healthz", ssl=old) as response:
            assert response.status == 200


async def test_a_renewed_certificate_counts_for_the_next_client(
    world: World, pair: Pair, tmp_path: Path
) -> None:
    certificate = Certificate(str(pair.certificate), str(pair.key))
    renewed = make_pair(tmp_path, "renewed")
    async with (
        serving(world.gateway, listening(certificate=certificate)) as url,
        aiohttp.ClientSession() as http,
    ):
        first = pair.client()
        async with http.get(url + "/healthz", ssl=first) as response:
            assert response.status == 200
        renewed.certificate.replace(pair.certificate)
        renewed.key.replace(pair.key)
        certificate.reload()
        async with http.get(url + "/healthz", ssl=first) as response:
            assert response.status == 200  # on the connection that there is
        async with http.get(url + "/healthz", ssl=pair.client()) as response:
            assert response.status == 200


async def test_who_does_not_agree_on_tls_is_counted_and_let_go(
    world: World, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "HANDSHAKE_S", 0.3)
    certificate = Certificate(str(pair.certificate), str(pair.key))
    async with serving(world.gateway, listening(certificate=certificate, max_clients=2)) as url:
        port = port_of(url)
        before = open_files()
        async with connected(port, HEALTH) as (plain, _):
            assert await hear(plain) == b""
        async with connected(port) as (silent, _):
            assert await hear(silent) == b""
        async with (
            connected(port),
            connected(port),
            connected(port) as (third, _),
            aiohttp.ClientSession() as http,
            http.get(url + "/healthz", ssl=pair.client()) as response,
        ):
            assert response.status == 200
            assert not third.at_eof()
        async with connected(port, b"\x16\x03\x01"):
            pass
        await until(lambda: open_files() <= before)


async def test_nobody_holds_up_the_end(world: World, pair: Pair) -> None:
    certificate = Certificate(str(pair.certificate), str(pair.key))
    async with AsyncExitStack() as stack:
        server = serving(world.gateway, listening(certificate=certificate))
        port = port_of(await server.__aenter__())
        for sent in (b"", b"\x16\x03"):
            await stack.enter_async_context(connected(port, sent))
        await asyncio.sleep(0.05)
        await asyncio.wait_for(server.__aexit__(None, None, None), 2)
