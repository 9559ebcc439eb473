"""What `connect` wrote into which file, so that `disconnect` takes out that and nothing else.

One file of this user, `connections.json`. It holds positions and names, never a byte of what stood
in a client's file: those may hold credentials.
"""

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mcpgw.client_configs.edit import Trace
from mcpgw.client_configs.scope import Scope
from mcpgw.client_configs.splice import Cut
from mcpgw.errors import StorageError

if sys.platform != "win32":
    import fcntl

FILE, LOCK = "connections.json", "connections.lock"


@dataclass(frozen=True, slots=True)
class Connection:
    """One entry that we wrote.

    Attributes:
        client: the client's key.
        scope: whose configuration it is.
        path: its file.
        entry: what the gateway is called there.
        url: the workspace's URL.
        digest: SHA-256 of the file as we left it.
        is_new: whether there was no file before.
        cuts: what restores the file exactly, as long as it is as we left it.
        traces: where to find what we added when it is not.
    """

    client: str
    scope: Scope
    path: str
    entry: str
    url: str
    digest: str
    is_new: bool
    cuts: tuple[tuple[Cut, ...], ...]
    traces: tuple[Trace, ...]


class Connections:
    """All that we wrote for this user."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def all(self) -> tuple[Connection, ...]:
        """Return every connection.

        Raises:
            StorageError: the file cannot be read.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=tuple[Connection, ...])
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StorageError(f"{self._path} cannot be read: {error.strerror}") from None
        except msgspec.MsgspecError:
            raise StorageError(
                f"{self._path} is damaged", "move it away; entries then go by hand"
            ) from None

    def find(self, path: str, entry: str) -> Connection | None:
        """Return what we wrote under that name into a file. Raises as `all`."""
        wanted = (path, entry)
        return next((one for one in self.all() if (one.path, one.entry) == wanted), None)

    def remember(self, connection: Connection) -> None:
        """Keep a connection, instead of one with the same file and name. Raises StorageError."""
        with self._alone():
            self._write((*self._others(connection), connection))

    def forget(self, connection: Connection) -> None:
        """Drop a connection. Raises StorageError."""
        with self._alone():
            self._write(self._others(connection))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from writing until the block ends."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path.with_name(LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageError(f"{self._path} cannot be locked: {error.strerror}") from None
        try:
            if sys.platform != "win32":
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _others(self, connection: Connection) -> tuple[Connection, ...]:
        own = (connection.path, connection.entry)
        return tuple(one for one in self.all() if (one.path, one.entry) != own)

    def _write(self, connections: Sequence[Connection]) -> None:
        unfinished = self._path.with_name(f"{FILE}.unfinished")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            with open(os.open(unfinished, flags, 0o600), "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(connections)))
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, self._path)
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror}") from None


def digest(text: str) -> str:
    """Return by what a text is known again."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
