"""Statements about sealed secrets. Never sees a value: what comes here is sealed."""

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection, delete, func, insert, select

from mcpgw.errors import Conflict, NotFound
from mcpgw.model.act import Act
from mcpgw.model.secret import SealedSecret
from mcpgw.store import tables
from mcpgw.store.act import Acts


class Secrets:
    """Sealed secrets in the configuration database."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    async def put(self, secret: SealedSecret, act: Act) -> None:
        """Store a version and delete the older ones.

        Raises:
            Conflict: that version or a newer one is there already.
            NotFound: the server is gone.
        """
        raced = Conflict(f"{secret.name} was set by somebody else just now", "set it again")

        def statements(connection: Connection) -> None:
            table = tables.secret
            same = (table.c.server_id == secret.server_id) & (table.c.name == secret.name)
            newest = connection.execute(select(func.max(table.c.version)).where(same)).scalar()
            if newest is not None and newest >= secret.version:
                raise raced
            connection.execute(delete(table).where(same))
            connection.execute(insert(table), asdict(secret))

        await self._acts.write(act, statements)

    async def remove(self, server_id: str, name: str, act: Act) -> None:
        """Remove all versions of a secret.

        Raises:
            NotFound: there is none of that name.
        """

        def statements(connection: Connection) -> None:
            table = tables.secret
            wanted = delete(table).where(table.c.server_id == server_id, table.c.name == name)
            if connection.execute(wanted).rowcount == 0:
                raise NotFound(f"no secret {name[:128]!r}", "see: mcpgw secret list")

        await self._acts.write(act, statements)


def read(connection: Connection) -> Mapping[str, Mapping[str, SealedSecret]]:
    """Return the newest version of every secret by server id and name."""
    table = tables.secret
    found: dict[str, dict[str, SealedSecret]] = {}
    for row in connection.execute(select(table).order_by(table.c.name, table.c.version)):
        secret = SealedSecret(**row._mapping)
        found.setdefault(secret.server_id, {})[secret.name] = secret
    return found
