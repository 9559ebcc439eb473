"""Keys are made once, and never over something sealed."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mcpgw.errors import Conflict, Forbidden, VaultLocked
from mcpgw.gateway.counters import Counters
from mcpgw.gateway.current import Current
from mcpgw.gateway.installation import Installation
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.recording import Recording
from mcpgw.model.act import Act
from mcpgw.model.key import DataKey, KeyKind, KeySlot
from mcpgw.model.token import OPERATOR
from tests.fakes import (
    FakeActs,
    FakeClock,
    FakeJournal,
    FakeKeys,
    FakeStore,
    FakeTracing,
    FakeVault,
)
from tests.world import World, stranger


def installed(store: FakeStore, vault: FakeVault, keys: FakeKeys | None = None) -> Installation:
    clock = FakeClock()
    recording = Recording(FakeJournal(), vault, Counters(), FakeTracing(), clock)
    ours = Keys(vault, FakeActs(store))
    return Installation(Current(store), keys or FakeKeys(store), ours, vault, recording, clock)


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
    installation = installed(store, FakeVault())
    with pytest.raises(VaultLocked):
        await installation.establish(OPERATOR)
    assert not store.held.slots


async def test_a_key_that_an_older_version_did_not_know_is_made(world: World) -> None:
    held = world.store.held
    older = {key.id: key for key in held.datakeys.values() if key.kind is not KeyKind.AUDIT}
    for _ in range(2):
        world.store.change(datakeys=older)
        await world.gateway.installation.unlock(OPERATOR)
        added = [key for key in world.store.held.datakeys.values() if key.id not in older]
        assert [(key.kind, key.workspace_id, key.version) for key in added] == [
            (KeyKind.AUDIT, "", 1)
        ]
        assert set(older) < set(world.store.held.datakeys)
    assert world.journal.sign is not None


async def test_two_processes_make_one_key(world: World) -> None:
    """The other one is first, after this one has looked."""
    store, vault = FakeStore(), FakeVault()
    held = world.store.held
    older = {key.id: key for key in held.datakeys.values() if key.kind is not KeyKind.AUDIT}
    store.change(datakeys=older, slots=held.slots)
    theirs = replace(vault.new_datakey(KeyKind.AUDIT, "", 1, 0.0), id="theirs")

    class Overtaken(FakeKeys):
        async def add(
            self, slots: Sequence[KeySlot], datakeys: Sequence[DataKey], act: Act
        ) -> None:
            store.change(datakeys={**older, theirs.id: theirs})
            raise Conflict("there are keys already")

    await installed(store, vault, Overtaken(store)).unlock(OPERATOR)
    assert set(store.held.datakeys) == {*older, "theirs"}


async def test_no_token_touches_keys(world: World) -> None:
    with pytest.raises(Forbidden):
        await world.gateway.installation.unlock(stranger("w"))
