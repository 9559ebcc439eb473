"""Adds calls up by hour, so that a year of them can be read.

A step reads some rows beside the writer and adds them in one short transaction, which also notes
the last row counted: each row counts once, however often a step is cut off or done by two at once.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects import sqlite

from mcpgw.model.audit import RATE_LIMITED, TOO_MANY_REQUESTS
from mcpgw.model.histogram import pack, unpack
from mcpgw.store import journal_tables as tables

ROWS_AT_ONCE = 5000
"""Their tallies are written within some 10 ms, during which a call waits for its row."""

HOUR_US = 3_600_000_000

GROUPED = f"""
SELECT started_us / {HOUR_US} AS hour, caller_id, target_id, outcome, bucket,
    count(*), sum(upstream_status = {TOO_MANY_REQUESTS} OR error IS :rate_limited),
    sum(duration_us), sum(upstream_us), sum(request_bytes), sum(result_bytes),
    max(duration_us), seq
FROM call_end
WHERE {{which}}
GROUP BY hour, caller_id, target_id, outcome, bucket
"""  # noqa: S608  (constants of ours)
"""SQLite takes `seq` from the row of the maximum."""

_TALLIED = "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'tallied'"

_FIND = """
SELECT calls, rate_limited, duration_us, upstream_us, request_bytes, result_bytes, slowest_us,
    slowest_seq, durations
FROM tally WHERE hour = ? AND caller_id = ? AND target_id = ? AND outcome = ?
"""

_PUT = str(insert(tables.tally).prefix_with("OR REPLACE").compile(dialect=sqlite.dialect()))

Tally = tuple[Any, ...]
"""The values of a row of `tally`."""


def tallied(connection: sqlite3.Connection) -> int:
    """Return the number of the last row that the tallies count."""
    (seq,) = connection.execute(_TALLIED).fetchone()
    return int(seq)


def rate_limited(connection: sqlite3.Connection) -> int | None:
    """Return the number of the error class of limits reached, None while none was."""
    row = connection.execute("SELECT id FROM label WHERE text = ?", (RATE_LIMITED,)).fetchone()
    return None if row is None else int(row[0])


def count(connection: sqlite3.Connection, after: int) -> tuple[int, list[Tally]]:
    """Add up the rows behind `after`, not too many; return the last one's number and the tallies.

    Run it in a transaction.
    """
    wanted = "SELECT max(seq) FROM (SELECT seq FROM call_end WHERE seq > ? ORDER BY seq LIMIT ?)"
    (last,) = connection.execute(wanted, (after, ROWS_AT_ONCE)).fetchone()
    if last is None:
        return after, []
    values = {"rate_limited": rate_limited(connection), "after": after, "last": last}
    grouped = GROUPED.format(which="seq > :after AND seq <= :last")
    return last, list(tallies(connection.execute(grouped, values)))


def tallies(rows: Iterable[tuple[Any, ...]]) -> Iterator[Tally]:
    """Return one tally for all grouped rows that differ in their bucket only."""
    for key, same in groupby(rows, key=lambda row: row[:4]):
        parts = list(same)
        slowest_us, slowest_seq = max(part[11:13] for part in parts)
        sums = (sum(part[column] for part in parts) for column in range(5, 11))
        durations = pack({part[4]: part[5] for part in parts})
        yield (*key, *sums, slowest_us, slowest_seq, durations)


def add(connection: sqlite3.Connection, after: int, last: int, counted: Iterable[Tally]) -> None:
    """Add tallies of the rows behind `after` up to `last`, unless somebody did. Run in a write."""
    if tallied(connection) != after:
        return
    for one in counted:
        key = one[:4]
        found = connection.execute(_FIND, key).fetchone()
        connection.execute(_PUT, one if found is None else (*key, *_sum(one[4:], found)))
    connection.execute("UPDATE meta SET value = ? WHERE name = 'tallied'", (str(last),))


def forget(connection: sqlite3.Connection, before_us: int) -> None:
    """Remove the tallies of hours before that moment. Run in a write."""
    connection.execute("DELETE FROM tally WHERE hour < ?", (before_us // HOUR_US,))


def _sum(one: Tally, other: Tally) -> Tally:
    """Return two tallies of the same kind as one."""
    sums = (mine + theirs for mine, theirs in zip(one[:6], other[:6], strict=True))
    slowest_us, slowest_seq = max(one[6:8], other[6:8])
    return (*sums, slowest_us, slowest_seq, pack(unpack(one[8] + other[8])))
