"""A gateway behind its real door, and the command line's view of it from elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from mcpgw.cli.remote.gateway import RemoteGateway, open_remote
from mcpgw.cli.target import Target
from mcpgw.model.token import OPERATOR, Role
from tests.web.conftest import Client, client
from tests.world import World, world

__all__ = ["client", "world"]

MOST_BYTES = 1 << 20


async def target(client: Client, role: Role = Role.ADMIN) -> Target:
    """Return what leads to the workspace `demo`, with a token of that role."""
    issued = await client.world.gateway.tokens.issue(OPERATOR, "demo", "ada", role)
    return Target(client.url, "demo", issued.text)


class Peer:
    """Answers every connection with the same bytes, and keeps what was asked."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.heard: list[bytes] = []
        self.url = ""
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self.heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
        if self.answer:
            writer.close()


@asynccontextmanager
async def peer(answer: bytes) -> AsyncIterator[Peer]:
    found = Peer(answer)
    async with await asyncio.start_server(found.serve, "127.0.0.1", 0) as server:
        found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield found
        finally:
            for writer in found.writers:
                writer.close()


def http(status: str, body: bytes, content_type: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}{more}Connection: close\r\n\r\n".encode() + body


@pytest.fixture
async def remote(client: Client) -> AsyncIterator[RemoteGateway]:
    async with open_remote(await target(client), MOST_BYTES) as gateway:
        yield gateway


@pytest.fixture
def here(world: World) -> World:
    """The same gateway, from inside."""
    return world
