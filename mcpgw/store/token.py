"""Statements about token records. Never sees a token: a record has only its keyed digest."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from mcpgw.errors import Conflict, NotFound
from mcpgw.model.act import Act
from mcpgw.model.bounds import Bounds
from mcpgw.model.token import Role, Token
from mcpgw.store import tables
from mcpgw.store.act import Acts


class Tokens:
    """Token records in the configuration database."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    async def add(self, token: Token, act: Act) -> None:
        """Add a record.

        Raises:
            NotFound: the workspace is gone.
        """

        def statements(connection: Connection) -> None:
            connection.execute(insert(tables.token), _row(token))

        await self._acts.write(act, statements)

    async def replace(self, token: Token, old: Token, act: Act) -> None:
        """Add a record, and write another one that it takes the place of, in one transaction.

        Raises:
            Conflict: the other one was revoked meanwhile.
            NotFound: the workspace is gone.
        """

        def statements(connection: Connection) -> None:
            table = tables.token
            wanted = update(table).where(table.c.id == old.id, table.c.revoked_at.is_(None))
            values = {"expires_at": old.expires_at, "row_mac": old.row_mac}
            if connection.execute(wanted.values(values)).rowcount == 0:
                raise Conflict(f"the token {old.id} was revoked just now", "issue another one")
            connection.execute(insert(table), _row(token))

        await self._acts.write(act, statements)

    async def revoke(self, token_ids: Sequence[str], revoked_at: float, act: Act) -> None:
        """Mark tokens as revoked and clear their MACs; revoking again keeps the first time.

        Raises:
            NotFound: one of them is not there; nothing was changed.
        """

        def statements(connection: Connection) -> None:
            table = tables.token
            wanted = update(table).where(table.c.id.in_(token_ids))
            first = func.coalesce(table.c.revoked_at, revoked_at)
            changed = connection.execute(wanted.values(revoked_at=first, row_mac=b"")).rowcount
            if changed != len(token_ids):
                raise NotFound("there is no such token", "see: mcpgw token list")

        await self._acts.write(act, statements, is_urgent=True)


def read(connection: Connection) -> Mapping[bytes, Token]:
    """Return every token by its digest, in the order they were issued."""
    table = tables.token
    found: dict[bytes, Token] = {}
    for row in connection.execute(select(table).order_by(table.c.created_at, table.c.id)):
        values: dict[str, Any] = dict(row._mapping)
        values |= {
            "role": Role(values["role"]),
            "bounds": msgspec.json.decode(values["bounds"], type=Bounds),
        }
        found[values["index"]] = Token(**values)
    return found


def _row(token: Token) -> dict[str, Any]:
    return asdict(token) | {"bounds": msgspec.json.encode(token.bounds).decode()}
