"""A stdin at which somebody sits, and what appears at a pseudo terminal."""

import io
import os


class Terminal(io.StringIO):
    """What was typed."""

    def isatty(self) -> bool:
        return True


def read_until(terminal: int, text: bytes) -> bytes:
    """Read what appears up to `text`; the test's own timeout is the limit."""
    seen = b""
    while text not in seen:
        seen += os.read(terminal, 4096)
    return seen
