"""Room on the disk that is given up for what must not fail."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from mcpgw.config import Config
from mcpgw.errors import StorageError
from mcpgw.store import reserve as module
from mcpgw.store.opened import Store
from mcpgw.store.reserve import SIZE_BYTES, STEP_BYTES, Reserve, release


def held(home: Path) -> int:
    path = home / "reserve"
    return path.stat().st_size if path.exists() else 0


async def test_it_is_filled_given_up_and_filled_again(tmp_path: Path) -> None:
    await Reserve(tmp_path).fill()
    assert held(tmp_path) == SIZE_BYTES
    assert (tmp_path / "reserve").stat().st_mode & 0o777 == 0o600
    for step in range(1, SIZE_BYTES // STEP_BYTES + 1):
        assert release(tmp_path)
        assert held(tmp_path) == SIZE_BYTES - step * STEP_BYTES
    assert not release(tmp_path)
    await Reserve(tmp_path).fill()
    assert held(tmp_path) == SIZE_BYTES


async def test_it_is_filled_only_where_it_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_FREE_BYTES", 1 << 60)
    await Reserve(tmp_path).fill()
    assert held(tmp_path) == 0
    assert not release(tmp_path)


async def test_where_it_cannot_be_had(tmp_path: Path) -> None:
    (tmp_path / "reserve").mkdir()
    with pytest.raises(StorageError, match="no room"):
        await Reserve(tmp_path).fill()
    with pytest.raises(StorageError):
        await Reserve(tmp_path / "none").fill()


def full(home: Path, enough_bytes: int):  # type: ignore[no-untyped-def]  # statements
    """Return statements that find the disk full until so much is left of the reserve."""

    def statements(connection: Connection) -> str:
        if held(home) > enough_bytes:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        connection.execute(text("UPDATE meta SET value = value"))
        return "done"

    return statements


async def test_what_is_urgent_takes_what_it_needs(store: Store, config: Config) -> None:
    await store.reserve.fill()
    enough = SIZE_BYTES - 2 * STEP_BYTES
    statements = full(config.home, enough)
    with pytest.raises(StorageError, match="disk is full"):
        await store.database.write(statements)
    assert held(config.home) == SIZE_BYTES
    assert await store.database.write(statements, is_urgent=True) == "done"
    assert held(config.home) == enough


async def test_what_is_urgent_fails_when_nothing_helps(store: Store, config: Config) -> None:
    await store.reserve.fill()
    with pytest.raises(StorageError, match="disk is full"):
        await store.database.write(full(config.home, -1), is_urgent=True)
    assert held(config.home) == 0


async def test_the_room_on_the_disk(tmp_path: Path) -> None:
    free_bytes, all_bytes = await Reserve(tmp_path).room()
    assert 0 < free_bytes < all_bytes
    with pytest.raises(StorageError, match="cannot be looked at"):
        await Reserve(tmp_path / "gone").room()
