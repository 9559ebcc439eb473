"""Statements about alerts. Never sees the URL of a webhook: what comes here is sealed."""

from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from mcpgw.errors import NotFound
from mcpgw.model.act import Act
from mcpgw.model.alert import Alert
from mcpgw.store import tables
from mcpgw.store.act import Acts


class Alerts:
    """Alerts in the configuration database."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    async def add(self, alert: Alert, act: Act) -> None:
        """Add an alert.

        Raises:
            NotFound: the workspace is gone.
        """

        def statements(connection: Connection) -> None:
            connection.execute(insert(tables.alert), asdict(alert))

        await self._acts.write(act, statements)

    async def remove(self, alert_id: str, act: Act) -> None:
        """Remove an alert.

        Raises:
            NotFound: it is gone already.
        """

        def statements(connection: Connection) -> None:
            wanted = delete(tables.alert).where(tables.alert.c.id == alert_id)
            if connection.execute(wanted).rowcount == 0:
                raise NotFound("the alert is gone already", "see: mcpgw alert list")

        await self._acts.write(act, statements)


def read(connection: Connection) -> dict[str, tuple[Alert, ...]]:
    """Return every alert by workspace id, in the order they were added."""
    table = tables.alert
    found: dict[str, tuple[Alert, ...]] = {}
    for row in connection.execute(select(table).order_by(table.c.created_at, table.c.id)):
        alert = Alert(**row._mapping)
        found[alert.workspace_id] = (*found.get(alert.workspace_id, ()), alert)
    return found
