"""The configuration as a whole: dated before it is read."""

import asyncio
import threading
from contextlib import closing

import pytest

from mcpgw.errors import StorageError
from mcpgw.store.engine import open_connection
from mcpgw.store.opened import Store
from tests.store.records import ACT, datakey, workspace


async def test_an_empty_store(store: Store) -> None:
    configuration = await store.configuration.load()
    assert len(configuration.install_id) == 32
    assert (configuration.workspaces, configuration.servers, configuration.secrets) == ({}, {}, {})
    assert (configuration.tokens, configuration.slots, configuration.datakeys) == ({}, (), {})


async def test_what_is_loaded_carries_the_version_from_before(store: Store) -> None:
    before = store.configuration.version()
    configuration = await store.configuration.load()
    assert configuration.version == before == store.configuration.version()
    await store.workspaces.add(workspace(), datakey(), ACT)
    assert store.configuration.version() != configuration.version
    newer = await store.configuration.load()
    assert newer.version == store.configuration.version()
    assert newer.install_id == configuration.install_id


async def test_a_commit_while_reading_is_noticed_afterwards(store: Store) -> None:
    """What is loaded may be newer than its version says, never older."""
    may_read = threading.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(store.database.read(lambda _: may_read.wait(10)))
        loading = group.create_task(store.configuration.load())
        await asyncio.sleep(0)  # the version is taken; the threads that read are busy
        with closing(open_connection(store.database.path)) as other:
            other.execute("INSERT INTO workspace (id, slug, created_at) VALUES ('ws_1', 'one', 0)")
        may_read.set()
    assert list(loading.result().workspaces) == ["one"]
    assert loading.result().version != store.configuration.version()


async def test_a_database_that_cannot_be_read(store: Store) -> None:
    await store.database.write(lambda connection: connection.exec_driver_sql("DROP TABLE keyslot"))
    with pytest.raises(StorageError):
        await store.configuration.load()
