"""Some room on the disk that is kept, so that a token can be revoked when all else is full.

A file of random bytes, which no file system can squeeze. It is cut shorter when a change that must
not fail finds the disk full, and filled up again by who serves, once there is room.
"""

import asyncio
import os
import shutil
from pathlib import Path

from mcpgw.errors import StorageError

SIZE_BYTES = 8 << 20

STEP_BYTES = 1 << 20
"""What one change may take of it: a few pages are needed, the journal may be faster."""

LEAST_FREE_BYTES = 256 << 20
"""It is filled up only where it is not missed."""


def release(home: Path) -> bool:
    """Give some of the room back to the disk; say whether there was any."""
    path = _path(home)
    try:
        size_bytes = path.stat().st_size
        if size_bytes == 0:
            return False
        os.truncate(path, max(0, size_bytes - STEP_BYTES))
    except OSError:
        return False
    return True


class Reserve:
    """The room of one data directory."""

    def __init__(self, home: Path) -> None:
        self._home = home

    async def fill(self) -> None:
        """Take the room again that was given back.

        Raises:
            StorageError: it cannot be had.
        """
        try:
            await asyncio.to_thread(_fill, self._home)
        except OSError as error:
            raise StorageError(f"no room can be reserved: {error.strerror}") from None

    async def room(self) -> tuple[int, int]:
        """Return how many bytes of the disk are free, and how many it has.

        Raises:
            StorageError: that cannot be told.
        """
        try:
            usage = await asyncio.to_thread(shutil.disk_usage, self._home)
        except OSError as error:
            raise StorageError(f"the disk cannot be looked at: {error.strerror}") from None
        return usage.free, usage.total


def _fill(home: Path) -> None:
    path = _path(home)
    held_bytes = path.stat().st_size if path.exists() else 0
    if held_bytes >= SIZE_BYTES or shutil.disk_usage(home).free < LEAST_FREE_BYTES:
        return
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(os.urandom(SIZE_BYTES - held_bytes))


def _path(home: Path) -> Path:
    return home / "reserve"
