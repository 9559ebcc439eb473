"""Each call is in the tallies once, however they were made."""

# ruff: noqa: S608  (names of ours in statements)

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mcpgw.config import Config
from mcpgw.model.histogram import unpack
from mcpgw.store import tally as module
from mcpgw.store.engine import open_connection
from mcpgw.store.schema import prepare
from mcpgw.store.tally import HOUR_US, add, count, forget, tallied
from tests.store.history import calls, write
from tests.store.records import NOW

CALLS = 400

SUMS = "count(*), sum(duration_us), sum(upstream_us), sum(request_bytes), sum(result_bytes)"
TALLIED = "sum(calls), sum(duration_us), sum(upstream_us), sum(request_bytes), sum(result_bytes)"


@pytest.fixture
def connection(config: Config) -> Iterator[sqlite3.Connection]:
    prepare(config, create=True)
    write(config.journal_path, calls(CALLS, first_at=NOW, last_at=NOW + 5 * 3600))
    with closing(open_connection(config.journal_path)) as connection:
        yield connection


def step(connection: sqlite3.Connection) -> bool:
    after = tallied(connection)
    last, counted = count(connection, after)
    add(connection, after, last, counted)
    return last > after


def rows(connection: sqlite3.Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query).fetchall()


@pytest.mark.parametrize("at_once", [7, 100, 10_000])
def test_the_sums_are_those_of_the_calls(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", at_once)
    steps = 0
    while step(connection):
        steps += 1
    assert steps >= CALLS // at_once
    key = f"started_us / {HOUR_US}, caller_id, target_id, outcome"
    by_key = rows(connection, f"SELECT {key}, {SUMS} FROM call_end GROUP BY 1, 2, 3, 4")
    key = "hour, caller_id, target_id, outcome"
    assert by_key == rows(connection, f"SELECT {key}, {TALLIED} FROM tally GROUP BY 1, 2, 3, 4")
    limited = "SELECT count(*) FROM call_end WHERE upstream_status = 429"
    assert rows(connection, limited) == rows(connection, "SELECT sum(rate_limited) FROM tally")


def test_durations_and_the_slowest_call(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 13)
    while step(connection):
        pass
    buckets = Counter(bucket for (bucket,) in connection.execute("SELECT bucket FROM call_end"))
    packed = b"".join(one for (one,) in connection.execute("SELECT durations FROM tally"))
    assert unpack(packed) == buckets
    slowest = rows(connection, "SELECT duration_us, seq FROM call_end ORDER BY 1 DESC LIMIT 1")
    found = "SELECT slowest_us, slowest_seq FROM tally ORDER BY 1 DESC LIMIT 1"
    assert rows(connection, found) == slowest


def test_two_at_once_count_nothing_twice(connection: sqlite3.Connection) -> None:
    after = tallied(connection)
    last, counted = count(connection, after)
    for _ in range(2):
        add(connection, after, last, counted)
    assert rows(connection, "SELECT sum(calls) FROM tally") == [(CALLS,)]
    assert not step(connection)


def test_limits_told_in_words(connection: sqlite3.Connection, config: Config) -> None:
    write(config.journal_path, calls(1, first_at=NOW, last_at=NOW + 1))
    connection.execute("DROP TRIGGER call_end_keeps_values")
    connection.execute("INSERT INTO label (text) VALUES ('rate_limited')")
    connection.execute(
        "UPDATE call_end SET upstream_status = 0,"
        " error = (SELECT id FROM label WHERE text = 'rate_limited') WHERE seq < 20"
    )
    expected = "SELECT count(*) FROM call_end WHERE seq < 20 OR upstream_status = 429"
    while step(connection):
        pass
    assert rows(connection, "SELECT sum(rate_limited) FROM tally") == rows(connection, expected)


def test_old_hours_are_forgotten(connection: sqlite3.Connection) -> None:
    while step(connection):
        pass
    forget(connection, int((NOW + 2 * 3600) * 1e6))
    oldest = rows(connection, "SELECT min(hour) FROM tally")
    assert oldest == [(int((NOW + 2 * 3600) * 1e6) // HOUR_US,)]


def test_nothing_to_count(tmp_path: Path, config: Config) -> None:
    prepare(config, create=True)
    with closing(open_connection(config.journal_path)) as connection:
        assert not step(connection)
