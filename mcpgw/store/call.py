"""Statements that find calls in the journal, and the records that their rows stand for."""

from collections.abc import Iterator
from typing import Any

from msgspec import structs
from sqlalchemy import (
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    Table,
    TextClause,
    func,
    or_,
    select,
    text,
    tuple_,
)

from mcpgw.errors import StorageError
from mcpgw.model.audit import (
    RATE_LIMITED,
    SUCCESSES,
    TOO_MANY_REQUESTS,
    UNASKED,
    AuditEvent,
    Caller,
    CallFilter,
    CallStart,
    Outcome,
    Target,
    call_id,
)
from mcpgw.model.chain import OUTCOME_CODE
from mcpgw.store import journal_tables as tables

START, END, CALLER, TARGET = tables.call_start, tables.call_end, tables.caller, tables.target

OUTCOME = {code: outcome for outcome, code in OUTCOME_CODE.items()}

IS_FAILED = text("outcome > 2")
"""As the index of failures says it: SQLite compares the words."""

_CALLER_FIELDS = [CALLER.c[name] for name in Caller.__struct_fields__]
_TARGET_FIELDS = [TARGET.c[name] for name in Target.__struct_fields__]

_LABELS = ("workspace", "token", "server", "error")
"""Columns of ends that are there to look for; their texts come from elsewhere."""


def find(wanted: CallFilter) -> Select[Any]:
    """Return the statement for the newest matching ends, or the first after `after_rowid`."""
    columns = END.c
    statement = select(END).where(*_conditions(wanted)).limit(wanted.newest)
    if wanted.outcomes and not SUCCESSES & set(wanted.outcomes):
        # What narrows the search to the index of failures.
        statement = statement.where(IS_FAILED)
    if wanted.after_rowid is not None:
        return statement.where(columns.seq > wanted.after_rowid).order_by(columns.seq)
    if wanted.workspace_id is None and not wanted.token_id:
        return statement.order_by(columns.seq.desc())
    # The order in which an index has them, so that only as many rows are read as are shown.
    return statement.order_by(columns.started_us.desc(), columns.seq.desc())


def with_id(table: Table, identity: tuple[int, int]) -> Select[Any]:
    """Return the statement for the rows of the call with that id."""
    started_us, number = identity
    return select(table).where(table.c.started_us == started_us, table.c.number == number)


def described(found: Select[Any]) -> Select[Any]:
    """Return the statement that adds to ends what their numbers stand for."""
    end = found.subquery("found")
    own = [column for column in end.columns if column.name not in _LABELS]
    error_class = tables.label.c.text.label("error_class")
    return (
        select(*own, *_CALLER_FIELDS, *_TARGET_FIELDS, error_class)
        .join(CALLER, CALLER.c.id == end.c.caller_id)
        .join(TARGET, TARGET.c.id == end.c.target_id)
        .join(tables.label, tables.label.c.id == end.c.error)
    )


def started(found: Select[Any]) -> Select[Any]:
    """Return the statement that adds to starts what their numbers stand for."""
    start = found.subquery("found")
    return (
        select(start, *_CALLER_FIELDS, *_TARGET_FIELDS)
        .join(CALLER, CALLER.c.id == start.c.caller_id)
        .join(TARGET, TARGET.c.id == start.c.target_id)
    )


def without_end() -> Select[Any]:
    """Return the statement for the starts without an end, and what process wrote them."""
    writer = tables.writer
    return (
        select(START, writer.c.kind, writer.c.pid)
        .outerjoin(END, END.c.start_seq == START.c.seq)
        .join(writer, writer.c.id == START.c.writer_id)
        .where(END.c.seq.is_(None))
    )


def newest_of(column: ColumnElement[str], end_column: ColumnElement[int]) -> Select[Any]:
    """Return the newest time of each text, by one look into the index of a column of ends.

    Grouping would read the whole index: a million entries for a handful of answers.
    """
    newest = select(func.max(END.c.started_us)).where(end_column == tables.label.c.id)
    label = tables.label
    return select(column, newest.scalar_subquery()).join(label, label.c.text == column)


def servers_used(workspace_id: str, member: str) -> Select[Any]:
    """Return the statement that counts what a member did with each server, by its name."""
    label = tables.label
    is_theirs = (CALLER.c.workspace_id == workspace_id, CALLER.c.member == member)
    tokens = select(label.c.id).join(CALLER, CALLER.c.token_id == label.c.text).where(*is_theirs)
    return (
        select(
            label.c.text.label("server"),
            func.count().label("calls"),
            func.max(END.c.started_us).label("last_us"),
        )
        .join(label, label.c.id == END.c.server)
        .where(
            END.c.token.in_(tokens),
            END.c.caller_id.in_(select(CALLER.c.id).where(*is_theirs)),
            END.c.outcome.not_in([OUTCOME_CODE[one] for one in UNASKED]),
            label.c.text != "",
        )
        .group_by(label.c.text)
        .order_by(label.c.text)
    )


def label_of(text: str) -> ScalarSelect[Any]:
    """Return the number of a text, for a comparison; nothing equals that of an unknown one."""
    label = tables.label
    return select(label.c.id).where(label.c.text == text).scalar_subquery()


def event_of(row: Row[Any]) -> AuditEvent:
    """Return the call of a described end."""
    values = dict(row._mapping)
    try:
        outcome = OUTCOME[values["outcome"]]
        return AuditEvent(
            call_id=call_id(row.started_us, row.number),
            started_at=row.started_us / 1e6,
            outcome=outcome,
            arguments_fingerprint=row.arguments.hex(),
            result_fingerprint=row.result.hex(),
            **{name: values[name] for name in _SAME},
        )
    except (KeyError, TypeError, AttributeError):
        raise StorageError(
            "the journal holds a row that mcpgw did not write", "see: mcpgw logs verify"
        ) from None


def start_of(row: Row[Any]) -> CallStart:
    """Return the record of a start with what its numbers stand for."""
    values = row._mapping
    return CallStart(
        started_us=row.started_us,
        number=row.number,
        caller=Caller(*(values[name] for name in Caller.__struct_fields__)),
        target=Target(*(values[name] for name in Target.__struct_fields__)),
        request_bytes=row.request_bytes,
        arguments=row.arguments,
    )


def running(start: CallStart) -> AuditEvent:
    """Return what is to be seen of a call under way."""
    return AuditEvent(
        call_id=start.call_id,
        started_at=start.started_us / 1e6,
        outcome=Outcome.RUNNING,
        arguments_fingerprint=start.arguments.hex(),
        request_bytes=start.request_bytes,
        **structs.asdict(start.caller),
        **structs.asdict(start.target),
        **_NOT_YET,
    )


_DERIVED = {"call_id", "started_at", "outcome", "arguments_fingerprint", "result_fingerprint"}
_SAME = [name for name in AuditEvent.__struct_fields__ if name not in _DERIVED]
"""Fields that a described end has under the same name."""

_NOT_YET: dict[str, Any] = {
    "result_fingerprint": "",
    "error_class": "",
    **dict.fromkeys(
        (
            *("duration_us", "upstream_us", "upstream_status", "result_bytes", "redactions"),
            *("restarts", "retries"),
        ),
        0,
    ),
}


def _conditions(wanted: CallFilter) -> Iterator[ColumnElement[bool] | TextClause]:
    columns = END.c
    labels = {"workspace": wanted.workspace_id, "token": wanted.token_id, "server": wanted.server}
    for name, value in labels.items():
        if value is not None and (value or name == "workspace"):
            # A live view asks for the newest row ids: an index on anything else, which an
            # expression cannot use, would lead through all rows of a workspace to find them.
            column = columns[name] if wanted.after_rowid is None else columns[name] + 0
            yield column == label_of(value)
    if wanted.member or wanted.client:
        yield columns.caller_id.in_(_callers(wanted))
    if wanted.outcomes:
        codes = [OUTCOME_CODE[one] for one in wanted.outcomes if one is not Outcome.RUNNING]
        yield columns.outcome.in_(codes)
    if wanted.since is not None:
        yield columns.started_us >= round(wanted.since * 1e6)
    if wanted.until is not None:
        yield columns.started_us < round(wanted.until * 1e6)
    if wanted.slower_than_us is not None:
        yield columns.duration_us > wanted.slower_than_us
    if wanted.before is not None:
        started_at, row = wanted.before
        yield tuple_(columns.started_us, columns.seq) < (round(started_at * 1e6), row)
    if wanted.is_rate_limited:
        is_status = columns.upstream_status == TOO_MANY_REQUESTS
        yield or_(is_status, columns.error == label_of(RATE_LIMITED))
        yield IS_FAILED
    if wanted.target:
        yield columns.target_id.in_(select(TARGET.c.id).where(has_target(wanted.target)))


def _callers(wanted: CallFilter) -> Select[Any]:
    found = select(CALLER.c.id)
    if wanted.member:
        found = found.where(CALLER.c.member == wanted.member)
    if wanted.client:
        found = found.where(CALLER.c.client_name == wanted.client)
    return found


def has_target(target: str) -> ColumnElement[bool]:
    """Match a glob against the whole, other text against any part, whatever the case."""
    names = (TARGET.c.original, TARGET.c.exposed, TARGET.c.server)
    if not set("*?") & set(target):
        return or_(*(name.icontains(target, autoescape=True) for name in names))
    pattern = target.replace("/", "//").replace("%", "/%").replace("_", "/_")
    pattern = pattern.replace("*", "%").replace("?", "_")
    return or_(*(name.ilike(pattern, escape="/") for name in names))
