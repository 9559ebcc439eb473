"""One chain a file, whoever writes: numbered without a gap, each row signed with the one before."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from mcpgw.config import Config
from mcpgw.errors import StorageError
from mcpgw.model.chain import MAC_BYTES, Checkpoint, genesis
from mcpgw.store.engine import open_connection
from mcpgw.store.rows import BOX, Rows, chain_id
from mcpgw.store.schema import prepare
from tests.store.records import call_start, ended, new_rows, sign


@pytest.fixture
def connection(config: Config) -> Iterator[sqlite3.Connection]:
    prepare(config, create=True)
    with closing(open_connection(config.journal_path)) as connection:
        yield connection


def put(connection: sqlite3.Connection, rows: Rows, *records: object) -> list[int]:
    """Write records as the writer does."""
    connection.execute("BEGIN IMMEDIATE")
    starts, ends, numbers = rows.link(connection, records)  # type: ignore[arg-type]  # they fit
    for table, made in (("call_start", starts), ("call_end", ends)):
        for row in made:
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608
    connection.execute("COMMIT")
    rows.keep()
    return list(numbers)


def macs(connection: sqlite3.Connection) -> list[bytes]:
    both = "SELECT seq, mac FROM call_start UNION ALL SELECT seq, mac FROM call_end ORDER BY seq"
    return [mac for _, mac in connection.execute(both)]


def test_the_chain_begins_with_a_signed_checkpoint(connection: sqlite3.Connection) -> None:
    put(connection, new_rows(), call_start())
    ((seq, mac, reason, count, made_us, signature),) = connection.execute(
        "SELECT * FROM checkpoint"
    )
    chain = chain_id(connection)
    assert (seq, reason, count) == (0, "begin", 0)
    assert mac == sign(genesis(chain))[:MAC_BYTES]
    assert (
        signature == sign(Checkpoint(seq, mac, reason, count, made_us).spelled(chain))[:MAC_BYTES]
    )
    put(connection, new_rows(), call_start(2))
    assert connection.execute("SELECT count(*) FROM checkpoint").fetchone() == (1,)


def test_two_writers_continue_one_chain(config: Config, connection: sqlite3.Connection) -> None:
    server, command = new_rows(), Rows(BOX)
    command.sign_with(sign)
    with closing(open_connection(config.journal_path)) as other:
        assert put(connection, server, call_start(1), ended(2)) == [1, 2]
        assert put(other, command, call_start(3)) == [3]
        assert put(connection, server, ended(1)) == [4]
        assert put(other, command, ended(3)) == [5]
    ends = connection.execute("SELECT seq, start_seq FROM call_end ORDER BY seq").fetchall()
    assert ends == [(2, None), (4, 1), (5, 3)]
    assert len(set(macs(connection))) == 5
    writers = connection.execute("SELECT kind FROM writer ORDER BY id").fetchall()
    assert writers == [("serve",), ("box",)]


def test_what_was_rolled_back_leaves_no_gap(connection: sqlite3.Connection) -> None:
    rows = new_rows()
    put(connection, rows, call_start(1))
    connection.execute("BEGIN IMMEDIATE")
    rows.link(connection, [call_start(2), ended(1)])
    connection.execute("ROLLBACK")
    rows.forget()
    assert put(connection, rows, ended(2), ended(1)) == [2, 3]
    ends = connection.execute("SELECT seq, start_seq FROM call_end").fetchall()
    assert ends == [(2, None), (3, 1)]


def test_in_another_file_no_start_is_known(config: Config, connection: sqlite3.Connection) -> None:
    rows = new_rows()
    put(connection, rows, call_start(1))
    rows.forget(is_other_file=True)
    put(connection, rows, ended(1))
    assert connection.execute("SELECT start_seq FROM call_end").fetchall() == [(None,)]


def test_a_row_that_nobody_signed_begins_no_chain_anew(connection: sqlite3.Connection) -> None:
    """It is somebody else's: the rows before must not pass for those of before there were MACs."""
    put(connection, new_rows(), ended(1))
    connection.execute(
        "INSERT INTO call_end SELECT 2, writer_id, NULL, caller_id, target_id, "
        "workspace, token, server, started_us, 2, outcome, error, duration_us, "
        "bucket, upstream_us, upstream_status, request_bytes, result_bytes, "
        "redactions, restarts, retries, arguments, result, NULL FROM call_end"
    )
    connection.execute("DELETE FROM checkpoint")
    assert put(connection, new_rows(), ended(3)) == [3]
    assert connection.execute("SELECT count(*) FROM checkpoint").fetchone() == (0,)


def test_without_a_key_there_is_no_row(connection: sqlite3.Connection) -> None:
    with pytest.raises(StorageError, match="cannot be signed"):
        Rows(BOX).link(connection, [call_start()])
