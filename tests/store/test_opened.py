"""The door to the store: opened and closed whole."""

import sqlite3
import threading
from contextlib import closing

import pytest

from mcpgw.config import Config
from mcpgw.errors import NotFound
from mcpgw.store.opened import open_store
from tests.fakes import read
from tests.store.children import run
from tests.store.records import ACT, call_end, datakey, sign, workspace


async def test_what_was_stored_is_there_after_opening_again(config: Config) -> None:
    first = await open_store(config, create=True, is_server=True)
    await first.workspaces.add(workspace(), datakey(), ACT)
    first.journal.sign_with(sign)
    queued = first.journal.end(call_end())
    before = await first.configuration.load()
    await first.close()
    assert queued.done()
    second = await open_store(config, create=False, is_server=False)
    after = await second.configuration.load()
    assert (after.install_id, after.workspaces) == (before.install_id, before.workspaces)
    assert await second.journal.get("ws_demo", call_end().start.call_id) == read(call_end())
    await second.close()


async def test_nothing_is_opened_where_nothing_is(config: Config) -> None:
    with pytest.raises(NotFound):
        await open_store(config, create=False, is_server=False)


async def test_closing_leaves_no_thread_and_no_log(config: Config) -> None:
    before = set(threading.enumerate())
    store = await open_store(config, create=True, is_server=True)
    await store.workspaces.add(workspace(), datakey(), ACT)
    store.journal.sign_with(sign)
    await store.journal.end(call_end())
    await store.close()
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert {name for name in left if not name.startswith("asyncio")} == set()
    assert sorted(path.name for path in config.home.iterdir()) == ["configuration.db", "journal.db"]


async def test_both_databases_are_whole_while_open(config: Config) -> None:
    store = await open_store(config, create=True, is_server=True)
    await store.workspaces.add(workspace(), datakey(), ACT)
    store.journal.sign_with(sign)
    await store.journal.end(call_end())
    for path in (config.configuration_path, config.journal_path):
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    await store.close()


def test_a_program_that_forgets_to_close_ends_all_the_same(config: Config) -> None:
    program = """
import asyncio, sys
from mcpgw.config import load_config
from mcpgw.store.opened import open_store
from tests.store.records import call_end, sign
async def main():
    store = await open_store(load_config({"home": sys.argv[1]}), create=True, is_server=True)
    await store.configuration.load()
    store.journal.sign_with(sign)
    await store.journal.end(call_end())
asyncio.run(main())
"""
    run(program, config.home)
