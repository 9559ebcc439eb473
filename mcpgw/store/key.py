"""Statements about wrapped keys. Never sees a key that could be used without the master key."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, insert, select

from mcpgw.errors import Conflict
from mcpgw.model.act import Act
from mcpgw.model.key import DataKey, KeyKind, KeySlot
from mcpgw.store import tables
from mcpgw.store.act import Acts


class Keys:
    """Wrapped keys in the configuration database."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    async def add(self, slots: Sequence[KeySlot], datakeys: Sequence[DataKey], act: Act) -> None:
        """Add keys in one transaction.

        Raises:
            Conflict: slots are given and there are some already, or a data key of that kind,
                workspace and version is there.
        """
        taken = Conflict("there are keys already", "nothing was changed; see: mcpgw status")

        def statements(connection: Connection) -> None:
            if slots:
                if connection.execute(select(tables.keyslot.c.id).limit(1)).first():
                    raise taken
                connection.execute(insert(tables.keyslot), [asdict(slot) for slot in slots])
            known = {(key.kind, key.workspace_id, key.version) for key in _all(connection)}
            if any((key.kind, key.workspace_id, key.version) in known for key in datakeys):
                raise taken  # the index holds no two keys of the house apart
            if datakeys:
                connection.execute(insert(tables.datakey), [datakey_row(key) for key in datakeys])

        await self._acts.write(act, statements, taken)


def datakey_row(datakey: DataKey) -> dict[str, Any]:
    """Return the values of a row; a key of the house belongs to no workspace."""
    return asdict(datakey) | {"workspace_id": datakey.workspace_id or None}


def read_slots(connection: Connection) -> tuple[KeySlot, ...]:
    """Return every key slot, oldest first."""
    table = tables.keyslot
    wanted = select(table).order_by(table.c.created_at, table.c.id)
    return tuple(KeySlot(**row._mapping) for row in connection.execute(wanted))


def read_datakeys(connection: Connection) -> dict[str, DataKey]:
    """Return every data key by id."""
    return {key.id: key for key in _all(connection)}


def _all(connection: Connection) -> Iterator[DataKey]:
    for row in connection.execute(select(tables.datakey)):
        values = dict(row._mapping)
        values |= {"kind": KeyKind(row.kind), "workspace_id": row.workspace_id or ""}
        yield DataKey(**values)
