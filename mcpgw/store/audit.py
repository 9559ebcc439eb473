"""The journal of calls: rows go in by the writer's thread, questions are answered beside it.

Never holds a payload: the table has no column for one.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, func, or_, select, tuple_

from mcpgw.errors import StorageError
from mcpgw.model.audit import AuditEvent, CallFilter, Outcome, ServerUse
from mcpgw.store import tables
from mcpgw.store.engine import Database
from mcpgw.store.writer import Writer

CHECKPOINT_PAGES = 1000
"""4 MB of log: SQLite's own default."""

_CALL = tables.call


class Journal:
    """The journal of calls.

    Only the serving process moves the log into the database (`is_server`): SQLite before 3.51.3
    can damage a database when several processes do.
    """

    def __init__(self, path: Path, *, is_server: bool) -> None:
        self.writer = Writer(path, checkpoint_pages=CHECKPOINT_PAGES if is_server else 0)
        self._database = Database(path)

    def record(self, event: AuditEvent) -> asyncio.Future[None]:
        """Queue a row at once; the future ends when it is committed.

        Raises:
            StorageError: (from the future) the row is not written.
        """
        return self.writer.record(event)

    async def find(self, wanted: CallFilter) -> Sequence[tuple[int, AuditEvent]]:
        """Return the newest matching rows with their row ids, in the order they were committed.

        After `after_rowid` it is the first matching rows instead, so that none is passed over.

        Raises:
            StorageError: the journal cannot be read.
        """

        def statements(connection: Connection) -> list[tuple[int, AuditEvent]]:
            rows = connection.execute(_find(wanted)).all()
            return sorted(((row.id, _event(row)) for row in rows), key=lambda found: found[0])

        return await self._database.read(statements)

    async def get(self, call_id: str) -> AuditEvent | None:
        """Return one row, None when there is none.

        Raises:
            StorageError: the journal cannot be read.
        """

        def statements(connection: Connection) -> AuditEvent | None:
            row = connection.execute(select(_CALL).where(_CALL.c.call_id == call_id)).first()
            return None if row is None else _event(row)

        return await self._database.read(statements)

    async def last_used(self, workspace_id: str) -> Mapping[str, float]:
        """Return the time of the last call by token id.

        Raises:
            StorageError: the journal cannot be read.
        """

        def statements(connection: Connection) -> dict[str, float]:
            rows = connection.execute(_newest_of_each(_CALL.c.token_id))
            return {
                row.token_id: row.started_at for row in rows if row.workspace_id == workspace_id
            }

        return await self._database.read(statements)

    async def servers_used(self, workspace_id: str, member: str) -> Mapping[str, ServerUse]:
        """Return what a member did with each server, by the server's name at that time.

        Raises:
            StorageError: the journal cannot be read.
        """
        columns = _CALL.c
        wanted = (
            select(
                columns.server,
                func.count().label("calls"),
                func.max(columns.started_at).label("last_at"),
            )
            .where(
                columns.workspace_id == workspace_id,
                columns.member == member,
                columns.server != "",
                columns.outcome.not_in([Outcome.DENIED.value, Outcome.LIMITED.value]),
            )
            .group_by(columns.server)
            .order_by(columns.server)
        )

        def statements(connection: Connection) -> dict[str, ServerUse]:
            rows = connection.execute(wanted)
            return {row.server: ServerUse(row.calls, row.last_at) for row in rows}

        return await self._database.read(statements)

    async def latest(self) -> float:
        """Return the newest time recorded, 0.0 when the journal is empty.

        Raises:
            StorageError: the journal cannot be read.
        """

        def statements(connection: Connection) -> float:
            rows = connection.execute(_newest_of_each(_CALL.c.workspace_id))
            return max((row.started_at for row in rows), default=0.0)

        return await self._database.read(statements)

    async def close(self) -> None:
        """Write what is queued and close every connection."""
        await self.writer.close()
        await self._database.close()


def _find(wanted: CallFilter) -> Select[Any]:
    columns = _CALL.c
    statement = select(_CALL).where(*_conditions(wanted)).limit(wanted.newest)
    if wanted.after_rowid is not None:
        return statement.where(columns.id > wanted.after_rowid).order_by(columns.id)
    if wanted.workspace_id is None and not wanted.token_id:
        return statement.order_by(columns.id.desc())
    # The order in which an index has them, so that only as many rows are read as are shown.
    return statement.order_by(columns.started_at.desc(), columns.id.desc())


def _conditions(wanted: CallFilter) -> Iterator[ColumnElement[bool]]:
    columns = _CALL.c
    same = {
        "workspace_id": wanted.workspace_id,
        "token_id": wanted.token_id or None,
        "server": wanted.server or None,
        "member": wanted.member or None,
    }
    for name, value in same.items():
        if value is not None:
            # A live view asks for the newest row ids: an index on anything else, which an
            # expression cannot use, would lead through all rows of a workspace to find them.
            column = columns[name] if wanted.after_rowid is None else columns[name].concat("")
            yield column == value
    if wanted.outcomes:
        yield columns.outcome.in_([outcome.value for outcome in wanted.outcomes])
    if wanted.since is not None:
        yield columns.started_at >= wanted.since
    if wanted.until is not None:
        yield columns.started_at < wanted.until
    if wanted.slower_than_us is not None:
        yield columns.duration_us > wanted.slower_than_us
    if wanted.before is not None:
        yield tuple_(columns.started_at, columns.id) < wanted.before
    if wanted.target:
        yield _has_target(wanted.target)


def _has_target(target: str) -> ColumnElement[bool]:
    """Match a glob against the whole, other text against any part, whatever the case."""
    names = (_CALL.c.original, _CALL.c.exposed, _CALL.c.server)
    if not set("*?") & set(target):
        return or_(*(name.icontains(target, autoescape=True) for name in names))
    pattern = target.replace("/", "//").replace("%", "/%").replace("_", "/_")
    pattern = pattern.replace("*", "%").replace("?", "_")
    return or_(*(name.ilike(pattern, escape="/") for name in names))


def _newest_of_each(column: Column[Any]) -> Select[Any]:
    """Return the newest row of each value of `column`, by a look into its index per value.

    Grouping would read the whole index: a million entries for a handful of answers.
    """
    value = select(func.min(column).label("value")).cte("value", recursive=True)
    following = select(func.min(column)).where(column > value.c.value).scalar_subquery()
    value = value.union_all(select(following).where(value.c.value.is_not(None)))
    same = _CALL.alias()
    newest = (
        select(same.c.id)
        .where(same.c[column.name] == value.c.value)
        .order_by(same.c.started_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(_CALL).join_from(value, _CALL, _CALL.c.id == newest)


def _event(row: Row[Any]) -> AuditEvent:
    values = dict(row._mapping)
    del values["id"]
    try:
        return AuditEvent(**values | {"outcome": Outcome(values["outcome"])})
    except ValueError:
        raise StorageError(
            "the journal holds a row that mcpgw did not write",
            "put a backup of journal.db in its place",
        ) from None
