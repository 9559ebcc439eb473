"""Statements about token records. Never sees a token: a record has only its keyed digest."""

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection, func, insert, select, update

from mcpgw.errors import NotFound
from mcpgw.model.token import Role, Token
from mcpgw.store import tables
from mcpgw.store.engine import Database


class Tokens:
    """Token records in the configuration database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, token: Token) -> None:
        """Add a record.

        Raises:
            NotFound: the workspace is gone.
        """

        def statements(connection: Connection) -> None:
            connection.execute(insert(tables.token), asdict(token))

        await self._database.write(statements)

    async def revoke(self, token_id: str, revoked_at: float) -> None:
        """Mark a token as revoked and clear its MAC; revoking again keeps the first time.

        Raises:
            NotFound: there is no such token.
        """

        def statements(connection: Connection) -> None:
            table = tables.token
            wanted = update(table).where(table.c.id == token_id)
            first = func.coalesce(table.c.revoked_at, revoked_at)
            if connection.execute(wanted.values(revoked_at=first, row_mac=b"")).rowcount == 0:
                raise NotFound(f"no token {token_id[:64]!r}", "see: mcpgw token list")

        await self._database.write(statements)


def read(connection: Connection) -> Mapping[bytes, Token]:
    """Return every token by its digest, in the order they were issued."""
    table = tables.token
    found: dict[bytes, Token] = {}
    for row in connection.execute(select(table).order_by(table.c.created_at, table.c.id)):
        values = dict(row._mapping)
        token = Token(**values | {"role": Role(values["role"])})
        found[token.index] = token
    return found
