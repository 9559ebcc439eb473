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
from operator import attrgetter
from pathlib import Path
from queue import SimpleQueue

from sqlalchemy import insert
from sqlalchemy.dialects import sqlite

from mcpgw.errors import GatewayError, StorageError
from mcpgw.model.audit import AuditEvent
from mcpgw.store import tables
from mcpgw.store.engine import file_identity, map_errors, open_connection

MAX_WAITING = 10_000
"""Rows. At this many the disk has stood still for a second or more; calls are refused."""

_FIELDS = [column.name for column in tables.call.columns if column is not tables.call.c.id]

_INSERT = str(insert(tables.call).compile(dialect=sqlite.dialect(), column_keys=_FIELDS))

MAX_ROWS_A_STATEMENT = 64
"""SQLite's module gives the interpreter away at every statement, and the event loop is slow to give
it back: so as many rows as possible go into one. SQLite takes 32,766 values."""

# A plain str: SQLite's module looks for an adapter for everything else, row by row.
_row = attrgetter(*("outcome.value" if name == "outcome" else name for name in _FIELDS))

Change = Callable[[sqlite3.Connection], None]
"""Statements for another table than that of calls. They run in the thread, more than once if what
they are committed with cannot be stored."""

_Entry = tuple[AuditEvent | Change, "asyncio.Future[None]"]


class Writer:
    """The one writer of the journal in this process. Its thread starts with the first row."""

    def __init__(self, path: Path, *, checkpoint_pages: int) -> None:
        self._path = path
        self._checkpoint_pages = checkpoint_pages
        self._queue: SimpleQueue[Sequence[_Entry] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        # Only the thread of the loop uses these two.
        self._outbox: list[_Entry] = []
        self._waiting = 0
        # Only the thread uses these two.
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)

    def record(self, event: AuditEvent) -> asyncio.Future[None]:
        """Queue a row; the future ends when it is committed, or with StorageError.

        The rows of one turn of the event loop go to the thread together: waking it for each would
        have the two threads take the interpreter from each other all the time.
        """
        return self._enqueue(event)

    def change(self, statements: Change) -> asyncio.Future[None]:
        """Queue other statements behind the rows so far; the future ends as for a row."""
        return self._enqueue(statements)

    def _enqueue(self, what: AuditEvent | Change) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
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
            self._settle(batch, StorageError("the journal failed", "see the log of mcpgw"))

    def _take(self) -> list[Sequence[_Entry] | None]:
        """Wait for rows and return them with all that is queued behind them."""
        handed = [self._queue.get()]
        handed.extend(self._queue.get_nowait() for _ in range(self._queue.qsize()))
        return handed

    def _commit(self, batch: Sequence[_Entry]) -> None:
        try:
            with map_errors(self._path.name):
                self._write([what for what, _ in batch])
        except StorageError as error:
            self._disconnect()
            self._settle(batch, error)
        except GatewayError as error:
            # One row cannot be stored; the others must not suffer for it.
            self._disconnect()
            if len(batch) == 1:
                self._settle(batch, error)
            else:
                for entry in batch:
                    self._commit([entry])
        else:
            self._settle(batch, None)

    def _write(self, batch: Sequence[AuditEvent | Change]) -> None:
        events = [what for what in batch if isinstance(what, AuditEvent)]
        connection = self._connect()
        connection.execute("BEGIN IMMEDIATE")
        begin = 0
        while begin < len(events):
            count = _rows_of_next(len(events) - begin)
            rows = map(_row, events[begin : begin + count])
            connection.execute(_insert(count), tuple(chain.from_iterable(rows)))
            begin += count
        if begin < len(batch):
            for what in batch:
                if not isinstance(what, AuditEvent):
                    what(connection)
        connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        """Return the connection to the file that stands at the path now."""
        identity = file_identity(self._path)
        if self._connection is None or identity != self._identity:
            self._disconnect()
            self._connection = open_connection(self._path, checkpoint_pages=self._checkpoint_pages)
            self._identity = identity
        return self._connection

    def _disconnect(self) -> None:
        """Close the connection, which rolls back; the next batch opens another."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _settle(self, batch: Sequence[_Entry], error: GatewayError | None) -> None:
        """Tell everybody who waits for `batch`, with one wake-up of the event loop."""
        if not batch:
            return
        futures = [future for _, future in batch]
        # A loop that is closed has nobody waiting any more.
        with suppress(RuntimeError):
            futures[0].get_loop().call_soon_threadsafe(self._wake, futures, error)

    def _wake(self, futures: Sequence["asyncio.Future[None]"], error: GatewayError | None) -> None:
        self._waiting -= len(futures)
        for future in futures:
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                # Each its own: a traceback grows on the one that is raised.
                future.set_exception(StorageError(error.message, error.hint))


@cache
def _insert(count: int) -> str:
    """Return the statement that inserts `count` rows."""
    head, _, row = _INSERT.partition(" VALUES ")
    return f"{head} VALUES {', '.join([row] * count)}"


def _rows_of_next(count: int) -> int:
    """Return a power of two up to `count`, so that there are few different statements."""
    return min(1 << (count.bit_length() - 1), MAX_ROWS_A_STATEMENT)
