"""The rows of the journal as they go in: numbered without a gap, each under a MAC with the last.

One chain a file: whoever holds SQLite's write lock continues it, so that a command at the box and
the serving process write one chain. Works in the transaction that it is given; after a rollback
`forget` must be called. Never changes a row that is there.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mcpgw.errors import StorageError
from mcpgw.model.audit import CallEnd, CallStart
from mcpgw.model.chain import END, MAC_BYTES, OUTCOME_CODE, START, Anchor, Checkpoint, genesis
from mcpgw.model.histogram import bucket_of
from mcpgw.store.dictionary import Dictionary

Sign = Callable[[bytes], bytes]
"""Returns the MAC of some bytes, at least as long as a row's."""

Row = tuple[int | bytes | None, ...]
"""The values of a row, in the order of its table's columns."""


_Call = tuple[int, int]


class Ended(NamedTuple):
    """How a call ended, and the number of the row of its start if another process wrote that."""

    end: CallEnd
    start_seq: int | None


SERVE, BOX = "serve", "box"

_HEADS = """
SELECT max(seq), mac FROM checkpoint
UNION ALL SELECT max(seq), mac FROM call_start
UNION ALL SELECT max(seq), mac FROM call_end
"""
"""The newest row of each table; SQLite takes the other columns from the row of the maximum."""


_SIGNED = """
SELECT 1 FROM checkpoint
UNION ALL SELECT 1 FROM call_start
UNION ALL SELECT 1 FROM call_end WHERE mac IS NOT NULL
LIMIT 1
"""


class Rows:
    """Makes rows out of what is to be recorded."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._began_us = 0
        self._dictionary = Dictionary()
        self._sign: Sign | None = None
        self._data_version: int | None = None
        self._writer = 0
        self._seq = 0
        self._mac = b""
        self._open: dict[_Call, int] = {}
        """The numbers of the starts without an end, by call."""
        self._opened: dict[_Call, int] = {}
        self._closed: list[_Call] = []
        """What the transaction under way changes of that."""

    def sign_with(self, sign: Sign) -> None:
        """Sign rows from now on; before that there are none."""
        self._sign = sign

    def keep(self) -> None:
        """Take the rows made last as committed."""
        self._open.update(self._opened)
        for call in self._closed:
            self._open.pop(call, None)
        self._clear()

    def forget(self, *, is_other_file: bool = False) -> None:
        """Take the rows made last as never written, and look at the file again before the next."""
        self._data_version = None
        if is_other_file:
            self._open.clear()
        self._clear()

    def _clear(self) -> None:
        self._opened.clear()
        self._closed.clear()

    def link(
        self, connection: sqlite3.Connection, records: Sequence[CallStart | Ended]
    ) -> tuple[Sequence[Row], Sequence[Row], range]:
        """Return the rows of `call_start` and of `call_end`, and all their numbers in order.

        The write lock is held from here to the commit.

        Raises:
            StorageError: there is no key to sign with.
        """
        self.require_key()
        self._began_us = self._began_us or _started_us(records[0])
        self._catch_up(connection)
        first = self._seq + 1
        starts: list[Row] = []
        ends: list[Row] = []
        for record in records:
            if isinstance(record, CallStart):
                starts.append(self._start(connection, record))
            else:
                ends.append(self._end(connection, *record))
        return starts, ends, range(first, self._seq + 1)

    def begin(self, connection: sqlite3.Connection) -> None:
        """Sign where the chain begins, in a journal that was never signed. Run it in a write.

        Raises:
            StorageError: there is no key to sign with.
        """
        self.require_key()
        self._catch_up(connection)

    def look_again(self) -> None:
        """Look at the file again before the next row: what repeats may have been removed."""
        self._data_version = None

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        """Go on where the file's chain ends by now."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._data_version:
            self._dictionary.forget()
            self._writer = self._find_writer(connection)
            self._seq, self._mac = self._find_head(connection)
            self._data_version = version

    def _start(self, connection: sqlite3.Connection, start: CallStart) -> Row:
        caller = self._dictionary.caller(connection, start.caller)
        target = self._dictionary.target(connection, start.target)
        seq = self._seq = self._seq + 1
        numbers = (seq, self._writer, start.started_us, start.number, start.request_bytes)
        texts = (start.arguments, caller.spelled, target.spelled)
        mac = self._mac = self._signed(START.spelled(numbers, texts) + self._mac)
        self._opened[start.started_us, start.number] = seq
        return (
            *(seq, self._writer, caller.id, target.id),
            *(start.started_us, start.number, start.request_bytes, start.arguments, mac),
        )

    def _end(self, connection: sqlite3.Connection, end: CallEnd, start_seq: int | None) -> Row:
        start = end.start
        caller = self._dictionary.caller(connection, start.caller)
        target = self._dictionary.target(connection, start.target)
        error = self._dictionary.label(connection, end.error_class)
        outcome, bucket = OUTCOME_CODE[end.outcome], bucket_of(end.duration_us)
        call = start.started_us, start.number
        start_seq = start_seq or self._opened.get(call) or self._open.get(call)
        self._closed.append(call)
        seq = self._seq = self._seq + 1
        numbers = (
            *(seq, self._writer, start_seq or 0, start.started_us, start.number, outcome),
            *(end.duration_us, bucket, end.upstream_us, end.upstream_status),
            *(start.request_bytes, end.result_bytes, end.redactions, end.restarts, end.retries),
        )
        said = (end.error_class.encode(), start.arguments, end.result)
        spelled = END.spelled(numbers, (*said, caller.spelled, target.spelled))
        mac = self._mac = self._signed(spelled + self._mac)
        return (
            *(seq, self._writer, start_seq, caller.id, target.id),
            *(caller.workspace, caller.token, target.server, start.started_us, start.number),
            *(outcome, error, end.duration_us, bucket, end.upstream_us, end.upstream_status),
            *(start.request_bytes, end.result_bytes, end.redactions, end.restarts, end.retries),
            *(start.arguments, end.result, mac),
        )

    def _find_writer(self, connection: sqlite3.Connection) -> int:
        """Return the number of this process, which is stored now if it never was."""
        process = (self._kind, os.getpid(), self._began_us)
        wanted = "SELECT id FROM writer WHERE kind = ? AND pid = ? AND began_us = ?"
        row = connection.execute(wanted, process).fetchone()
        if row is None:
            put = "INSERT INTO writer (kind, pid, began_us) VALUES (?, ?, ?) RETURNING id"
            (row,) = connection.execute(put, process).fetchall()
        return int(row[0])

    def _find_head(self, connection: sqlite3.Connection) -> tuple[int, bytes]:
        """Return number and MAC of the last row; signs where the chain begins if it never did."""
        heads = [(seq, mac) for seq, mac in connection.execute(_HEADS) if seq is not None]
        seq, mac = max(heads, key=lambda head: (head[0], head[1] or b""), default=(0, None))
        if connection.execute(_SIGNED).fetchone() is None:
            mac = self._signed(genesis(chain_id(connection)))
            (rows,) = connection.execute("SELECT count(*) FROM call_end").fetchone()
            begin = Checkpoint(seq, mac, "begin", rows, self._began_us)
            put_checkpoint(connection, begin, self._signed)
        # A row without a MAC behind signed ones is none of ours: it is found when all is verified.
        return seq, mac or bytes(MAC_BYTES)

    def require_key(self) -> Sign:
        """Return what signs rows.

        Raises:
            StorageError: there is no key to sign with.
        """
        if self._sign is None:
            raise StorageError("the journal cannot be signed yet", "unlock the vault first")
        return self._sign

    def _signed(self, message: bytes) -> bytes:
        assert self._sign is not None  # noqa: S101  (`require_key` was asked)
        return self._sign(message)[:MAC_BYTES]


def _started_us(record: CallStart | Ended) -> int:
    return record.started_us if isinstance(record, CallStart) else record.end.start.started_us


def head(connection: sqlite3.Connection) -> Anchor | None:
    """Return number and MAC of the last signed row, None while there is none."""
    heads = [(seq, mac) for seq, mac in connection.execute(_HEADS) if seq and mac is not None]
    return Anchor(chain_id(connection), *max(heads)) if heads else None


def chain_id(connection: sqlite3.Connection) -> str:
    """Return the id of the file's chain."""
    (found,) = connection.execute("SELECT value FROM meta WHERE name = 'chain'").fetchone()
    return str(found)


def put_checkpoint(connection: sqlite3.Connection, made: Checkpoint, sign: Sign) -> None:
    """Store a checkpoint under its signature."""
    signature = sign(made.spelled(chain_id(connection)))[:MAC_BYTES]
    connection.execute(
        "INSERT INTO checkpoint (seq, mac, reason, rows, made_us, signature)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (made.seq, made.mac, made.reason, made.rows, made.made_us, signature),
    )
