"""Whether anything was committed since the last look, in microseconds.

A connection of its own, used in the thread of the event loop and for nothing else: SQLite then
counts the commits of every other connection, of this process and of all others. Never caches.
"""

import sqlite3
from pathlib import Path
from time import monotonic

from mcpgw.errors import StorageError
from mcpgw.store.engine import file_identity, map_errors, open_connection, storage_error

_TIMEOUT_S = 0.25
"""The event loop stands still meanwhile. Readers wait only while somebody recovers from a crash."""

_LOOK_AFTER_S = 1.0
"""How often to look whether the file was replaced, which nobody does to a running gateway on
purpose: looking costs as much as the question itself."""


class Changes:
    """The change counter of the configuration."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._name = path.name
        with map_errors(self._name):
            self._connection = open_connection(path, is_read_only=True, timeout_s=_TIMEOUT_S)
            self._identity = file_identity(path)
        self._cursor = self._connection.cursor()
        self._looked_at = monotonic()

    def version(self) -> int:
        """Return a number that changes with every commit of another connection.

        Raises:
            StorageError: the file cannot be read, or is not the one that was opened.
        """
        try:
            now = monotonic()
            if now - self._looked_at > _LOOK_AFTER_S:
                self._check_identity()
                self._looked_at = now
            found: int = self._cursor.execute("PRAGMA data_version").fetchone()[0]
        except (sqlite3.Error, OSError) as error:
            # No `with map_errors`: every request comes through here.
            raise storage_error(error, self._name) from None
        return found

    def _check_identity(self) -> None:
        if file_identity(self._path) != self._identity:
            raise StorageError(f"{self._name} was replaced while it was open", "start mcpgw again")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
