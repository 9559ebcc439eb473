"""One tool as its server described it, read with suspicion: any member may be of any kind."""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from mcpgw.model.tool_class import ToolClass

HINTS = {ToolClass.READ: "[read-only]", ToolClass.DESTRUCTIVE: "[destructive]"}
"""What a description says of a tool when a caller wants hints; no vendor has a field for it."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool. `members` are as they came, raw; `server` is who has it, `kind` what it does.

    `output_schema` is None when the tool has none.
    """

    name: str
    server: str
    kind: ToolClass
    members: dict[str, Raw]
    title: str
    description: str
    input_schema: Any
    output_schema: Any

    @property
    def hint(self) -> str:
        """Return the marker of what the tool does, empty when that is nothing remarkable."""
        return HINTS.get(self.kind, "")


class UnreadableTool(ValueError):
    """A tool that cannot be shown to anybody; the message says why."""


_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def read_tool(written: bytes | Raw, server: str, kind: ToolClass) -> ToolSpec:
    """Return a tool of a `tools/list`.

    Raises:
        UnreadableTool: it is nested deeper than anything could read.
    """
    try:
        members = _decode_members(written)
        plain = {name: msgspec.json.decode(members[name]) for name in _READ if name in members}
    except (ValueError, RecursionError):
        raise UnreadableTool("its description is nested too deeply to be read") from None
    marks = plain.get("annotations")
    marks = marks if isinstance(marks, dict) else {}
    return ToolSpec(
        name=_text(plain, "name"),
        server=server,
        kind=kind,
        members=members,
        title=_text(plain, "title") or _text(marks, "title"),
        description=_text(plain, "description"),
        input_schema=plain.get("inputSchema"),
        output_schema=plain.get("outputSchema"),
    )


_READ = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""
