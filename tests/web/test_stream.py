"""Streams end with the server, and clients that do not read cost nothing for long."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from msgspec import Raw

from mcpgw.model.audit import Outcome
from mcpgw.model.token import OPERATOR, Role
from mcpgw.protocol.exchange import Notification
from mcpgw.web import connection as connections
from mcpgw.web.app import serving
from mcpgw.web.reception import SHUTDOWN_S
from mcpgw.web.stream import Stream, Streams
from tests.fakes import FakeBackground
from tests.web.conftest import Client, listening, modern_body, modern_headers, receiving
from tests.world import World

LARGE = "x" * 1_000_000
"""More than fits into the buffers of a connection, some times over."""


@asynccontextmanager
async def deaf(client: Client, body: object, **headers: str) -> AsyncIterator[socket.socket]:
    """Send a request over a connection with small buffers, and read nothing of the answer."""
    host, port = client.url.removeprefix("http://").split(":")
    data = json.dumps(body).encode()
    lines = {"Host": "localhost", "X-API-Key": client.token, "Content-Length": str(len(data))}
    head = "".join(f"{name}: {value}\r\n" for name, value in (lines | headers).items())
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, (host, int(port)))
        await loop.sock_sendall(connection, f"POST /ws/demo HTTP/1.1\r\n{head}\r\n".encode() + data)
        yield connection


async def rest(connection: socket.socket) -> int:
    """Read to the end, and return how much there was."""
    loop = asyncio.get_running_loop()
    size = 0
    while chunk := await asyncio.wait_for(loop.sock_recv(connection, 1 << 20), 5):
        size += len(chunk)
    return size


async def test_who_does_not_read_its_stream_is_dropped_and_its_call_taken_back(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "READING_TIME_S", 0.05)
    params = json.dumps({"progressToken": 1, "progress": 1, "message": LARGE}).encode()
    git = await client.world.server("git", log="x")
    git.notifications = [Notification("notifications/progress", Raw(params))] * 8
    git.gate = asyncio.Event()
    body = modern_body("tools/call", name="git__log", _meta={"progressToken": 1})
    async with deaf(client, body, **modern_headers("tools/call", "git__log")) as deaf_one:
        await client.world.journal.recorded.wait()
        assert 0 < await rest(deaf_one) < len(LARGE) * 8
    assert client.world.journal.rows[0].outcome is Outcome.CANCELLED


async def test_who_does_not_read_its_answers_is_dropped(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "READING_TIME_S", 0.05)
    git = await client.world.server("git", log="x")
    git.answers["tools/call"] = lambda _: {"content": [{"type": "text", "text": LARGE * 8}]}
    body = modern_body("tools/call", name="git__log")
    headers = modern_headers("tools/call", "git__log") | {"Accept": "application/json"}
    async with deaf(client, body, **headers) as deaf_one:
        await client.world.journal.recorded.wait()
        await asyncio.sleep(0.2)
        assert 0 < await rest(deaf_one) < len(LARGE) * 8


async def test_who_reads_slowly_gets_everything(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.answers["tools/call"] = lambda _: {"content": [{"type": "text", "text": LARGE * 8}]}
    body = modern_body("tools/call", name="git__log")
    headers = modern_headers("tools/call", "git__log")
    async with client.http.post(
        client.url + "/ws/demo", json=body, headers=headers | {"X-API-Key": client.token}
    ) as response:
        size = 0
        async for chunk in response.content.iter_chunked(1 << 16):
            size += len(chunk)
            await asyncio.sleep(0)
    assert size > len(LARGE) * 8


async def test_open_streams_do_not_hold_up_the_end_of_the_server(world: World) -> None:
    """Each ends in good order: nobody is cut off, nobody waited for."""
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.DEVELOPER, None)
    git = await world.server("git", log="x")
    git.notifications = [Notification("notifications/progress", Raw(b'{"progressToken":1}'))]
    git.gate = asyncio.Event()
    async with aiohttp.ClientSession() as http:
        server = serving(world.gateway, listening())
        url = await server.__aenter__()
        client = Client(url, http, issued.text, world)
        session = {"Mcp-Session-Id": await client.open()}
        params = {"name": "git__log", "_meta": {"progressToken": 1}}
        call = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}
        listen = modern_body("subscriptions/listen", notifications={"toolsListChanged": True})
        headers = modern_headers("subscriptions/listen")
        async with (
            client.stream(headers=session) as general,
            client.stream("POST", json=listen, headers=headers) as subscription,
            client.stream(path="/ws/demo/sse") as talk,
            client.stream("POST", json=call, headers=session) as posted,
        ):
            priming = await posted.next()
            assert priming is not None
            posted.leave()
            last = {"Last-Event-ID": priming.id or ""}
            async with client.stream(headers=session | last) as replayed:
                assert await replayed.next() is not None
                await subscription.next()
                git.gate.set()
                await asyncio.wait_for(server.__aexit__(None, None, None), SHUTDOWN_S / 2)
                assert [one.data for one in await general.rest()] == [""]
                (farewell,) = await subscription.rest()
                assert farewell.json["result"]["resultType"] == "complete"
                assert [one.kind for one in await talk.rest()] == ["endpoint"]
                await replayed.rest()


class Endless:
    """A source that never stops by itself."""

    farewell = b"farewell"

    def __init__(self) -> None:
        self.is_ended = False
        self.is_closed = False
        self.is_asked = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_asked.set()
        while not self.is_ended:
            yield LARGE.encode()

    def end(self) -> None:
        self.is_ended = True

    def close(self) -> None:
        self.is_closed = True


async def test_no_stream_opens_while_the_server_ends() -> None:
    background = FakeBackground()
    streams = Streams(background.spawn)
    streams.end_all()
    source = Endless()
    request = make_mocked_request("GET", "/")
    response = await streams.follow(Stream(request), source)
    assert source.is_closed
    assert response.prepared
    await background.close()


async def test_who_does_not_read_is_cut_off_at_the_end() -> None:
    background = FakeBackground()
    streams = Streams(background.spawn)
    source = Endless()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await streams.follow(Stream(request), source)

    async with asyncio.timeout(5 + SHUTDOWN_S / 2), receiving(handle) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await source.is_asked.wait()
        await asyncio.sleep(0.1)
        streams.end_all()
    assert source.is_closed
    writer.close()
    await background.close()


async def test_nothing_is_written_behind_the_end() -> None:
    over = Stream(make_mocked_request("GET", "/"))
    over.end()
    await over.write(b"late")
    await over.comment()
    assert not over.is_open
