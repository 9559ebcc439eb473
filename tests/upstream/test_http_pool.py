"""Connections are few, kept, handed out in turn, and never trusted twice."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mcpgw.errors import UpstreamError, UpstreamTimeout
from mcpgw.upstream import http_pool
from mcpgw.upstream.http_pool import HttpPool
from mcpgw.upstream.http_response import Response
from tests.peers.raw_http import RawHttp, Request, Script
from tests.process import until

GET = b"GET / HTTP/1.1\r\n\r\n"


@asynccontextmanager
async def pooled(script: Script, **settings: Any) -> AsyncIterator[tuple[HttpPool, RawHttp]]:
    async with RawHttp(script) as peer:
        pool = make(peer.url, **settings)
        yield pool, peer
        pool.close()


def make(
    url: str,
    max_connections: int = 4,
    trust: Any = ssl.create_default_context,
    is_private_allowed: bool = True,
) -> HttpPool:
    return HttpPool(
        "web",
        url,
        max_connections=max_connections,
        max_body_bytes=10_000,
        trust=trust,
        is_private_allowed=is_private_allowed,
    )


async def get(pool: HttpPool, timeout_s: float = 5.0) -> bytes:
    response = await pool.request(GET, asyncio.get_running_loop().time() + timeout_s)
    return response.body


async def number(request: Request) -> None:
    request.answer(200, b"ok")


async def never(request: Request) -> None:
    pass


async def slowly(request: Request) -> None:
    await asyncio.sleep(0.01)
    request.answer(200, b"ok")


async def test_a_connection_is_used_again() -> None:
    async with pooled(number) as (pool, peer):
        for _ in range(5):
            assert await get(pool) == b"ok"
        assert (peer.connections, len(peer.requests)) == (1, 5)
        assert not pool.is_busy


async def test_connections_are_bounded_and_nobody_is_forgotten() -> None:
    async with pooled(slowly, max_connections=3) as (pool, peer):
        answers = await asyncio.gather(*[get(pool) for _ in range(30)])
        assert answers == [b"ok"] * 30
        assert peer.connections == 3


async def test_who_waits_is_served_in_turn() -> None:
    order: list[int] = []

    async def caller(place: int) -> None:
        await get(pool)
        order.append(place)

    async with pooled(slowly, max_connections=1) as (pool, _):
        await asyncio.gather(*[caller(place) for place in range(8)])
    assert order == list(range(8))


async def test_what_is_urgent_waits_for_nobody_and_leaves_no_more_places() -> None:
    async def script(request: Request) -> None:
        if len(peer.requests) > 1:
            request.answer(200, b"ok")

    async with pooled(script, max_connections=1) as (pool, peer):
        running = asyncio.ensure_future(get(pool))
        await until(lambda: len(peer.requests) == 1)
        waiting = asyncio.ensure_future(get(pool))
        deadline = asyncio.get_running_loop().time() + 5.0
        for _ in range(3):
            response = await pool.request(GET, deadline, is_urgent=True)
            assert response.body == b"ok"
            await until(lambda: pool._count == 1)
        assert not waiting.done()
        peer.requests[0].answer(200, b"late")
        assert [await running, await waiting] == [b"late", b"ok"]
        assert pool._count == 1


async def stay(request: Request) -> None:
    request.begin_stream()
    request.chunk(b"data: {}\n\n")


async def open_stream(pool: HttpPool, timeout_s: float = 5.0) -> Response:
    return await pool.open_stream(GET, asyncio.get_running_loop().time() + timeout_s)


async def test_a_stream_takes_no_place_and_ends_with_its_reader() -> None:
    async with pooled(stay, max_connections=1) as (pool, peer):
        streams = [await open_stream(pool) for _ in range(3)]
        assert not pool.is_busy
        assert [await stream.read() for stream in streams] == [b"data: {}\n\n"] * 3
        running = asyncio.ensure_future(get(pool))  # There is room for a call.
        await until(lambda: peer.connections == 4)
        streams.pop().abort()
        await until(lambda: peer.open_connections == 3)
        pool.close()
        for stream in streams:
            with pytest.raises(UpstreamError):
                await stream.read()
        await running
        await peer.all_closed()


async def test_an_answer_that_is_no_stream_leaves_no_connection() -> None:
    async with pooled(number) as (pool, peer):
        response = await open_stream(pool)
        assert (response.status, response.body, response.is_stream) == (200, b"ok", False)
        await peer.all_closed()


async def test_only_the_beginning_of_a_stream_is_bounded_in_time() -> None:
    async def late(request: Request) -> None:
        request.begin_stream()
        await asyncio.sleep(0.1)
        request.chunk(b"late")

    async with pooled(never) as (pool, peer):
        with pytest.raises(UpstreamTimeout):
            await open_stream(pool, timeout_s=0.05)
        await peer.all_closed()
    async with pooled(late) as (pool, peer):
        assert await (await open_stream(pool, timeout_s=0.05)).read() == b"late"


async def test_a_stream_that_opens_after_close_leaves_no_connection() -> None:
    async with pooled(stay) as (pool, peer):
        opening = asyncio.ensure_future(open_stream(pool))
        await asyncio.sleep(0)
        pool.close()
        with pytest.raises(UpstreamError):
            await opening
        with pytest.raises(UpstreamError, match="removed or changed"):
            await open_stream(pool)
        await peer.all_closed()


async def test_waiting_counts_as_time() -> None:
    async with pooled(never, max_connections=1) as (pool, _):
        first = asyncio.ensure_future(get(pool))
        await asyncio.sleep(0.01)
        with pytest.raises(UpstreamTimeout, match="all 1 connections to it are in use"):
            await get(pool, timeout_s=0.02)
        first.cancel()
        await asyncio.wait([first])


@pytest.mark.parametrize("is_freed_first", [True, False])
async def test_a_cancelled_waiter_passes_its_turn_on(is_freed_first: bool) -> None:
    gate = asyncio.Event()

    async def gated(request: Request) -> None:
        await gate.wait()
        request.answer(200, b"ok")

    async def first_caller() -> None:
        await get(pool)
        # The connection was handed to the second, which has not run yet.
        second.cancel()

    async with pooled(gated, max_connections=1) as (pool, peer):
        first = asyncio.ensure_future(first_caller() if is_freed_first else get(pool))
        await asyncio.sleep(0.01)
        second, third = asyncio.ensure_future(get(pool)), asyncio.ensure_future(get(pool))
        await asyncio.sleep(0.01)
        if not is_freed_first:
            second.cancel()
        gate.set()
        assert await third == b"ok"
        await asyncio.wait([first, second])
        assert peer.connections == 1


async def test_a_place_that_comes_free_is_taken() -> None:
    async with pooled(never, max_connections=1) as (pool, peer):
        first = asyncio.ensure_future(get(pool))
        await asyncio.sleep(0.01)
        second = asyncio.ensure_future(get(pool))
        await asyncio.sleep(0.01)
        first.cancel()
        await until(lambda: peer.connections == 2)
        second.cancel()
        await asyncio.wait([first, second])


async def test_a_connection_that_its_peer_closed_while_idle_is_replaced() -> None:
    async with pooled(number) as (pool, peer):
        await get(pool)
        peer.drop_all()
        await peer.all_closed()
        assert await get(pool) == b"ok"
        assert (peer.connections, len(peer.requests)) == (2, 2)


async def test_a_connection_handed_on_as_it_closes_is_replaced() -> None:
    async def closing(request: Request) -> None:
        request.answer(200, b"ok")
        request.close()

    async with pooled(closing, max_connections=1) as (pool, peer):
        results = await asyncio.gather(*[get(pool) for _ in range(5)], return_exceptions=True)
        # Either it is known to be closed in time, or the failure is told: never sent twice.
        sent = len(peer.requests)
        assert results.count(b"ok") == sent
        assert all(result == b"ok" or isinstance(result, UpstreamError) for result in results)


async def test_what_was_sent_is_never_sent_again() -> None:
    async def once(request: Request) -> None:
        if len(peer.requests) == 1:
            request.answer(200, b"ok")
        else:
            request.close()

    async with pooled(once) as (pool, peer):
        await get(pool)
        with pytest.raises(UpstreamError, match="without an answer"):
            await get(pool)
        assert len(peer.requests) == 2


async def test_idle_connections_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_pool, "IDLE_S", 0.06)
    async with pooled(slowly) as (pool, peer):
        await asyncio.gather(*[get(pool) for _ in range(3)])
        assert peer.open_connections == 3
        await peer.all_closed()
        assert await get(pool) == b"ok"


async def test_a_peer_says_how_long_it_keeps_a_connection() -> None:
    async def brief(request: Request) -> None:
        request.answer(200, b"ok", {"Keep-Alive": "timeout=1"})

    async with pooled(brief) as (pool, peer):
        await get(pool)
        await get(pool)
        assert peer.connections == 2


async def test_close_fails_what_runs_and_what_waits() -> None:
    async with pooled(never, max_connections=1) as (pool, peer):
        calls = [asyncio.ensure_future(get(pool)) for _ in range(3)]
        await asyncio.sleep(0.01)
        pool.close()
        for result in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(result, UpstreamError)
        with pytest.raises(UpstreamError, match="removed or changed"):
            await get(pool)
        await peer.all_closed()


async def test_a_request_that_ends_after_close_leaves_no_connection() -> None:
    async with pooled(number) as (pool, peer):
        await get(pool)
        pool.close()
        pool.close()
        await peer.all_closed()


async def test_nobody_listens() -> None:
    async with RawHttp(number) as peer:
        url = peer.url
    for host in (url, url.replace("127.0.0.1", "localhost")):
        pool = make(host)
        with pytest.raises(UpstreamError, match="'web' refused the connection"):
            await get(pool)
        assert not pool.is_busy


@pytest.mark.parametrize("host", ["nowhere.invalid", "x" * 70 + ".invalid"])
async def test_a_name_that_leads_nowhere(host: str) -> None:
    with pytest.raises(UpstreamError, match=r"'web' (has a host name|cannot be reached)"):
        await get(make(f"http://{host}/"))


async def test_connecting_counts_as_time() -> None:
    async with RawHttp(number) as peer:
        # A TLS handshake that never gets an answer: our peer waits for a line end.
        pool = make(peer.url.replace("http:", "https:"))
        with pytest.raises(UpstreamTimeout):
            await get(pool, timeout_s=0.05)
        assert not pool.is_busy


# TLS


def issue(directory: Path, names: list[x509.GeneralName]) -> tuple[Path, ssl.SSLContext]:
    """Return a self-signed certificate's file and a server context that shows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = directory / "tls.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return file, context


LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("names", "is_trusted", "words"),
    [
        ([LOOPBACK], True, ""),
        ([LOOPBACK], False, "certificate that is not trusted"),
        ([x509.DNSName("elsewhere.example")], True, "certificate that is not trusted"),
    ],
)
async def test_tls_is_verified(
    tmp_path: Path, names: list[x509.GeneralName], is_trusted: bool, words: str
) -> None:
    file, context = issue(tmp_path, names)
    trust = ssl.create_default_context(cafile=str(file) if is_trusted else None)
    async with RawHttp(number, ssl=context) as peer:
        pool = make(peer.url.replace("http:", "https:"), trust=lambda: trust)
        if words:
            with pytest.raises(UpstreamError, match=words):
                await get(pool)
            assert peer.requests == []
        else:
            assert [await get(pool), await get(pool)] == [b"ok", b"ok"]
            assert peer.connections == 1
        pool.close()


async def test_a_port_that_speaks_no_tls() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server:
        pool = make(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        with pytest.raises(UpstreamError, match="failed the TLS handshake"):
            await get(pool)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433"])
async def test_a_private_address_is_not_connected_to_unless_allowed(host: str) -> None:
    async with RawHttp(number) as peer:
        pool = make(peer.url.replace("127.0.0.1", host), is_private_allowed=False)
        with pytest.raises(UpstreamError, match="on this machine or on a private network"):
            await get(pool)
        pool.close()
        assert peer.connections == 0


async def test_the_address_that_was_looked_at_is_the_one_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that points elsewhere the second time is asked once only."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(http_pool, "public_addresses", resolve)
    async with RawHttp(number) as peer:
        url = peer.url.replace("127.0.0.1", "no-such-host.invalid")
        pool = make(url, is_private_allowed=False)
        assert await get(pool) == b"ok"
        pool.close()
