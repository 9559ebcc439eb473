"""Records of sessions: kept by a commit, found at once, never a guess."""

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from mcpgw.config import Config
from mcpgw.errors import InvalidInput, StorageError
from mcpgw.store.engine import open_connection
from mcpgw.store.opened import Store, open_store
from tests.store.records import NOW, session


async def test_a_record_is_there_after_opening_again(config: Config, store: Store) -> None:
    await store.sessions.put(session(uris=("memo://1",)), 0.0)
    again = await open_store(config, create=False, is_server=False)
    assert again.sessions.get("session_1") == session(uris=("memo://1",))
    await again.close()


async def test_a_record_is_on_the_disk_when_its_future_ends(config: Config, store: Store) -> None:
    await store.sessions.put(session(is_ended=True), 0.0)
    with closing(sqlite3.connect(config.journal_path)) as connection:
        rows = connection.execute("SELECT id, is_ended FROM session").fetchall()
    assert rows == [("session_1", 1)]


async def test_looking_up_does_not_hold_the_log_back(config: Config, store: Store) -> None:
    await store.sessions.put(session(), 0.0)
    assert store.sessions.get("session_1") is not None
    with closing(open_connection(config.journal_path)) as other:
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)


def test_forgetting_uses_an_index(config: Config, store: Store) -> None:
    with closing(sqlite3.connect(config.journal_path)) as connection:
        question = "EXPLAIN QUERY PLAN DELETE FROM session WHERE started_at < 7"
        ((*_, plan),) = connection.execute(question).fetchall()
    assert "USING INDEX session_by_started_at" in plan


async def test_what_cannot_be_read_is_not_taken_for_nothing(config: Config, store: Store) -> None:
    await store.sessions.put(session(), 0.0)
    assert store.sessions.get("session_1") is not None
    away = config.journal_path.with_name("away")
    os.rename(config.journal_path, away)
    with pytest.raises(StorageError, match=r"journal\.db"):
        store.sessions.get("session_1")
    with pytest.raises(StorageError, match=r"journal\.db"):
        await store.sessions.put(session(is_ended=True), 0.0)
    os.rename(away, config.journal_path)
    assert store.sessions.get("session_1") == session()


async def test_records_come_from_the_file_that_stands_at_the_path(
    config: Config, store: Store
) -> None:
    """Somebody restored a backup under the running process."""
    path = config.journal_path
    assert store.sessions.get("session_1") is None
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = path.with_name("backup")
    shutil.copy(path, backup)
    await store.sessions.put(session(), 0.0)
    assert store.sessions.get("session_1") == session()
    for name in ("journal.db-wal", "journal.db-shm"):
        path.with_name(name).unlink()
    os.replace(backup, path)
    assert store.sessions.get("session_1") is None


async def test_what_cannot_be_written_is_refused(store: Store) -> None:
    with pytest.raises(InvalidInput):
        await store.sessions.put(session(uris=("memo://\udcff",)), 0.0)
    with pytest.raises(StorageError, match="Unicode"):
        await store.sessions.put(session(log_level="\udcff"), 0.0)
    await store.sessions.put(session(), 0.0)


@pytest.mark.parametrize("uris", ["no JSON", "{}", "[7]"])
async def test_a_record_that_mcpgw_did_not_write(config: Config, store: Store, uris: str) -> None:
    with closing(sqlite3.connect(config.journal_path)) as connection:
        values = ("session_1", "ws_demo", "tok_1", 0, "", uris, NOW, NOW)
        connection.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.commit()
    with pytest.raises(StorageError, match="did not write"):
        store.sessions.get("session_1")
