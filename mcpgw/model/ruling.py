"""An admin's ruling on what a tool does, kept under the server's own name of the tool."""

from dataclasses import dataclass, replace

from mcpgw.model.tool_class import ToolClass


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an admin said of one tool. `row_mac` keeps who can only write the database from it."""

    server_id: str
    tool: str
    kind: ToolClass
    ruled_at: float
    row_mac: bytes = b""

    def decisive_fields(self) -> tuple[bytes, ...]:
        """Return what `row_mac` covers, in order."""
        return self.server_id.encode(), self.tool.encode(), self.kind.value.encode()

    def with_mac(self, mac: bytes) -> "Ruling":
        """Return the record with its MAC."""
        return replace(self, row_mac=mac)
