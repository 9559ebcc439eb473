"""Malformed HTTP is answered without a word of it, in the body and in the log."""

import asyncio
import io
import logging

import aiohttp
import msgspec
import pytest

from mcpgw.model.configuration import Configuration
from mcpgw.model.token import OPERATOR, Role
from mcpgw.web.app import serving
from tests.web.conftest import Client, modern_body, modern_headers
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
    assert b" 400 " in answer.split(b"\r\n", 1)[0]
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
        serving(world.gateway, "127.0.0.1", 0, public_url="", max_body_bytes=1 << 22) as url,
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
