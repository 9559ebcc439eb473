"""When which alert was sent, in the journal's database: the configuration's counter must not move.

Everything goes through the journal's one writer, the one look at what is there too.
"""

import asyncio
import sqlite3
from collections.abc import Mapping

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.dialects import sqlite

from mcpgw.store import journal_tables
from mcpgw.store.writer import Writer

_TABLE = journal_tables.alert_sent

FORGOTTEN_S = 60 * 86400.0
"""Longer than an alert can be silent."""

_ALL = str(
    select(_TABLE.c.alert_id, _TABLE.c.subject, _TABLE.c.sent_at).compile(dialect=sqlite.dialect())
)
_PUT = str(insert(_TABLE).prefix_with("OR REPLACE").compile(dialect=sqlite.dialect()))
_FORGET = str(
    delete(_TABLE).where(_TABLE.c.sent_at < bindparam("oldest")).compile(dialect=sqlite.dialect())
)
_TAKE_BACK = str(
    delete(_TABLE)
    .where(_TABLE.c.alert_id == bindparam("id"), _TABLE.c.subject == bindparam("about"))
    .compile(dialect=sqlite.dialect())
)


class AlertLog:
    """Marks of alerts that were sent."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def sent(self) -> asyncio.Future[Mapping[tuple[str, str], float]]:
        """Return when alerts were sent last, by their id and what they were about.

        Raises:
            StorageError: (from the future) the journal cannot be used.
        """

        def statements(connection: sqlite3.Connection) -> dict[tuple[str, str], float]:
            return {(alert, about): moment for alert, about, moment in connection.execute(_ALL)}

        return self._writer.change(statements)

    def mark(self, alert_id: str, subject: str, sent_at: float) -> asyncio.Future[None]:
        """Note that an alert is sent now; very old marks go.

        Raises:
            StorageError: (from the future) that is not written.
        """

        def statements(connection: sqlite3.Connection) -> None:
            connection.execute(_PUT, (alert_id, subject, sent_at))
            connection.execute(_FORGET, (sent_at - FORGOTTEN_S,))

        return self._writer.change(statements)

    def take_back(self, alert_id: str, subject: str) -> asyncio.Future[None]:
        """Note that an alert was not sent after all.

        Raises:
            StorageError: (from the future) that is not written.
        """

        def statements(connection: sqlite3.Connection) -> None:
            connection.execute(_TAKE_BACK, (alert_id, subject))

        return self._writer.change(statements)
