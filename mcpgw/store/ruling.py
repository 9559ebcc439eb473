"""Statements about admins' rulings on tools."""

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from mcpgw.errors import NotFound
from mcpgw.model.act import Act
from mcpgw.model.ruling import Ruling
from mcpgw.model.tool_class import ToolClass
from mcpgw.store import tables
from mcpgw.store.act import Acts


class Rulings:
    """Rulings in the configuration database."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    async def put(self, ruling: Ruling, act: Act) -> None:
        """Store a ruling in place of an earlier one on the same tool.

        Raises:
            NotFound: the server is gone.
        """

        def statements(connection: Connection) -> None:
            connection.execute(insert(tables.ruling).prefix_with("OR REPLACE"), asdict(ruling))

        await self._acts.write(act, statements)

    async def remove(self, server_id: str, tool: str, act: Act) -> None:
        """Remove the ruling on a tool.

        Raises:
            NotFound: there is none.
        """

        def statements(connection: Connection) -> None:
            table = tables.ruling
            wanted = delete(table).where(table.c.server_id == server_id, table.c.tool == tool)
            if connection.execute(wanted).rowcount == 0:
                raise NotFound("nobody ruled on this tool", "see: mcpgw tool list")

        await self._acts.write(act, statements)


def read(connection: Connection) -> Mapping[str, Mapping[str, Ruling]]:
    """Return every ruling by server id and tool."""
    found: dict[str, dict[str, Ruling]] = {}
    for row in connection.execute(select(tables.ruling)):
        ruling = Ruling(**dict(row._mapping) | {"kind": ToolClass(row.kind)})
        found.setdefault(ruling.server_id, {})[ruling.tool] = ruling
    return found
