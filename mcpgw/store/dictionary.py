"""What rows of the journal repeat: each text, caller and target is stored once, under a number.

Works in the transaction that it is given. What it remembers is committed only with it: after a
rollback, or when somebody else wrote, `forget` must be called.
"""

import hashlib
import sqlite3
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

from msgspec import Struct, structs
from sqlalchemy import Table, insert
from sqlalchemy.dialects import sqlite

from mcpgw.model.audit import Caller, Target
from mcpgw.model.chain import spelled
from mcpgw.store import journal_tables as tables

MOST = 8192
"""Of each kind are remembered; a client can invent names without end."""

DIGEST_BYTES = 16

_DIALECT = sqlite.dialect()

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class KnownCaller:
    """The number of a caller, what a MAC covers of it, and the labels it is looked for by."""

    id: int
    spelled: bytes
    workspace: int
    token: int


@dataclass(frozen=True, slots=True)
class KnownTarget:
    """The same of a target."""

    id: int
    spelled: bytes
    server: int


class Dictionary:
    """The numbers of what repeats, as far as they were needed lately."""

    def __init__(self) -> None:
        self._labels: dict[str, int] = {}
        self._callers: dict[Caller, KnownCaller] = {}
        self._targets: dict[Target, KnownTarget] = {}

    def label(self, connection: sqlite3.Connection, text: str) -> int:
        """Return the number of a text."""
        found = self._labels.get(text)
        return _kept(self._labels, text, _label(connection, text)) if found is None else found

    def caller(self, connection: sqlite3.Connection, caller: Caller) -> KnownCaller:
        """Return what stands for a caller."""
        found = self._callers.get(caller)
        if found is not None:
            return found
        number, form = _stored(connection, tables.caller, caller)
        workspace = self.label(connection, caller.workspace_id)
        token = self.label(connection, caller.token_id)
        return _kept(self._callers, caller, KnownCaller(number, form, workspace, token))

    def target(self, connection: sqlite3.Connection, target: Target) -> KnownTarget:
        """Return what stands for a target."""
        found = self._targets.get(target)
        if found is not None:
            return found
        number, form = _stored(connection, tables.target, target)
        server = self.label(connection, target.server)
        return _kept(self._targets, target, KnownTarget(number, form, server))

    def forget(self) -> None:
        """Look everything up anew."""
        self._labels.clear()
        self._callers.clear()
        self._targets.clear()


def digest_of(form: bytes) -> bytes:
    """Return by what a stored caller or target is found."""
    return hashlib.sha256(form).digest()[:DIGEST_BYTES]


def _kept(held: dict[Key, Value], key: Key, value: Value) -> Value:
    if len(held) >= MOST:
        held.clear()
    held[key] = value
    return value


def _label(connection: sqlite3.Connection, text: str) -> int:
    row = connection.execute("SELECT id FROM label WHERE text = ?", (text,)).fetchone()
    return int(row[0]) if row else _inserted(connection, tables.label, (text,))


def _stored(connection: sqlite3.Connection, table: Table, record: Struct) -> tuple[int, bytes]:
    """Return the number of a record, stored now if it never was, and what a MAC covers of it."""
    values = structs.astuple(record)
    form = spelled(values)
    digest = digest_of(form)
    wanted = f"SELECT id FROM {table.name} WHERE digest = ?"  # noqa: S608  (a table of ours)
    row = connection.execute(wanted, (digest,)).fetchone()
    return int(row[0]) if row else _inserted(connection, table, (digest, *values)), form


def _inserted(connection: sqlite3.Connection, table: Table, values: tuple[object, ...]) -> int:
    names = [column.name for column in table.columns if column.name != "id"]
    statement = str(insert(table).compile(dialect=_DIALECT, column_keys=names))
    number = connection.execute(statement, values).lastrowid
    assert number is not None  # noqa: S101  (an INSERT has one)
    return number
