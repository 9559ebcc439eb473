"""Rulings count only as they were signed."""

from dataclasses import replace

import pytest

from mcpgw.gateway.keys import Keys
from mcpgw.gateway.ruling import Rulings
from mcpgw.model.ruling import Ruling
from mcpgw.model.tool_class import ToolClass
from tests.world import World


@pytest.fixture
def rulings(world: World) -> Rulings:
    return Rulings(Keys(world.vault, world.acts), world.vault)


async def test_a_signed_ruling_counts(world: World, rulings: Rulings) -> None:
    await world.server("git", log="x")
    configuration = await world.current.configuration()
    (server,) = next(iter(configuration.servers.values()))
    assert rulings.of(configuration, server) == {}
    ruling = rulings.signed(configuration, Ruling(server.id, "log", ToolClass.READ, 1.0))
    world.store.change(rulings={server.id: {"log": ruling}})
    assert rulings.of(world.store.held, server) == {"log": ToolClass.READ}


@pytest.mark.parametrize("kind", ToolClass)
async def test_one_written_past_us_makes_the_tool_a_writing_one(
    world: World, rulings: Rulings, kind: ToolClass
) -> None:
    await world.server("git", log="x")
    configuration = await world.current.configuration()
    (server,) = next(iter(configuration.servers.values()))
    genuine = rulings.signed(configuration, Ruling(server.id, "log", ToolClass.DESTRUCTIVE, 1.0))
    forgeries = [
        replace(genuine, kind=ToolClass.READ),
        Ruling(server.id, "log", kind, 1.0),
        replace(rulings.signed(configuration, Ruling("srv_x", "log", kind, 1.0)), server_id="s"),
    ]
    for forged in forgeries:
        world.store.change(rulings={server.id: {"log": forged}})
        assert rulings.of(world.store.held, server) == {"log": ToolClass.WRITE}
