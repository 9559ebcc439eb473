"""What waits for a client that reads slowly is not delivered after its token ended."""

import asyncio
import json

import pytest

from mcpgw.gateway import ongoing
from mcpgw.model.token import OPERATOR, Role
from mcpgw.web import holding
from tests.web.conftest import Client, modern_body, modern_headers

LARGE = "x" * (32 << 20)
"""More than the buffers of both ends of a connection take."""


def request(token: str) -> bytes:
    body = json.dumps(modern_body("tools/call", name="git__log")).encode()
    headers = modern_headers("tools/call", "git__log") | {
        "Host": "127.0.0.1",
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /ws/demo HTTP/1.1\r\n{head}\r\n".encode() + body


async def connect(client: Client) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = client.url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port), limit=1024)


async def slow(client: Client, token: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask for a large result and read the beginning of it only."""
    reader, writer = await connect(client)
    writer.write(request(token))
    assert b"200 OK" in await asyncio.wait_for(reader.readline(), 10)
    return reader, writer


async def read_all(reader: asyncio.StreamReader) -> int:
    """Read to the end and return how many bytes came."""
    size = 0
    try:
        while chunk := await asyncio.wait_for(reader.read(1 << 20), 10):
            size += len(chunk)
    except ConnectionError:
        pass
    return size


@pytest.fixture
async def large(client: Client) -> Client:
    git = await client.world.server("git", log="x")
    git.answers["tools/call"] = lambda _: {"content": [{"type": "text", "text": LARGE}]}
    return client


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ongoing, "LOOK_S", 0.01)
    monkeypatch.setattr(holding, "GRACE_S", 0.01)


async def test_the_rest_of_a_result_is_cut_off(large: Client) -> None:
    other = await large.token_of("bob")
    reader, writer = await slow(large, large.token)
    theirs, their_writer = await slow(large, other)
    await large.world.gateway.tokens.revoke_member(OPERATOR, "demo", "ana")
    await asyncio.sleep(0.2)
    assert await read_all(reader) < len(LARGE)
    their_writer.write_eof()
    assert await read_all(theirs) > len(LARGE)
    for one in (writer, their_writer):
        one.close()


async def test_a_connection_that_went_on_with_another_token_is_left_alone(large: Client) -> None:
    tokens = large.world.gateway.tokens
    issued = await tokens.issue(OPERATOR, "demo", "bob", Role.DEVELOPER)
    large.world.upstreams.by_name["git"].answers["tools/call"] = lambda _: {"content": []}
    reader, writer = await connect(large)
    for token in (issued.text, large.token, large.token):
        writer.write(request(token))
        assert b"200 OK" in await asyncio.wait_for(reader.readline(), 10)
        await asyncio.wait_for(reader.readuntil(b"}}}}"), 10)
    await tokens.revoke(OPERATOR, "demo", issued.token.id)
    await asyncio.sleep(0.1)
    writer.write(request(large.token))
    assert b"200 OK" in await asyncio.wait_for(reader.readline(), 10)
    writer.close()


async def test_an_idle_connection_of_an_ended_token_stays_to_be_told(large: Client) -> None:
    large.world.upstreams.by_name["git"].answers["tools/call"] = lambda _: {"content": []}
    assert (await large.modern("tools/call", "git__log", name="git__log")).status == 200
    await large.world.gateway.tokens.revoke_member(OPERATOR, "demo", "ana")
    await asyncio.sleep(0.1)
    assert (await large.modern("tools/call", "git__log", name="git__log")).status == 401
