"""The lines that servers write, and how a line that is too long shows which call it answers."""

import re

from mcpgw.protocol.line import LineSplitter

_ID_FIRST = re.compile(
    rb'(?:data:)?\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,18})\s*,\s*"(?:result|error)"'
)
_ID_LAST = re.compile(rb'[,{]\s*"id"\s*:\s*(\d{1,18})\s*\}\s*\Z')
"""As servers of the field write the id: before the result, or as the last member. In an event
stream the message follows a field name."""


def answer_lines(max_line_bytes: int) -> LineSplitter:
    """Return what splits the output of a server."""
    return LineSplitter(max_line_bytes, _ID_FIRST, _ID_LAST)
