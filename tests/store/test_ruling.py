"""Rulings in the database: one for each tool, gone with its server."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from mcpgw.errors import NotFound, StorageError
from mcpgw.model.tool_class import ToolClass
from mcpgw.store import tables
from mcpgw.store.opened import Store
from tests.store.records import ACT, ruling, server


async def test_a_later_ruling_takes_the_place_of_an_earlier_one(demo: Store) -> None:
    await demo.rulings.put(ruling(), ACT)
    later = replace(ruling(), kind=ToolClass.DESTRUCTIVE, row_mac=b"other")
    await demo.rulings.put(later, ACT)
    await demo.rulings.put(ruling("find"), ACT)
    found = (await demo.configuration.load()).rulings
    assert found == {server().id: {"search": later, "find": ruling("find")}}


async def test_a_ruling_is_taken_back_once(demo: Store) -> None:
    await demo.rulings.put(ruling(), ACT)
    await demo.rulings.remove(server().id, "search", ACT)
    assert (await demo.configuration.load()).rulings == {}
    with pytest.raises(NotFound, match="nobody ruled"):
        await demo.rulings.remove(server().id, "search", ACT)


async def test_rulings_go_with_their_server(demo: Store) -> None:
    await demo.rulings.put(ruling(), ACT)
    await demo.servers.remove(server().id, ACT)
    assert (await demo.configuration.load()).rulings == {}
    with pytest.raises(NotFound):
        await demo.rulings.put(ruling(), ACT)


async def test_a_class_that_mcpgw_does_not_know(demo: Store) -> None:
    await demo.rulings.put(ruling(), ACT)
    await demo.database.write(lambda c: c.execute(update(tables.ruling).values(kind="harmless")))
    with pytest.raises(StorageError, match="did not write"):
        await demo.configuration.load()
