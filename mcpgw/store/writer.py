"""Writes the journal's database: one thread, one transaction for all that waits, one wake-up.

Whatever was queued while the previous commit ran goes into the next one; nothing waits for more to
come. A row is acknowledged when its transaction is on the disk, and only then. Never retries a
row, and never keeps one in memory as if it were written.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.dialects import sqlite

from mcpgw.errors import GatewayError, StorageError
from mcpgw.model.audit import CallStart
from mcpgw.store import journal_tables as tables
from mcpgw.store.engine import file_identity, map_errors, open_connection
from mcpgw.store.rows import Ended, Row, Rows

MAX_WAITING = 10_000
"""Rows. At this many the disk has stood still for a second or more; calls are refused."""

MAX_ROWS_A_STATEMENT = 64
"""SQLite's module gives the interpreter away at every statement, and the event loop is slow to give
it back: so as many rows as possible go into one. SQLite takes 32,766 values."""

Change = Callable[[sqlite3.Connection], Any]
"""Other statements than rows that are added. They run in the thread, more than once if what they
are committed with cannot be stored; what they return is handed on."""

_Entry = tuple[CallStart | Ended | Change, "asyncio.Future[Any]"]


class Writer:
    """The one writer of the journal in this process. Its thread starts with the first row."""

    def __init__(
        self, path: Path, rows: Rows, *, checkpoint_pages: int, is_durable: bool = True
    ) -> None:
        self.problem: StorageError | None = None
        """Why the last transaction failed, None when it did not."""
        self._path = path
        self._rows = rows
        self._checkpoint_pages = checkpoint_pages
        self._is_durable = is_durable
        self._queue: SimpleQueue[Sequence[_Entry] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        # Only the thread of the loop uses these two.
        self._outbox: list[_Entry] = []
        self._waiting = 0
        # Only the thread uses these two.
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)

    def record(self, what: CallStart | Ended) -> asyncio.Future[int]:
        """Queue a row; the future ends with its number once committed, or with StorageError.

        The rows of one turn of the event loop go to the thread together: waking it for each would
        have the two threads take the interpreter from each other all the time.
        """
        return self._enqueue(what)

    def change(self, statements: Change) -> asyncio.Future[Any]:
        """Queue other statements behind the rows so far; the future ends as for a row."""
        return self._enqueue(statements)

    def _enqueue(self, what: CallStart | Ended | Change) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if self._is_closed:
            future.set_exception(StorageError("the journal is closed"))
        elif self._waiting >= MAX_WAITING:
            future.set_exception(
                StorageError("the journal cannot keep up", "check the disk of the data directory")
            )
        else:
            if not self._outbox:
                loop.call_soon(self._hand_over)
            self._outbox.append((what, future))
            self._waiting += 1
        return future

    async def close(self) -> None:
        """Write what is queued and end the thread."""
        self._is_closed = True
        self._hand_over()
        if self._thread is not None:
            self._queue.put(None)
        while self._thread is not None and self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def _hand_over(self) -> None:
        """Give what this turn recorded to the thread."""
        if not self._outbox:
            return
        self._queue.put(self._outbox)
        self._outbox = []
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        # A daemon: a process that dies of an error must not wait for a close that never comes.
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        batch: list[_Entry] = []
        is_ending = False
        try:
            while not is_ending:
                handed = self._take()
                is_ending = handed[-1] is None
                batch = [entry for entries in handed if entries is not None for entry in entries]
                self._commit(batch)
                batch = []
        finally:
            self._disconnect()
            # An error of our own ends this thread and its rows; another takes up the rest.
            if not is_ending:
                self._start()
            self._refuse(batch, StorageError("the journal failed", "see the log of mcpgw"))

    def _take(self) -> list[Sequence[_Entry] | None]:
        """Wait for rows and return them with all that is queued behind them."""
        handed = [self._queue.get()]
        handed.extend(self._queue.get_nowait() for _ in range(self._queue.qsize()))
        return handed

    def _commit(self, batch: Sequence[_Entry]) -> None:
        try:
            with map_errors(self._path.name):
                numbers = self._write(batch)
        except StorageError as error:
            self._disconnect()
            self.problem = error
            self._refuse(batch, error)
        except GatewayError as error:
            # One row cannot be stored; the others must not suffer for it.
            self._disconnect()
            if len(batch) == 1:
                self._refuse(batch, error)
            else:
                for entry in batch:
                    self._commit([entry])
        else:
            self.problem = None
            self._tell(batch, numbers, None)

    def _write(self, batch: Sequence[_Entry]) -> Sequence[Any]:
        """Commit everything; return the number of each row, and what other statements returned."""
        connection = self._connect()
        connection.execute("BEGIN IMMEDIATE")
        records = [what for what, _ in batch if isinstance(what, CallStart | Ended)]
        numbers: Sequence[Any] = ()
        if records:
            starts, ends, numbers = self._rows.link(connection, records)
            _insert_all(connection, tables.call_start, starts)
            _insert_all(connection, tables.call_end, ends)
        if len(records) < len(batch):
            given = iter(numbers)
            numbers = [
                next(given) if isinstance(what, CallStart | Ended) else what(connection)
                for what, _ in batch
            ]
        connection.execute("COMMIT")
        self._rows.keep()
        return numbers

    def _connect(self) -> sqlite3.Connection:
        """Return the connection to the file that stands at the path now."""
        identity = file_identity(self._path)
        if self._connection is None or identity != self._identity:
            self._disconnect()
            self._rows.forget(is_other_file=identity != self._identity)
            self._connection = open_connection(self._path, checkpoint_pages=self._checkpoint_pages)
            if not self._is_durable:
                self._connection.execute("PRAGMA synchronous = NORMAL")
            self._identity = identity
        return self._connection

    def _disconnect(self) -> None:
        """Close the connection, which rolls back; the next batch opens another."""
        self._rows.forget()
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _refuse(self, batch: Sequence[_Entry], error: GatewayError) -> None:
        self._tell(batch, (None,) * len(batch), error)

    def _tell(
        self, batch: Sequence[_Entry], numbers: Sequence[Any], error: GatewayError | None
    ) -> None:
        """Tell everybody who waits for `batch`, with one wake-up of the event loop."""
        if not batch:
            return
        futures = [future for _, future in batch]
        # A loop that is closed has nobody waiting any more.
        with suppress(RuntimeError):
            futures[0].get_loop().call_soon_threadsafe(self._wake, futures, numbers, error)

    def _wake(
        self,
        futures: Sequence["asyncio.Future[Any]"],
        numbers: Sequence[Any],
        error: GatewayError | None,
    ) -> None:
        self._waiting -= len(futures)
        for future, number in zip(futures, numbers, strict=True):
            if future.done():
                continue
            if error is None:
                future.set_result(number)
            else:
                # Each its own: a traceback grows on the one that is raised.
                future.set_exception(StorageError(error.message, error.hint))


def _insert_all(connection: sqlite3.Connection, table: Table, rows: Sequence[Row]) -> None:
    begin = 0
    while begin < len(rows):
        count = _rows_of_next(len(rows) - begin)
        values = tuple(chain.from_iterable(rows[begin : begin + count]))
        connection.execute(_insert(table, count), values)
        begin += count


@cache
def _insert(table: Table, count: int) -> str:
    """Return the statement that inserts `count` rows."""
    statement = str(insert(table).compile(dialect=sqlite.dialect()))
    head, _, row = statement.partition(" VALUES ")
    return f"{head} VALUES {', '.join([row] * count)}"


def _rows_of_next(count: int) -> int:
    """Return a power of two up to `count`, so that there are few different statements."""
    return min(1 << (count.bit_length() - 1), MAX_ROWS_A_STATEMENT)
