"""Connections, transactions, and what the libraries' errors mean to a person."""

import errno
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, exc

from mcpgw.errors import Conflict, GatewayError, InvalidInput, NotFound, StorageError
from mcpgw.store.engine import (
    MAX_WAL_BYTES,
    Database,
    file_identity,
    map_errors,
    open_connection,
)
from mcpgw.store.opened import Store
from tests.store.children import start
from tests.store.records import ACT, server, sign


def all_of(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from all_of(narrower)


LIBRARY_ERRORS = sorted(
    {*all_of(sqlite3.Error), sqlite3.Warning, *all_of(exc.SQLAlchemyError)},
    key=lambda kind: (kind.__module__, kind.__name__),
)


@pytest.mark.parametrize(
    "kind", LIBRARY_ERRORS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}"
)
def test_every_error_of_the_libraries_is_translated(kind: type[BaseException]) -> None:
    with pytest.raises(StorageError) as raised, map_errors("x.db"):
        raise kind.__new__(kind)
    assert raised.value.message.startswith("x.db: ")
    assert "\n" not in raised.value.message
    assert raised.value.hint
    assert raised.value.__cause__ is None


def coded(code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    error = kind("a message with a canary")
    error.sqlite_errorcode = code
    error.sqlite_errorname = "SQLITE_SOMETHING"
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (coded(sqlite3.SQLITE_FULL), "the disk is full"),
        (coded(sqlite3.SQLITE_READONLY), "cannot be opened or written"),
        (coded(sqlite3.SQLITE_CANTOPEN), "cannot be opened or written"),
        (coded(sqlite3.SQLITE_BUSY), "another process keeps it locked"),
        (coded(sqlite3.SQLITE_BUSY_SNAPSHOT), "another process keeps it locked"),
        (coded(sqlite3.SQLITE_CORRUPT), "damaged or no database"),
        (coded(sqlite3.SQLITE_NOTADB), "damaged or no database"),
        (coded(sqlite3.SQLITE_IOERR_WRITE), "the disk does not read or write"),
        (coded(sqlite3.SQLITE_NOMEM), "the database refused"),
        (coded(sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.IntegrityError), "the database refused"),
        (OSError(errno.ENOSPC, "canary"), "the disk is full"),
        (OSError(errno.EROFS, "canary"), "cannot be opened or written"),
        (PermissionError(errno.EACCES, "canary"), "cannot be opened or written"),
        (OSError(errno.EIO, "canary"), "the disk does not read or write"),
        (exc.OperationalError("canary", {}, coded(sqlite3.SQLITE_FULL)), "the disk is full"),
    ],
)
def test_each_kind_of_failure_says_what_it_is(error: Exception, said: str) -> None:
    with pytest.raises(StorageError) as raised, map_errors("x.db"):
        raise error
    assert said in raised.value.message
    assert "canary" not in raised.value.message + raised.value.hint


def test_broken_rules_of_the_tables() -> None:
    unique = coded(sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.IntegrityError)
    with pytest.raises(Conflict, match="taken"), map_errors("x.db", Conflict("taken")):
        raise unique
    orphan = coded(sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, sqlite3.IntegrityError)
    with pytest.raises(NotFound), map_errors("x.db", Conflict("taken")):
        raise orphan


@pytest.mark.parametrize("value", ["\udcff", 1 << 63])
def test_what_cannot_be_stored_is_bad_input(value: object) -> None:
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(InvalidInput),
        map_errors("x.db"),
    ):
        connection.execute("SELECT ?", (value,))


def test_our_own_errors_pass() -> None:
    with pytest.raises(GatewayError) as raised, map_errors("x.db"):
        raise NotFound("as it was")
    assert raised.value.message == "as it was"


SETTINGS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "busy_timeout": 5000,
    "secure_delete": 1,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "temp_store": 2,
    "wal_autocheckpoint": 0,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "x.db").touch()
    return tmp_path / "x.db"


async def test_every_connection_is_set_up(path: Path) -> None:
    database = Database(path)

    def read(connection: Connection) -> dict[str, object]:
        return {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in SETTINGS
        }

    assert await database.read(read) == SETTINGS
    await database.close()


def test_no_connection_makes_a_file_or_writes_to_one_it_only_reads(path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        open_connection(path.with_name("other.db"))
    assert not path.with_name("other.db").exists()
    open_connection(path).close()
    with (
        closing(open_connection(path, is_read_only=True)) as connection,
        pytest.raises(sqlite3.OperationalError),
    ):
        connection.execute("CREATE TABLE t (x)")


def test_a_file_that_is_no_database_is_not_kept_open(path: Path) -> None:
    path.write_bytes(b"no database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        open_connection(path)


def test_the_identity_of_a_file(path: Path) -> None:
    before = file_identity(path)
    assert file_identity(str(path)) == before
    path.with_name("other.db").touch()
    assert file_identity(path.with_name("other.db")) != before


async def test_a_failing_transaction_leaves_nothing(demo: Store) -> None:
    def statements(connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM server")
        raise NotFound("changed my mind")

    with pytest.raises(NotFound, match="changed my mind"):
        await demo.database.write(statements)
    assert (await demo.configuration.load()).servers == {"ws_demo": (server(),)}


async def test_a_transaction_that_reads_sees_one_state(demo: Store) -> None:
    is_reading, may_go_on = threading.Event(), threading.Event()

    def statements(connection: Connection) -> list[object]:
        seen = [connection.exec_driver_sql("SELECT count(*) FROM server").scalar()]
        is_reading.set()
        may_go_on.wait(10)
        return [*seen, connection.exec_driver_sql("SELECT count(*) FROM server").scalar()]

    def remove() -> None:
        is_reading.wait(10)
        with closing(open_connection(demo.database.path)) as other:
            other.execute("DELETE FROM server")
        may_go_on.set()

    other = threading.Thread(target=remove)
    other.start()
    assert await demo.database.read(statements) == [1, 1]
    other.join()


async def test_the_log_is_emptied_when_it_has_grown(path: Path) -> None:
    database = Database(path)
    log = path.with_name("x.db-wal")
    await database.write(lambda c: c.exec_driver_sql("CREATE TABLE t (x)"))
    blob = b"x" * MAX_WAL_BYTES
    sizes = []
    for _ in range(4):
        await database.write(lambda c: c.exec_driver_sql("INSERT INTO t VALUES (?)", (blob,)))
        await database.write(lambda c: c.exec_driver_sql("DELETE FROM t"))
        sizes.append(log.stat().st_size)
    assert max(sizes) < 3 * MAX_WAL_BYTES
    await database.close()


async def test_a_log_that_cannot_be_emptied_undoes_nothing(path: Path) -> None:
    database = Database(path)
    await database.write(lambda c: c.exec_driver_sql("CREATE TABLE t (x)"))
    blob = b"x" * MAX_WAL_BYTES

    def insert(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO t VALUES (?)", (blob,))
        # The connection that would empty the log finds no file.
        path.rename(path.with_name("away.db"))

    await database.write(insert)
    path.with_name("away.db").rename(path)
    assert await database.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM t").scalar()) == 1
    await database.close()


async def test_a_full_database_is_a_storage_error_and_recovers(path: Path) -> None:
    database = Database(path)
    await database.write(lambda c: c.exec_driver_sql("CREATE TABLE t (x)"))

    def insert(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO t VALUES (?)", (b"x" * 100_000,))

    def insert_without_room(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 3")
        insert(connection)

    with pytest.raises(StorageError, match="the disk is full"):
        await database.write(insert_without_room)

    def make_room(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        insert(connection)

    await database.write(make_room)
    assert await database.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM t").scalar()) == 1
    await database.close()


ADD_SERVERS = """
import asyncio, sys
from mcpgw.config import load_config
from mcpgw.store.opened import open_store
from tests.store.children import start
from tests.store.records import ACT, server

async def main(home, number):
    store = await open_store(load_config({"home": home}), create=False, is_server=False)
    for count in range(25):
        await store.servers.add(server(f"s{number}-{count}"), ACT)
    await store.close()

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


async def test_two_processes_write_at_once(demo: Store) -> None:
    others = [start(ADD_SERVERS, demo.database.path.parent, str(number)) for number in range(2)]
    for count in range(25):
        await demo.servers.add(server(f"mine-{count}"), ACT)
    for other in others:
        other.communicate(timeout=60)
    assert [other.returncode for other in others] == [0, 0]
    assert len((await demo.configuration.load()).servers["ws_demo"]) == 76
    demo.acts.sign_with(sign)
    found = await demo.acts.verify()
    assert (found.unsigned, found.problem) == (77, "")
    assert await demo.acts.sign_rest() == 77
