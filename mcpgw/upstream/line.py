"""Newline framing with a limit: bytes of a pipe in, whole lines out. Does no I/O.

A line above the limit is skipped as it streams by; only its first and last bytes are kept, by which
the call that it answers may be recognised.
"""

import re
from dataclasses import dataclass

KEPT_BYTES = 256
"""What is kept of each end of a line that is too long."""

_ID_FIRST = re.compile(
    rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,18})\s*,\s*"(?:result|error)"'
)
_ID_LAST = re.compile(rb'[,{]\s*"id"\s*:\s*(\d{1,18})\s*\}\s*\Z')
"""As servers of the field write the id: before the result, or as the last member."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line that was skipped. `answers` is the id of its message, None when it does not show."""

    answers: int | None


class LineSplitter:
    """Collects lines across reads."""

    def __init__(self, max_line_bytes: int) -> None:
        self._limit = max_line_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._first = b""
        self._last = b""
        self._is_skipping = False

    def feed(self, data: bytes) -> list[bytes | TooLong]:
        """Take what was read; return the lines that it completed, without their ends."""
        pieces = data.split(b"\n")
        rest = pieces.pop()
        lines: list[bytes | TooLong] = []
        for piece in pieces:
            if self._parts or self._is_skipping or len(piece) > self._limit:
                self._take(piece)
                lines.append(self._finish())
            else:
                lines.append(piece)
        if rest:
            self._take(rest)
        return lines

    def _take(self, piece: bytes) -> None:
        if not self._is_skipping:
            self._parts.append(piece)
            self._size += len(piece)
            if self._size <= self._limit:
                return
            piece = b"".join(self._parts)
            self._parts.clear()
            self._first, self._last, self._is_skipping = piece[:KEPT_BYTES], b"", True
        self._last = (self._last + piece[-KEPT_BYTES:])[-KEPT_BYTES:]

    def _finish(self) -> bytes | TooLong:
        self._size = 0
        if not self._is_skipping:
            line = b"".join(self._parts)
            self._parts.clear()
            return line
        self._is_skipping = False
        found = _ID_FIRST.match(self._first) or _ID_LAST.search(self._last)
        return TooLong(int(found[1]) if found else None)
