"""Workspaces and all that ends with them."""

import pytest

from mcpgw.errors import Conflict, NotFound
from mcpgw.store.opened import Store
from tests.store.records import ACT, datakey, secret, server, token, workspace


async def test_a_workspace_comes_with_its_key(store: Store) -> None:
    await store.workspaces.add(workspace(), datakey(), ACT)
    configuration = await store.configuration.load()
    assert configuration.workspaces == {"demo": workspace()}
    assert configuration.datakeys == {datakey().id: datakey()}


async def test_a_taken_slug_is_a_conflict_and_adds_nothing(store: Store) -> None:
    await store.workspaces.add(workspace(), datakey(), ACT)
    other = type(workspace())("ws_other", "demo", 0.0)
    with pytest.raises(Conflict, match="already a workspace 'demo'"):
        await store.workspaces.add(other, datakey("ws_other"), ACT)
    configuration = await store.configuration.load()
    assert list(configuration.datakeys) == [datakey().id]


async def test_removing_takes_all_that_belongs_to_it_and_nothing_else(demo: Store) -> None:
    await demo.workspaces.add(workspace("kept"), datakey("ws_kept"), ACT)
    await demo.servers.add(server(workspace_id="ws_kept"), ACT)
    await demo.tokens.add(token(), ACT)
    await demo.tokens.add(token("tok_kept", workspace_id="ws_kept"), ACT)
    await demo.secrets.put(secret(), ACT)
    await demo.keys.add([], [datakey("")], ACT)
    await demo.workspaces.remove("ws_demo", ACT)
    configuration = await demo.configuration.load()
    assert list(configuration.workspaces) == ["kept"]
    assert list(configuration.servers) == ["ws_kept"]
    assert configuration.secrets == {}
    assert list(configuration.tokens) == [b"tok_kept"]
    assert set(configuration.datakeys) == {"key_ws_kept_1", "key__1"}


async def test_removing_what_is_gone(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.workspaces.remove("ws_demo", ACT)
