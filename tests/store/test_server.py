"""Servers: their launch comes back as it went in, and their order is that of adding."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from mcpgw.errors import Conflict, InvalidInput, NotFound, StorageError
from mcpgw.model.server import HttpLaunch, Launch, StdioLaunch
from mcpgw.store import tables
from mcpgw.store.opened import Store
from tests.store.records import ACT, secret, server


@pytest.mark.parametrize(
    "launch",
    [
        StdioLaunch(("run",)),
        StdioLaunch(("run", "--é", ""), (("A", "${secret:B}"), ("A", 'x"\n')), "/srv/data"),
        HttpLaunch("https://mcp.example.com/mcp"),
        HttpLaunch("http://127.0.0.1:1/", (("Authorization", "Bearer ${secret:T}"),)),
    ],
)
async def test_a_launch_comes_back_as_it_went_in(demo: Store, launch: Launch) -> None:
    added = server("other", launch=launch, is_enabled=False)
    await demo.servers.add(added, ACT)
    assert (await demo.configuration.load()).servers["ws_demo"] == (server(), added)


async def test_the_order_is_that_of_adding_whatever_the_clock_says(demo: Store) -> None:
    for created_at, name in enumerate(["z", "a", "m"]):
        await demo.servers.add(replace(server(name), created_at=-float(created_at)), ACT)
    await demo.servers.remove(server("a").id, ACT)
    await demo.servers.add(server("a"), ACT)
    found = (await demo.configuration.load()).servers["ws_demo"]
    assert [one.name for one in found] == ["jira", "z", "m", "a"]


async def test_a_taken_name_is_a_conflict(demo: Store) -> None:
    with pytest.raises(Conflict, match="already a server 'jira'"):
        await demo.servers.add(replace(server(), id="srv_other"), ACT)


async def test_a_server_of_a_workspace_that_is_gone(demo: Store) -> None:
    with pytest.raises(NotFound):
        await demo.servers.add(server(workspace_id="ws_gone"), ACT)


async def test_a_launch_that_is_not_text(demo: Store) -> None:
    with pytest.raises(InvalidInput):
        await demo.servers.add(server("other", launch=StdioLaunch(("\udcff",))), ACT)


async def test_switching_off_and_on(demo: Store) -> None:
    for is_enabled in (False, True):
        await demo.servers.set_enabled(server().id, is_enabled, ACT)
        (found,) = (await demo.configuration.load()).servers["ws_demo"]
        assert found == server(is_enabled=is_enabled)


async def test_removing_takes_its_secrets(demo: Store) -> None:
    await demo.secrets.put(secret(), ACT)
    await demo.servers.remove(server().id, ACT)
    configuration = await demo.configuration.load()
    assert (configuration.servers, configuration.secrets) == ({}, {})


async def test_changing_what_is_gone(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.servers.remove("srv_1", ACT)
    with pytest.raises(NotFound):
        await store.servers.set_enabled("srv_1", True, ACT)


@pytest.mark.parametrize("launch", ["", "{}", "[]", '{"ftp":{}}', '{"stdio":{"command":[1]}}'])
async def test_a_launch_that_mcpgw_never_wrote(demo: Store, launch: str) -> None:
    await demo.database.write(
        lambda connection: connection.execute(update(tables.server).values(launch=launch))
    )
    with pytest.raises(StorageError, match="did not write"):
        await demo.configuration.load()
