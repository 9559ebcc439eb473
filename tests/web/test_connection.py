"""Malformed HTTP is answered without a word of it, in the body and in the log."""

import asyncio
import logging

import pytest

from tests.web.conftest import Client

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


async def test_it_serves_on_after_garbage(client: Client) -> None:
    host, port = client.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\0" * 100)
    writer.close()
    assert (await client.ask("GET", "/healthz")).status == 200
