"""One serving process per data directory: a lock that ends with its process, however it dies.

The file says who holds it. It is never removed: a second process could otherwise lock a file that
is gone. Where the platform has no such lock (Windows), nothing is locked.
"""

import os
import sys
import time
from pathlib import Path

import msgspec

from mcpgw.config import Config
from mcpgw.errors import Conflict
from mcpgw.store.engine import map_errors

if sys.platform != "win32":
    import fcntl

_ATTEMPTS = 10
_PAUSE_S = 0.02
"""`running` holds the lock for microseconds to see whether it is free; that is no second server."""


class _Holder(msgspec.Struct):
    pid: int
    url: str = ""


class ServeLock:
    """The right to serve a data directory."""

    def __init__(self, config: Config) -> None:
        self._path = _path(config)
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            Conflict: another process serves this data directory.
            StorageError: the lock file cannot be written.
        """
        with map_errors(str(self._path.parent)):
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            if not _is_locked(descriptor):
                holder = _read_holder(descriptor)
                os.close(descriptor)
                raise _taken(holder)
            self._descriptor = descriptor
            os.chmod(self._path, 0o600)
        self.publish("")

    def publish(self, url: str) -> None:
        """Say at which URL this process serves.

        Raises:
            StorageError: the lock file cannot be written.
        """
        with map_errors(self._path.name):
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, msgspec.json.encode(_Holder(os.getpid(), url)))

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def running(config: Config) -> tuple[int, str] | None:
    """Return the process id and URL of the process that serves here, None when there is none.

    Raises:
        StorageError: the lock file cannot be read.
    """
    path = _path(config)
    with map_errors(path.name):
        if not path.exists():
            return None
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if _is_free(descriptor):
                return None
            holder = _read_holder(descriptor)
        finally:
            os.close(descriptor)
    return (holder.pid, holder.url) if holder else None


def _path(config: Config) -> Path:
    return config.home / "serve.lock"


def _is_locked(descriptor: int) -> bool:
    """Lock the file for us and say whether that worked."""
    if sys.platform == "win32":
        return True
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(_PAUSE_S)
    return False


def _is_free(descriptor: int) -> bool:
    """Say whether nobody serves: a shared lock is to be had, and many may ask at once."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(descriptor: int) -> _Holder | None:
    """Return what the file says; the holder may be just about to write it."""
    try:
        return msgspec.json.decode(os.read(descriptor, 4096), type=_Holder)
    except msgspec.MsgspecError:
        return None


def _taken(holder: _Holder | None) -> Conflict:
    who = "another mcpgw"
    if holder is not None:
        who += f" (process {holder.pid})"
        if holder.url:
            who += f" at {holder.url}"
    return Conflict(f"{who} serves this data directory", "stop it, or use another --home")
