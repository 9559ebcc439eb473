"""A proxy that puts a token into every request and passes all the rest through, byte for byte.

All but its own port: where a client says `Host` or `Origin` with it, the server must read its own.
It knows where a request begins and ends, and nothing of the answers; a side that closes its
connection closes the other one.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
OWN_PORT = rb"(\r\n(?:host|origin): *[^\r]*):%d(?=\r\n)"
PIECE_BYTES = 1 << 16


@asynccontextmanager
async def token_proxy(url: str, token: str) -> AsyncIterator[str]:
    """Proxy to the server of `url` until the block ends; yields the URL to use instead."""
    parts = urlsplit(url)
    line = f"Authorization: Bearer {token}\r\n".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there, back = await asyncio.open_connection(parts.hostname, parts.port)
            own = re.compile(OWN_PORT % port, re.IGNORECASE), rb"\1:%d" % (parts.port or 80)
            async with asyncio.TaskGroup() as tasks:
                answers = tasks.create_task(pass_answers(there, writer))
                requests = tasks.create_task(pass_requests(reader, back, line, own))
                await asyncio.wait((answers, requests), return_when=asyncio.FIRST_COMPLETED)
                back.close()
                writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}{parts.path}"
    finally:
        server.close()


async def pass_requests(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    line: bytes,
    own: tuple[re.Pattern[bytes], bytes],
) -> None:
    """Pass requests on, each with `line` among its headers, until the client closes.

    `own` is what is read otherwise by the server, and as what.
    """
    with suppress(OSError, asyncio.IncompleteReadError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if CHUNKED.search(head):
                raise AssertionError("the suite sends a body in chunks: the proxy must learn that")
            first, rest = own[0].sub(own[1], head).split(b"\r\n", 1)
            writer.write(first + b"\r\n" + line + rest)
            length = LENGTH.search(head)
            if length:
                writer.write(await reader.readexactly(int(length[1])))
            await writer.drain()


async def pass_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until the server closes."""
    with suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
