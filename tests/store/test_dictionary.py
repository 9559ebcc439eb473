"""What rows repeat is stored once, and found again by another process."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from msgspec import structs

from mcpgw.config import Config
from mcpgw.model.chain import spelled
from mcpgw.store import dictionary as module
from mcpgw.store.dictionary import Dictionary
from mcpgw.store.engine import open_connection
from mcpgw.store.schema import prepare
from tests.store.records import call_start

START = call_start()


@pytest.fixture
def connection(config: Config) -> Iterator[sqlite3.Connection]:
    prepare(config, create=True)
    with closing(open_connection(config.journal_path)) as connection:
        yield connection


def counted(connection: sqlite3.Connection, table: str) -> int:
    counted: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
    return counted


def test_the_same_has_one_number(connection: sqlite3.Connection) -> None:
    one, other = Dictionary(), Dictionary()
    for dictionary in (one, other, one):
        assert dictionary.caller(connection, START.caller) == one.caller(connection, START.caller)
        assert dictionary.target(connection, START.target) == one.target(connection, START.target)
        assert dictionary.label(connection, "x") == one.label(connection, "x")
    assert counted(connection, "caller") == counted(connection, "target") == 1
    texts = [text for (text,) in connection.execute("SELECT text FROM label ORDER BY id")]
    assert texts == ["ws_demo", "tok_1", "jira", "x"]


def test_whoever_differs_in_anything_has_another_number(connection: sqlite3.Connection) -> None:
    dictionary = Dictionary()
    records = [START.caller]
    records += [
        structs.replace(START.caller, **{name: "other"}) for name in START.caller.__struct_fields__
    ]
    found = [dictionary.caller(connection, caller) for caller in records]
    assert len({known.id for known in found}) == len(records)
    assert [known.spelled for known in found] == [spelled(structs.astuple(r)) for r in records]


def test_what_was_rolled_back_is_looked_for_anew(connection: sqlite3.Connection) -> None:
    dictionary = Dictionary()
    connection.execute("BEGIN")
    dictionary.target(connection, START.target)
    connection.execute("ROLLBACK")
    dictionary.forget()
    dictionary.target(connection, START.target)
    assert counted(connection, "target") == 1


def test_what_is_remembered_is_bounded(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    dictionary = Dictionary()
    numbers = [dictionary.label(connection, str(text)) for text in (*range(10), *range(10))]
    assert numbers[:10] == numbers[10:]
    assert len(dictionary._labels) <= 3
