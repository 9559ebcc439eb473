"""Whether what a tool or server says of its failure means that a limit was reached.

A guess by words: stdio servers have no status to say it with, and most tools tell it in their text.
"""

import re

from msgspec import Raw

READ_BYTES = 4096
"""Of the text; whoever has more to say is not saying this."""

_SAYS_SO = re.compile(rb"(?i)rate.?limit|too many requests|\b429\b|quota exceeded")


def says_limit_reached(said: bytes | Raw) -> bool:
    """Say whether a tool's failed result or a JSON-RPC error speaks of a reached limit."""
    return _SAYS_SO.search(bytes(said)[:READ_BYTES]) is not None
