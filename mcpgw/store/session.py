"""What is kept of sessions, in the journal's database: the configuration's counter must not move.

Writes go through the journal's one writer, so they keep their order and share its commits. Never
sees a session id as clients carry it, only the id sealed within.
"""

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path

import msgspec
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.dialects import sqlite

from mcpgw.errors import StorageError
from mcpgw.model.session import SessionRecord
from mcpgw.store import journal_tables
from mcpgw.store.engine import file_identity, map_errors, open_connection
from mcpgw.store.writer import Writer

_TIMEOUT_S = 0.25
"""The event loop stands still meanwhile. Readers wait only while somebody recovers from a crash."""

_TABLE = journal_tables.session
# Plain str: SQLAlchemy's names are a kind of their own, which msgspec does not know.
_FIELDS = [str(column.name) for column in _TABLE.columns]

_GET = str(select(_TABLE).where(_TABLE.c.id == bindparam("id")).compile(dialect=sqlite.dialect()))
_PUT = str(insert(_TABLE).prefix_with("OR REPLACE").compile(dialect=sqlite.dialect()))
_FORGET = str(
    delete(_TABLE)
    .where(_TABLE.c.started_at < bindparam("oldest"))
    .compile(dialect=sqlite.dialect())
)


class Sessions:
    """Records of sessions in the journal's database."""

    def __init__(self, path: Path, writer: Writer) -> None:
        self._path = path
        self._writer = writer
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)

    def get(self, session_id: str) -> SessionRecord | None:
        """Return one record, by a look-up that takes microseconds.

        Raises:
            StorageError: the record cannot be read.
        """
        try:
            with map_errors(self._path.name):
                # All of it, for a look-up that is not at its end would hold the log back.
                rows = self._connect().execute(_GET, (session_id,)).fetchall()
        except StorageError:
            self.close()
            raise
        return _record(rows[0]) if rows else None

    def put(self, record: SessionRecord, oldest: float) -> asyncio.Future[None]:
        """Queue a record at once, in place of the one before; the future ends when it is committed.

        Records of sessions that started before `oldest` are removed with it.

        Raises:
            InvalidInput: a text is not valid Unicode.
            StorageError: (from the future) the record is not written.
        """
        with map_errors(self._path.name):
            row = _row(record)

        def statements(connection: sqlite3.Connection) -> None:
            connection.execute(_PUT, row)
            connection.execute(_FORGET, (oldest,))

        return self._writer.change(statements)

    def close(self) -> None:
        """Close the connection; the next look-up opens another."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _connect(self) -> sqlite3.Connection:
        """Return the connection to the file that stands at the path now."""
        identity = file_identity(self._path)
        if self._connection is None or identity != self._identity:
            self.close()
            self._connection = open_connection(self._path, is_read_only=True, timeout_s=_TIMEOUT_S)
            self._identity = identity
        return self._connection


def _row(record: SessionRecord) -> tuple[object, ...]:
    values = {name: getattr(record, name) for name in _FIELDS}
    values["uris"] = msgspec.json.encode(record.uris).decode()
    return tuple(values.values())


def _record(row: tuple[object, ...]) -> SessionRecord:
    values = dict(zip(_FIELDS, row, strict=True))
    try:
        values["uris"] = msgspec.json.decode(str(values["uris"]))
        return msgspec.convert(values, SessionRecord, strict=False)
    except ValueError:
        raise StorageError(
            "the journal holds a session that mcpgw did not write",
            "put a backup of journal.db in its place",
        ) from None
