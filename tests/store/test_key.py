"""Wrapped keys: the first set stands, a second one is refused whole."""

import pytest

from mcpgw.errors import Conflict
from mcpgw.store.opened import Store
from tests.store.records import datakey, slot


async def test_keys_come_back(store: Store) -> None:
    await store.keys.add([slot()], [datakey("")])
    configuration = await store.configuration.load()
    assert configuration.slots == (slot(),)
    assert configuration.datakeys == {datakey("").id: datakey("")}


async def test_a_second_set_is_a_conflict_and_adds_nothing(store: Store) -> None:
    await store.keys.add([slot()], [datakey("")])
    with pytest.raises(Conflict, match="keys already"):
        await store.keys.add([slot("slot_2")], [datakey("", 2)])
    configuration = await store.configuration.load()
    assert configuration.slots == (slot(),)
    assert len(configuration.datakeys) == 1


async def test_data_keys_may_be_added_later(store: Store) -> None:
    await store.keys.add([slot()], [])
    await store.keys.add([], [datakey("")])
    with pytest.raises(Conflict):
        await store.keys.add([], [datakey("")])
    assert len((await store.configuration.load()).datakeys) == 1
