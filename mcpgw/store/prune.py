"""Takes the oldest calls out of the journal, some rows at a time, under a checkpoint that moves on.

Each step is one transaction: a new checkpoint is signed, and the rows before it go. However it is
cut off, the journal verifies from the last checkpoint. Never takes a row that is not in the tallies
yet, nor the start of a call under way.
"""

import sqlite3
from collections.abc import Iterator

from mcpgw.errors import StorageError
from mcpgw.model.chain import Checkpoint
from mcpgw.store.rows import Sign, put_checkpoint

ROWS_AT_ONCE = 1000
"""Deleting them takes some 10 ms, during which a call waits for its row."""

_OLDEST_KEPT = """
SELECT min(seq) FROM (
    SELECT min(seq) AS seq FROM call_end WHERE started_us >= :before_us
    UNION ALL SELECT min(seq) FROM call_start WHERE started_us >= :before_us
    UNION ALL SELECT min(call_start.seq) FROM call_start
        LEFT JOIN call_end ON call_end.start_seq = call_start.seq WHERE call_end.seq IS NULL
    UNION ALL SELECT value + 1 FROM meta WHERE name = 'tallied'
)
"""

_NEWEST = "SELECT seq, mac, reason, rows, made_us FROM checkpoint ORDER BY seq DESC LIMIT 1"

_TAKE_UNSIGNED = """
DELETE FROM call_end
WHERE seq IN (SELECT seq FROM call_end WHERE seq <= ? ORDER BY seq LIMIT ?)
"""

_MAC = "SELECT mac FROM call_end WHERE seq = ? UNION ALL SELECT mac FROM call_start WHERE seq = ?"

_USE = {
    "caller": (("call_start", "caller_id"), ("call_end", "caller_id"), ("tally", "caller_id")),
    "target": (("call_start", "target_id"), ("call_end", "target_id"), ("tally", "target_id")),
    "label": tuple(("call_end", name) for name in ("workspace", "token", "server", "error")),
}
"""Where the numbers of what repeats are used."""

_HEAD = """
SELECT max(seq) FROM (
    SELECT max(seq) AS seq FROM call_start UNION ALL SELECT max(seq) FROM call_end
)
"""


def last_to_prune(connection: sqlite3.Connection, before_us: int) -> int:
    """Return the number of the last row that may go, if those before that moment are to go."""
    (kept,) = connection.execute(_OLDEST_KEPT, {"before_us": before_us}).fetchone()
    return int(kept) - 1


def prune_some(connection: sqlite3.Connection, sign: Sign, last: int, now_us: int) -> int:
    """Take away the oldest rows up to `last`, not too many; return how many. Run it in a write.

    Raises:
        StorageError: a row is missing.
    """
    begin = Checkpoint(*connection.execute(_NEWEST).fetchone())
    unsigned = connection.execute(_TAKE_UNSIGNED, (min(last, begin.seq), ROWS_AT_ONCE)).rowcount
    upto = min(begin.seq + ROWS_AT_ONCE, last)
    if unsigned or upto <= begin.seq:
        return unsigned
    row = connection.execute(_MAC, (upto, upto)).fetchone()
    if row is None:
        raise StorageError(f"the journal has no row {upto}", "see: mcpgw logs verify")
    before = begin.rows if begin.reason == "prune" else 0
    taken = upto - begin.seq
    put_checkpoint(connection, Checkpoint(upto, row[0], "prune", before + taken, now_us), sign)
    for table in ("call_start", "call_end", "checkpoint"):
        bound = "<" if table == "checkpoint" else "<="
        connection.execute(f"DELETE FROM {table} WHERE seq {bound} ?", (upto,))  # noqa: S608
    return taken


def unused(connection: sqlite3.Connection) -> tuple[int, dict[str, list[int]]]:
    """Return the number of the last row, and what no row and no tally up to it speaks of."""
    (head,) = connection.execute(_HEAD).fetchone()
    found = {}
    for table, uses in _USE.items():
        used = " UNION ".join(f"SELECT {column} FROM {user}" for user, column in uses)  # noqa: S608
        wanted = f"SELECT id FROM {table} WHERE id NOT IN ({used})"  # noqa: S608
        found[table] = [number for (number,) in connection.execute(wanted)]
    return head or 0, found


def remove_unused(connection: sqlite3.Connection, head: int, found: dict[str, list[int]]) -> None:
    """Remove what was unused, unless a row behind `head` speaks of it. Run it in a write."""
    for table, numbers in found.items():
        late = set(_used_behind(connection, table, head))
        gone = [(number,) for number in numbers if number not in late]
        connection.executemany(f"DELETE FROM {table} WHERE id = ?", gone)  # noqa: S608


def _used_behind(connection: sqlite3.Connection, table: str, head: int) -> Iterator[int]:
    for user, column in _USE[table]:
        if user != "tally":
            wanted = f"SELECT DISTINCT {column} FROM {user} WHERE seq > ?"  # noqa: S608
            for (number,) in connection.execute(wanted, (head,)):
                yield number
