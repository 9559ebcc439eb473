"""Looks at every row of the journal: is it as it was written, and is none missing? Changes nothing.

One snapshot, read in the order of the rows' numbers. Stops at the first row that is not as it was.
"""

import hmac
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any

from mcpgw.model.audit import Caller, Target
from mcpgw.model.chain import (
    END,
    MAC_BYTES,
    START,
    Anchor,
    Checkpoint,
    Verification,
    genesis,
    spelled,
)
from mcpgw.store.engine import map_errors, open_connection
from mcpgw.store.rows import Sign, chain_id

_CHANGED = "it is not as it was written, or not in its place"
_MISSING = "it is missing"
_DOUBLE = "there are two of that number"
_BEFORE = "it stands before the checkpoint where the chain begins"
_TOO_MANY = "there are more rows of before the signing than there were then"
_NO_BEGINNING = "the checkpoint where the chain begins is gone"
_FORGED = "the checkpoint behind it is not as it was written"
_OTHER_ROW = "it is not the row that was anchored"
_BEFORE_ANCHOR = "it was anchored, but the chain is said to begin behind it"
_GONE = "it was anchored, and is gone with all that came after"

_STARTS = """
SELECT seq, writer_id, started_us, number, request_bytes, arguments, caller_id, target_id, mac
FROM call_start WHERE seq > ? ORDER BY seq
"""

_ENDS = """
SELECT seq, writer_id, coalesce(start_seq, 0), started_us, number, outcome, duration_us, bucket,
    upstream_us, upstream_status, request_bytes, result_bytes, redactions, restarts, retries,
    error, arguments, result, caller_id, target_id, workspace, token, server, mac
FROM call_end WHERE seq > ? ORDER BY seq
"""
"""The numbers first, in the order in which the MAC covers them."""

_Link = tuple[int, bytes, bytes, int]
"""A row: its number, the MAC it claims, what that must cover, and the start that it ends (0 if it
ends none, -1 if it is a start itself)."""

_IS_START = -1


class _Broken(Exception):
    """A row is not as it was."""

    def __init__(self, seq: int, problem: str) -> None:
        super().__init__(problem)
        self.seq = seq
        self.problem = problem


def verify(path: Path, sign: Sign, anchors: Iterable[Anchor] = ()) -> Verification:
    """Return what is wrong with the journal, if anything is.

    Args:
        path: the database.
        sign: makes the MACs.
        anchors: heads of chains as they were noted elsewhere; those of others are passed over.

    Raises:
        StorageError: it cannot be read.
    """
    with map_errors(path.name), closing(open_connection(path, is_read_only=True)) as connection:
        connection.execute("BEGIN")
        walk = _Walk(connection, sign, anchors)
        try:
            walk.run()
        except _Broken as error:
            return walk.found(error.seq, error.problem)
        return walk.found()


class _Walk:
    """One look at everything."""

    def __init__(
        self, connection: sqlite3.Connection, sign: Sign, anchors: Iterable[Anchor]
    ) -> None:
        self._connection = connection
        self._sign = sign
        self._chain = chain_id(connection)
        self._anchors: dict[int, list[bytes]] = {}
        for anchor in (one for one in anchors if one.chain == self._chain):
            self._anchors.setdefault(anchor.seq, []).append(anchor.mac)
        self._begin: Checkpoint | None = None
        self._last = 0
        self._unsigned = 0
        self._unfinished: set[int] = set()
        self._anchored = 0
        self._older = 0

    def found(self, bad_seq: int | None = None, problem: str = "") -> Verification:
        """Return what is known so far."""
        begin = self._begin
        behind = begin.seq if begin is not None else 0
        return Verification(
            chain=self._chain,
            first=behind + 1,
            last=self._last,
            rows=self._last - behind,
            unsigned=self._unsigned,
            pruned=begin.rows if begin is not None and begin.reason == "prune" else 0,
            unfinished=len(self._unfinished),
            anchors=self._anchored,
            older_anchors=self._older,
            bad_seq=bad_seq,
            problem=problem,
        )

    def run(self) -> None:
        """Walk along the chain.

        Raises:
            _Broken: the first row that is not as it was.
        """
        begin = self._begin = self._find_begin()
        if begin is None:
            self._check_unsigned(None)
            self._check_anchors_beyond()
            return
        self._check_before(begin)
        self._last, mac = begin.seq, begin.mac
        self._check_anchor(mac)
        for seq, claimed, covered, start in _links(self._connection, begin.seq):
            if seq != self._last + 1:
                raise _Broken(
                    *((seq, _DOUBLE) if seq <= self._last else (self._last + 1, _MISSING))
                )
            if not hmac.compare_digest(self._mac(covered + mac), claimed):
                raise _Broken(seq, _CHANGED)
            self._last, mac = seq, claimed
            self._check_anchor(mac)
            if start == _IS_START:
                self._unfinished.add(seq)
            else:
                self._unfinished.discard(start)
        self._check_anchors_beyond()

    def _mac(self, message: bytes) -> bytes:
        return self._sign(message)[:MAC_BYTES]

    def _find_begin(self) -> Checkpoint | None:
        """Return the newest checkpoint, None in a journal that never was signed."""
        newest = None
        for *fields, signature in self._connection.execute("SELECT * FROM checkpoint ORDER BY seq"):
            newest = Checkpoint(*fields)
            if not _is_same(self._mac_of(newest), signature):
                raise _Broken(newest.seq, _FORGED)
        if newest is None:
            first = self._connection.execute(
                "SELECT min(seq) FROM (SELECT seq FROM call_start"
                " UNION ALL SELECT seq FROM call_end WHERE mac IS NOT NULL)"
            ).fetchone()[0]
            if first is not None:
                raise _Broken(first, _NO_BEGINNING)
        return newest

    def _mac_of(self, checkpoint: Checkpoint) -> bytes:
        try:
            return self._mac(checkpoint.spelled(self._chain))
        except (AttributeError, TypeError, struct.error):
            return b""

    def _check_before(self, begin: Checkpoint) -> None:
        """Look at the rows that the chain does not cover."""
        for seq in sorted(self._anchors):
            if seq < begin.seq and begin.reason != "prune":
                raise _Broken(seq, _BEFORE_ANCHOR)
            self._older += seq < begin.seq
        if begin.reason == "prune":
            self._refuse("SELECT min(seq) FROM call_end WHERE seq <= ?", begin.seq)
        elif not _is_same(self._mac(genesis(self._chain)), begin.mac):
            raise _Broken(begin.seq, _FORGED)
        self._refuse("SELECT min(seq) FROM call_start WHERE seq <= ?", begin.seq)
        self._check_unsigned(begin)

    def _check_unsigned(self, begin: Checkpoint | None) -> None:
        query = "SELECT min(seq) FROM call_end WHERE mac IS NOT NULL AND seq <= ?"
        behind = begin.seq if begin is not None else 1 << 62
        self._refuse(query, behind)
        count = "SELECT count(*), max(seq) FROM call_end WHERE seq <= ?"
        self._unsigned, last = self._connection.execute(count, (behind,)).fetchone()
        if begin is not None and self._unsigned > begin.rows:
            raise _Broken(last, _TOO_MANY)

    def _refuse(self, query: str, seq: int) -> None:
        found = self._connection.execute(query, (seq,)).fetchone()[0]
        if found is not None:
            raise _Broken(found, _BEFORE)

    def _check_anchor(self, mac: bytes) -> None:
        for anchored in self._anchors.get(self._last, ()):
            if not hmac.compare_digest(anchored, mac):
                raise _Broken(self._last, _OTHER_ROW)
            self._anchored += 1

    def _check_anchors_beyond(self) -> None:
        beyond = [seq for seq in self._anchors if seq > self._last]
        if beyond:
            raise _Broken(min(beyond), _GONE)


def _links(connection: sqlite3.Connection, seq: int) -> Iterator[_Link]:
    """Return every row behind that number, in the order of numbers."""
    texts = _Texts(connection)
    starts = map(texts.start, connection.execute(_STARTS, (seq,)))
    ends = map(texts.end, connection.execute(_ENDS, (seq,)))
    return merge(starts, ends, key=itemgetter(0))


class _Texts:
    """What the numbers in rows stand for. A row whose numbers fit nothing covers nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        labels = connection.execute("SELECT id, text FROM label").fetchall()
        self._errors = {number: text.encode() for number, text in labels}
        number_of = {text: number for number, text in labels}
        self._callers: dict[int, tuple[bytes, tuple[int | None, ...]]] = {}
        for number, texts in _records(connection, "caller", Caller.__struct_fields__):
            wanted = (number_of.get(texts[0]), number_of.get(texts[1]))
            self._callers[number] = spelled(texts), wanted
        self._targets: dict[int, tuple[bytes, tuple[int | None, ...]]] = {}
        for number, texts in _records(connection, "target", Target.__struct_fields__):
            self._targets[number] = spelled(texts), (number_of.get(texts[2]),)

    def start(self, row: tuple[Any, ...]) -> _Link:
        *numbers, arguments, caller_id, target_id, mac = row
        try:
            said = (arguments, self._callers[caller_id][0], self._targets[target_id][0])
            covered = START.spelled(numbers, said)
        except (KeyError, TypeError, struct.error):
            covered = b""
        return numbers[0], _bytes(mac), covered, _IS_START

    def end(self, row: tuple[Any, ...]) -> _Link:
        numbers = row[:15]
        error, arguments, result, caller_id, target_id, *labels, mac = row[15:]
        try:
            caller, of_caller = self._callers[caller_id]
            target, of_target = self._targets[target_id]
            said = (self._errors[error], arguments, result, caller, target)
            is_filed_right = (*of_caller, *of_target) == tuple(labels)
            covered = END.spelled(numbers, said) if is_filed_right else b""
        except (KeyError, TypeError, struct.error):
            covered = b""
        return numbers[0], _bytes(mac), covered, numbers[2]


def _records(
    connection: sqlite3.Connection, table: str, fields: Sequence[str]
) -> Iterator[tuple[int, Sequence[str]]]:
    for number, *texts in connection.execute(f"SELECT id, {', '.join(fields)} FROM {table}"):  # noqa: S608
        yield number, texts


def _is_same(one: bytes, other: object) -> bool:
    return isinstance(other, bytes) and hmac.compare_digest(one, other)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
