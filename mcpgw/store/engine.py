"""How the databases are opened, run in threads, and what their errors mean to a person.

Every connection is opened here, so all have the same settings. A transaction is one function that
runs in a thread from begin to commit: it can never span an await. Never contains a statement.
"""

import asyncio
import errno
import os
import sqlite3
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, QueuePool, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mcpgw.errors import Conflict, GatewayError, InvalidInput, NotFound, StorageError
from mcpgw.store.reserve import release

T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0
"""How long a writer waits for another process; a transaction takes milliseconds."""

MAX_WAL_BYTES = 4 << 20
"""The log of the configuration is emptied beyond this."""

_THREADS = 2
"""Per database, so that a slow search does not hold up a quick look-up."""

_SETTINGS = """
PRAGMA foreign_keys = ON;
PRAGMA synchronous = FULL;
PRAGMA secure_delete = ON;
PRAGMA trusted_schema = OFF;
PRAGMA cell_size_check = ON;
PRAGMA temp_store = MEMORY;
PRAGMA mmap_size = 0;
"""

_WRITER_SETTINGS = """
PRAGMA journal_mode = WAL;
PRAGMA journal_size_limit = {size_limit};
PRAGMA wal_autocheckpoint = {checkpoint_pages};
"""

_DISK_FULL = ("the disk is full", "free some space, then try again")
_NOT_WRITABLE = ("it cannot be opened or written", "let the user of mcpgw write the data directory")
_LOCKED = ("another process keeps it locked", "try again, or end the program that holds it")
_DAMAGED = ("it is damaged or no database", "put a backup in its place; do not delete the file")
_DISK_ERROR = ("the disk does not read or write", "check the disk, its quota and its free space")
_UNKNOWN = ("the database refused", "see: mcpgw doctor")

_BY_SQLITE_CODE = {
    sqlite3.SQLITE_FULL: _DISK_FULL,
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _NOT_WRITABLE,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FORMAT: _DAMAGED,
    sqlite3.SQLITE_IOERR: _DISK_ERROR,
}

_BY_ERRNO = {
    errno.ENOSPC: _DISK_FULL,
    errno.EDQUOT: _DISK_FULL,
    errno.EACCES: _NOT_WRITABLE,
    errno.EPERM: _NOT_WRITABLE,
    errno.EROFS: _NOT_WRITABLE,
    errno.ENOTDIR: _NOT_WRITABLE,
    errno.EEXIST: _NOT_WRITABLE,
    errno.EISDIR: _NOT_WRITABLE,
    errno.ENOENT: _NOT_WRITABLE,
}


@contextmanager
def map_errors(place: str, taken: Conflict | None = None) -> Iterator[None]:
    """Turn what the libraries raise into what a person can be told.

    Args:
        place: the file or directory that the message names.
        taken: what a violated uniqueness means here, when the caller expects one.

    Raises:
        StorageError: reading or writing failed.
        Conflict: `taken`.
        NotFound: what a new row belongs to is gone.
        InvalidInput: a text or number cannot be stored.
    """
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, SQLAlchemyError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise _broken_rule(cause, taken) or storage_error(cause, place) from None
    except (UnicodeEncodeError, OverflowError, struct.error):
        raise InvalidInput("a text is not valid Unicode, or a number is too large") from None


def _broken_rule(cause: BaseException | None, taken: Conflict | None) -> GatewayError | None:
    if not isinstance(cause, sqlite3.IntegrityError):
        return None
    if getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return NotFound("what this belongs to was removed just now", "look again, then try again")
    return taken


def storage_error(cause: BaseException | None, place: str) -> StorageError:
    """Return what an error of SQLite or of the operating system means to a person."""
    if isinstance(cause, OSError):
        reason, hint = _BY_ERRNO.get(cause.errno or 0, _DISK_ERROR)
        return StorageError(f"{place}: {reason}", hint)
    # The low byte is the kind; the rest says where in SQLite it happened.
    kind = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    reason, hint = _BY_SQLITE_CODE.get(kind, _UNKNOWN)
    name = getattr(cause, "sqlite_errorname", type(cause).__name__)
    return StorageError(f"{place}: {reason} ({name})", hint)


def open_connection(
    path: Path,
    *,
    is_read_only: bool = False,
    checkpoint_pages: int = 0,
    timeout_s: float = BUSY_TIMEOUT_S,
) -> sqlite3.Connection:
    """Open an existing database; the caller begins and ends transactions itself.

    Args:
        path: the file; it is never created here, for SQLite would take its mode from the umask.
        is_read_only: nothing at all is written to the file, not even a checkpoint.
        checkpoint_pages: when this connection moves the log into the database by itself; 0 never.
        timeout_s: how long to wait for a lock.
    """
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={'ro' if is_read_only else 'rw'}",
        uri=True,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )
    with ExitStack() as unless_settled:
        unless_settled.callback(connection.close)
        connection.executescript(_SETTINGS)
        if not is_read_only:
            # A log that is emptied by hand is measured by its size, so it must shrink.
            size_limit = MAX_WAL_BYTES if checkpoint_pages else 0
            connection.executescript(
                _WRITER_SETTINGS.format(size_limit=size_limit, checkpoint_pages=checkpoint_pages)
            )
        unless_settled.pop_all()
    return connection


def file_identity(path: str | Path) -> tuple[int, int]:
    """Return what tells the file at `path` from another one put in its place."""
    found = os.stat(path)
    return found.st_dev, found.st_ino


def raw(connection: Connection) -> sqlite3.Connection:
    """Return the connection beneath, in its transaction: for statements that are many or plain."""
    beneath: Any = connection.connection.dbapi_connection
    return cast("sqlite3.Connection", beneath)


class Database:
    """One database file, for transactions that may take their time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = create_engine(
            "sqlite://",
            creator=partial(open_connection, path),
            poolclass=QueuePool,
            pool_size=_THREADS,
            max_overflow=0,
        )
        # Threads of our own: a slow name look-up in the loop's executor must not delay us.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=path.stem)

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function that opens a connection of its own in a thread of ours."""
        return await self._run(function)

    async def read(self, statements: Callable[[Connection], T]) -> T:
        """Run `statements` in a thread, all seeing the same committed state."""
        return await self._run(partial(self._transact, "BEGIN", statements))

    async def write(
        self,
        statements: Callable[[Connection], T],
        taken: Conflict | None = None,
        *,
        is_urgent: bool = False,
    ) -> T:
        """Run `statements` in a thread and commit; what they raise rolls everything back.

        Args:
            statements: may raise a GatewayError of their own.
            taken: what a violated uniqueness means here.
            is_urgent: whether to take the room that is kept for it when the disk is full.
        """
        while True:
            try:
                return await self._run(partial(self._change, statements), taken)
            except StorageError:
                if not is_urgent or not release(self.path.parent):
                    raise

    async def close(self) -> None:
        """Close every connection; the last process to do so empties the log."""
        await self._run(self._engine.dispose)
        self._threads.shutdown()

    async def _run(self, function: Callable[[], T], taken: Conflict | None = None) -> T:
        with map_errors(self.path.name, taken):
            return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    def _transact(self, begin: str, statements: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(begin)
            return statements(connection)

    def _change(self, statements: Callable[[Connection], T]) -> T:
        result = self._transact("BEGIN IMMEDIATE", statements)
        # What is committed stays so, whatever becomes of the log.
        with suppress(sqlite3.Error, OSError):
            self._empty_log()
        return result

    def _empty_log(self) -> None:
        """Move a log that has grown large into the database while nobody can write.

        SQLite before 3.51.3 can damage a database when one connection checkpoints while another
        writes, hence the write lock. Failing is no harm: the next write tries again.
        """
        log = self.path.with_name(self.path.name + "-wal")
        if not log.exists() or log.stat().st_size < MAX_WAL_BYTES:
            return
        with (
            closing(open_connection(self.path)) as holder,
            closing(open_connection(self.path)) as mover,
        ):
            holder.execute("BEGIN IMMEDIATE")
            mover.execute("PRAGMA wal_checkpoint(PASSIVE)")
