"""Keys are made once, and never over something sealed."""

import pytest

from mcpgw.errors import Forbidden, VaultLocked
from mcpgw.gateway.current import Current
from mcpgw.gateway.installation import Installation
from mcpgw.model.token import OPERATOR
from tests.fakes import FakeClock, FakeKeys, FakeStore, FakeVault
from tests.world import World, stranger


async def test_made_once_then_unlocked(world: World) -> None:
    slots = world.store.held.slots
    assert slots
    assert not await world.gateway.installation.establish(OPERATOR)
    assert world.store.held.slots == slots
    await world.gateway.installation.unlock(OPERATOR)
    assert world.gateway.installation.key_whereabouts == "in a test"
    assert world.gateway.installation.key_advice == "leave it there"


async def test_where_the_key_was_is_told_without_it(world: World) -> None:
    assert await world.gateway.installation.key_places(OPERATOR) == ["file: nowhere"]
    with pytest.raises(Forbidden):
        await world.gateway.installation.key_places(stranger("w"))


async def test_no_new_key_where_something_was_sealed(world: World) -> None:
    store = FakeStore()
    store.change(datakeys=world.store.held.datakeys)
    installation = Installation(Current(store), FakeKeys(store), FakeVault(), FakeClock())
    with pytest.raises(VaultLocked):
        await installation.establish(OPERATOR)
    assert not store.held.slots


async def test_no_token_touches_keys(world: World) -> None:
    with pytest.raises(Forbidden):
        await world.gateway.installation.unlock(stranger("w"))
