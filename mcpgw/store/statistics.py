"""Sums over calls: from the tallies where an hour is close enough, else from the calls themselves.

What no tally counts yet is added from its rows, so that nothing is missing up to the last commit.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, case, func, literal, select
from sqlalchemy.dialects import sqlite

from mcpgw.model.audit import TOO_MANY_REQUESTS
from mcpgw.model.histogram import pack
from mcpgw.model.statistics import Dimension, Part, Period, StatsFilter
from mcpgw.store import journal_tables as tables
from mcpgw.store.call import CALLER, END, OUTCOME, TARGET, has_target, label_of
from mcpgw.store.engine import raw
from mcpgw.store.tally import HOUR_US, rate_limited, tallied

EXACT_S = 6 * 3600.0
"""Shorter periods are summed from their rows, to the second; longer ones to the hour."""

_TALLY = tables.tally
_DIALECT = sqlite.dialect()

_TOOL = case(
    (TARGET.c.method == "tools/call", TARGET.c.exposed),
    else_=TARGET.c.method + " " + TARGET.c.exposed,
)

_NAME: dict[Dimension, ColumnElement[str]] = {
    Dimension.SERVER: TARGET.c.server,
    Dimension.TOOL: _TOOL,
    Dimension.MEMBER: CALLER.c.member,
    Dimension.CLIENT: CALLER.c.client_name,
    Dimension.HOUR: literal(""),
    Dimension.STATUS: literal(""),
}
"""What tells calls apart. Hour and outcome are in every sum."""


def sums(connection: Connection, wanted: StatsFilter, by: Dimension) -> Iterator[Part]:
    """Return the sums of every name, piece of the period, and outcome. Run it in a transaction."""
    beneath = raw(connection)
    limited = END.c.upstream_status == TOO_MANY_REQUESTS
    if (number := rate_limited(beneath)) is not None:
        limited = limited | (END.c.error == number)
    if wanted.period.length_s <= EXACT_S:
        yield from _parts_of_rows(beneath, _of_rows(wanted, by, limited))
        return
    beneath.create_aggregate("gather", 1, _Gather)  # type: ignore[arg-type]  # sqlite3 takes bytes
    for name, hour, outcome, *values in _rows(beneath, _of_tallies(wanted, by)):
        yield Part(name, hour, OUTCOME[outcome], *values)
    untold = _of_rows(wanted, by, limited).where(END.c.seq > tallied(beneath))
    yield from _parts_of_rows(beneath, untold)


def _parts_of_rows(connection: sqlite3.Connection, statement: Select[Any]) -> Iterator[Part]:
    for row in _rows(connection, statement):
        name, hour, outcome, bucket, *values = row
        values.append(pack({bucket: values[0]}))
        yield Part(name, hour, OUTCOME[outcome], *values)


def _rows(connection: sqlite3.Connection, statement: Select[Any]) -> sqlite3.Cursor:
    """Run a statement beneath SQLAlchemy, whose rows cost more than the sums."""
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    values = [compiled.params[name] for name in compiled.positiontup or ()]
    return connection.execute(str(compiled), values)


class _Gather:
    """Joins what all rows of a group have, end to end."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def step(self, part: bytes) -> None:
        """Take one row's."""
        self._parts.append(part)

    def finalize(self) -> bytes:
        """Return them all."""
        return b"".join(self._parts)


def _of_tallies(wanted: StatsFilter, by: Dimension) -> Select[Any]:
    columns, name = _TALLY.c, _NAME[by].label("name")
    period = wanted.period.to_the_hour()
    statement = (
        select(
            name,
            _piece(columns.hour, wanted.period, by),
            columns.outcome,
            *(func.sum(columns[one]).label(one) for one in _SUMS),
            func.max(columns.slowest_us).label("slowest_us"),
            columns.slowest_seq.label("slowest_row"),
            func.gather(columns.durations).label("durations"),
        )
        .where(
            columns.hour >= _hour(period.since),
            columns.hour < _hour(period.until),
            *_is_wanted(wanted, columns.caller_id, columns.target_id),
            *([] if wanted.hours is None else [columns.hour.in_(sorted(wanted.hours))]),
        )
        .group_by("name", "piece", columns.outcome)
    )
    return _with_names(statement, _TALLY, by)


_SUMS = ("calls", "rate_limited", "duration_us", "upstream_us", "request_bytes", "result_bytes")


def _of_rows(wanted: StatsFilter, by: Dimension, limited: ColumnElement[bool]) -> Select[Any]:
    columns, name = END.c, _NAME[by].label("name")
    is_exact = wanted.period.length_s <= EXACT_S
    period = wanted.period if is_exact else wanted.period.to_the_hour()
    hour = columns.started_us // HOUR_US
    sums: dict[str, ColumnElement[Any]] = {
        "calls": func.count(),
        "rate_limited": func.sum(limited),
        **{one: func.sum(columns[one]) for one in _SUMS[2:]},
    }
    statement: Select[Any] = (
        select(
            name,
            _piece(hour, wanted.period, by),
            columns.outcome,
            columns.bucket,
            *(value.label(one) for one, value in sums.items()),
            func.max(columns.duration_us).label("slowest_us"),
            columns.seq.label("slowest_row"),
        )
        .where(
            columns.workspace == label_of(wanted.workspace_id),
            columns.started_us >= round(period.since * 1e6),
            columns.started_us < round(period.until * 1e6),
            *_is_wanted(wanted, columns.caller_id, columns.target_id),
            *([] if wanted.hours is None else [hour.in_(sorted(wanted.hours))]),
        )
        .group_by("name", "piece", columns.outcome, columns.bucket)
    )
    return _with_names(statement, END, by)


def _with_names(statement: Select[Any], table: Table, by: Dimension) -> Select[Any]:
    """Join what a name needs. Outer joins keep the order: rows first, a look for each name."""
    if by in (Dimension.SERVER, Dimension.TOOL):
        joined = table.outerjoin(TARGET, TARGET.c.id == table.c.target_id)
    elif by in (Dimension.MEMBER, Dimension.CLIENT):
        joined = table.outerjoin(CALLER, CALLER.c.id == table.c.caller_id)
    else:
        return statement
    return statement.select_from(joined)


def _is_wanted(
    wanted: StatsFilter, caller_id: ColumnElement[int], target_id: ColumnElement[int]
) -> Iterator[ColumnElement[bool]]:
    caller, target = CALLER.c, TARGET.c
    same = {
        caller.workspace_id: wanted.workspace_id,
        caller.member: wanted.member,
        caller.client_name: wanted.client,
        caller.token_id: wanted.token_id,
    }
    callers = [column == value for column, value in same.items() if value]
    yield caller_id.in_(select(caller.id).where(*callers))
    targets = []
    if wanted.server:
        targets.append(target.server == wanted.server)
    if wanted.target:
        targets.append(has_target(wanted.target))
    if targets:
        yield target_id.in_(select(target.id).where(*targets))


def _piece(hour: ColumnElement[int], period: Period, by: Dimension) -> ColumnElement[int]:
    """Return the first hour of the piece of the period that an hour is in."""
    step = 1 if by is Dimension.HOUR else period.step
    first = _hour(period.to_the_hour().since)
    return (hour - (hour - first) % step).label("piece")


def _hour(moment: float) -> int:
    return round(moment * 1e6) // HOUR_US
