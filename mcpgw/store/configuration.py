"""The configuration as a whole: read in one transaction, with the counter that dates it."""

import msgspec
from sqlalchemy import Connection, select

from mcpgw.errors import StorageError
from mcpgw.model.configuration import Configuration
from mcpgw.store import alert, key, ruling, secret, server, tables, token, workspace
from mcpgw.store.changes import Changes
from mcpgw.store.engine import Database


class Configurations:
    """Reads committed states of the configuration database."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    def version(self) -> int:
        """Return a number that changes with every commit of another connection.

        Raises:
            StorageError: it cannot be known.
        """
        return self._changes.version()

    async def load(self) -> Configuration:
        """Read everything, as committed when this was called or later.

        Raises:
            StorageError: the database cannot be read, or holds what mcpgw never wrote.
        """
        # Taken first: a commit while we read makes the next check see a difference, never miss it.
        version = self._changes.version()
        return await self._database.read(lambda connection: _read(connection, version))


def _read(connection: Connection, version: int) -> Configuration:
    install_id = select(tables.meta.c.value).where(tables.meta.c.name == "install_id")
    try:
        return Configuration(
            version=version,
            install_id=connection.execute(install_id).scalar() or "",
            workspaces=workspace.read(connection),
            servers=server.read(connection),
            secrets=secret.read(connection),
            tokens=token.read(connection),
            slots=key.read_slots(connection),
            datakeys=key.read_datakeys(connection),
            rulings=ruling.read(connection),
            alerts=alert.read(connection),
        )
    except (ValueError, msgspec.MsgspecError):
        raise StorageError(
            "the configuration holds a row that mcpgw did not write",
            "put a backup of configuration.db in its place",
        ) from None
