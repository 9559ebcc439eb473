"""A gateway behind its real door, and the command line's view of it from elsewhere."""

from collections.abc import AsyncIterator

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


@pytest.fixture
async def remote(client: Client) -> AsyncIterator[RemoteGateway]:
    async with open_remote(await target(client), MOST_BYTES) as gateway:
        yield gateway


@pytest.fixture
def here(world: World) -> World:
    """The same gateway, from inside."""
    return world
