"""Cursors of our own lists: after which item the next page begins.

Opaque to clients, as the specification asks, but no secret: a cursor holds a name that the client
has seen, so it is not signed, and holds across restarts and changes of the list.
"""

import base64

from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.jsonrpc import INVALID_PARAMS, text

_MARK = b"after:"
"""Tells our cursors from what only looks like one."""


def encode(after: str) -> str:
    """Return the cursor of the page that begins behind the item of that name."""
    return base64.urlsafe_b64encode(_MARK + after.encode()).decode().rstrip("=")


def decode(raw: Raw) -> str:
    """Return the name of the item that a client's cursor stands behind.

    Raises:
        ProtocolError: -32602, it is no cursor of ours.
    """
    cursor = text(raw)
    if cursor is not None and cursor.isascii():
        try:
            found = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
            after = found.removeprefix(_MARK).decode()
        except ValueError:
            after = ""
        if encode(after) == cursor:
            return after
    raise ProtocolError("the cursor is invalid", INVALID_PARAMS)
