"""Answers of a registry, kept for a while in files: few, small, young, and readable by us only.

A file that cannot be read or written is as good as none: the registry is asked again.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

MAX_AGE_S = 3600.0
"""After so long the registry is asked anew."""

MAX_FILES = 64
"""The oldest go first."""


class AnswerCache:
    """Keeps bytes by a key. There is nothing to keep them in before `mcpgw init`."""

    def __init__(self, directory: Path, now: Callable[[], float]) -> None:
        self._directory = directory
        self._now = now

    def get(self, key: str) -> bytes | None:
        """Return what was kept, None when it is not there or too old."""
        path = self._path(key)
        try:
            age_s = self._now() - path.stat().st_mtime
            return path.read_bytes() if 0 <= age_s <= MAX_AGE_S else None
        except OSError:
            return None

    def put(self, key: str, content: bytes) -> None:
        """Keep `content`; whoever is interrupted leaves no half of it."""
        if not self._directory.parent.is_dir():
            return
        path = self._path(key)
        unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
        with suppress(OSError):
            self._directory.mkdir(mode=0o700, exist_ok=True)
            unfinished.touch(mode=0o600)
            unfinished.write_bytes(content)
            os.utime(unfinished, (self._now(), self._now()))
            os.replace(unfinished, path)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        kept = sorted(self._directory.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[:-MAX_FILES]:
            path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._directory / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
