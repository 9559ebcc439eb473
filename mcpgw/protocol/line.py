"""Newline framing with a limit: bytes of a pipe in, whole lines out. Does no I/O.

A line above the limit is skipped as it streams by; only its first and last bytes are kept, by which
the request that it belongs to may be recognised.
"""

import re
from dataclasses import dataclass

KEPT_BYTES = 256
"""What is kept of each end of a line that is too long."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line that was skipped. `request_id` is raw JSON, None when the id does not show."""

    request_id: bytes | None


class LineSplitter:
    """Collects lines across reads.

    `id_first` and `id_last` find the id (their first group) at the two ends of a long line.
    """

    def __init__(
        self, max_line_bytes: int, id_first: re.Pattern[bytes], id_last: re.Pattern[bytes]
    ) -> None:
        self._limit = max_line_bytes
        self._id_first = id_first
        self._id_last = id_last
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
                lines.append(self.finish())
            else:
                lines.append(piece)
        if rest:
            self._take(rest)
        return lines

    def finish(self) -> bytes | TooLong:
        """Return the line that ends here, which is empty when nothing came since the last one."""
        self._size = 0
        if not self._is_skipping:
            line = b"".join(self._parts)
            self._parts.clear()
            return line
        self._is_skipping = False
        found = self._id_first.match(self._first) or self._id_last.search(self._last)
        return TooLong(found[1] if found else None)

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
