"""Every commit of anybody else is seen at once."""

import os
import shutil
from pathlib import Path

import pytest

from mcpgw.config import Config
from mcpgw.errors import StorageError
from mcpgw.store import changes
from mcpgw.store.changes import Changes
from mcpgw.store.engine import open_connection
from mcpgw.store.opened import Store
from tests.store.children import run
from tests.store.records import ACT, server

WRITE = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    connection.execute("UPDATE server SET is_enabled = 0")
"""


async def test_every_commit_of_this_process_is_seen(demo: Store) -> None:
    seen = {demo.changes.version()}
    for number in range(20):
        await demo.servers.set_enabled(server().id, number % 2 == 1, ACT)
        seen.add(demo.changes.version())
    assert len(seen) == 21


async def test_reading_and_a_change_that_failed_are_none(demo: Store) -> None:
    before = demo.changes.version()
    await demo.configuration.load()
    with pytest.raises(StorageError):
        await demo.database.write(
            lambda connection: connection.exec_driver_sql("INSERT INTO nothing VALUES (1)")
        )
    assert demo.changes.version() == before


async def test_a_commit_of_another_process_is_seen(demo: Store, config: Config) -> None:
    before = demo.changes.version()
    run(WRITE, config.configuration_path)
    assert demo.changes.version() != before


async def test_looking_does_not_hold_the_log_back(demo: Store, config: Config) -> None:
    demo.changes.version()
    writer = open_connection(config.configuration_path)
    assert writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    writer.close()


async def test_a_file_that_was_replaced_or_removed(
    demo: Store, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.changes.version()
    monkeypatch.setattr(changes, "_LOOK_AFTER_S", -1.0)
    path = config.configuration_path
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    os.replace(copy, path)
    with pytest.raises(StorageError, match="was replaced while it was open"):
        demo.changes.version()
    path.unlink()
    with pytest.raises(StorageError, match=r"configuration\.db"):
        demo.changes.version()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        Changes(tmp_path / "configuration.db")


async def test_a_closed_counter_does_not_answer(demo: Store, config: Config) -> None:
    counter = Changes(config.configuration_path)
    counter.close()
    with pytest.raises(StorageError):
        counter.version()
