"""A tool's annotations: what its server says that it does. Untrusted, and judged elsewhere.

Source: MCP 2026-07-28, schema, ToolAnnotations.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.model.tool_class import Hints
from mcpgw.protocol.jsonrpc import read_object

HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
"""The annotations that say what a tool does; the others are for show."""


def read_hints(item: Mapping[str, Raw]) -> Hints | None:
    """Return what a listed tool's annotations say, None when they say nothing of what it does.

    A hint that is no boolean says nothing, but says so.
    """
    try:
        annotations = read_object(item.get("annotations", b"{}"))
    except ProtocolError:
        return Hints()
    if not any(name in annotations for name in HINTS):
        return None
    return Hints(_flag(annotations, "readOnlyHint"), _flag(annotations, "destructiveHint"))


def _flag(annotations: Mapping[str, Raw], name: str) -> bool | None:
    value = msgspec.json.decode(annotations.get(name, b"null"))
    return value if isinstance(value, bool) else None
