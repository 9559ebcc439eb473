"""Wrapped keys: the first set stands, a second one is refused whole."""

import pytest

from mcpgw.errors import Conflict
from mcpgw.store.opened import Store
from tests.store.records import ACT, datakey, slot


async def test_keys_come_back(store: Store) -> None:
    await store.keys.add([slot()], [datakey("")], ACT)
    configuration = await store.configuration.load()
    assert configuration.slots == (slot(),)
    assert configuration.datakeys == {datakey("").id: datakey("")}


async def test_a_second_set_is_a_conflict_and_adds_nothing(store: Store) -> None:
    await store.keys.add([slot()], [datakey("")], ACT)
    with pytest.raises(Conflict, match="keys already"):
        await store.keys.add([slot("slot_2")], [datakey("", 2)], ACT)
    configuration = await store.configuration.load()
    assert configuration.slots == (slot(),)
    assert len(configuration.datakeys) == 1


async def test_data_keys_may_be_added_later(store: Store) -> None:
    await store.keys.add([slot()], [], ACT)
    await store.keys.add([], [datakey("")], ACT)
    with pytest.raises(Conflict):
        await store.keys.add([], [datakey("")], ACT)
    assert len((await store.configuration.load()).datakeys) == 1
