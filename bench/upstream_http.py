"""A Streamable HTTP server that is fast enough to be no part of what is measured.

`python -m bench.upstream_http` prints its port and ends when its stdin does. The path decides what
it is: `/tools/30/any` lists 30 tools, and `/legacy/30/any` knows the legacy era only.
"""

import asyncio
import sys
from typing import cast

import uvloop
from httptools import HttpRequestParser

from bench.lifetime import stdin_ends
from bench.reply import reply

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_OPENED = _OK.replace(b"\r\n", b"\r\nMcp-Session-Id: bench\r\n", 1)
_ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
_NO_STREAM = b"HTTP/1.1 405 Method Not Allowed\r\nAllow: POST\r\nContent-Length: 0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._parser = HttpRequestParser(self)
        self._path = b""
        self._pieces: list[bytes] = []
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self._parser.feed_data(data)

    def on_url(self, path: bytes) -> None:
        """Begin a request."""
        self._path = path
        self._pieces.clear()

    def on_body(self, piece: bytes) -> None:
        """Collect."""
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """Answer."""
        if self._parser.get_method() != b"POST":
            self._transport.write(_NO_STREAM)
            return
        _, kind, tool_count, _ = self._path.split(b"/")
        is_legacy = kind == b"legacy"
        method, answer = reply(b"".join(self._pieces), int(tool_count), is_legacy)
        if not answer:
            self._transport.write(_ACCEPTED)
            return
        head = _OPENED if method == "initialize" else _OK
        self._transport.writelines((head % len(answer), answer))


async def main() -> None:
    """Serve until stdin ends."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stdin_ends()
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
