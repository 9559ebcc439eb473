"""The journal's tables keep what the model says, and MACs cover all of it."""

import pytest
from sqlalchemy import Table

from mcpgw.model.audit import AuditEvent, CallEnd, Caller, CallStart, Target
from mcpgw.model.chain import END, START, Checkpoint, Form
from mcpgw.model.session import SessionRecord
from mcpgw.store import journal_tables as tables


def names(table: Table) -> set[str]:
    return {str(column.name) for column in table.columns}


def fields(record: type) -> set[str]:
    return set(record.__annotations__)


@pytest.mark.parametrize(
    ("table", "record", "more"),
    [
        (tables.caller, Caller, {"id", "digest"}),
        (tables.target, Target, {"id", "digest"}),
        (tables.session, SessionRecord, set()),
        (tables.checkpoint, Checkpoint, {"signature"}),
    ],
)
def test_a_table_has_the_fields_of_its_record(table: Table, record: type, more: set[str]) -> None:
    assert names(table) == fields(record) | more


def test_calls_have_the_fields_of_their_records() -> None:
    of_start = fields(CallStart) - {"caller", "target"} | {"caller_id", "target_id"}
    assert names(tables.call_start) == of_start | {"seq", "writer_id", "mac"}
    of_end = fields(CallEnd) - {"start", "error_class"} | {"error"}
    derived = {"bucket", "workspace", "token", "server", "start_seq"}
    assert names(tables.call_end) == names(tables.call_start) | of_end | derived
    read = {"call_id", "started_at", "arguments_fingerprint", "result_fingerprint", "error_class"}
    stored = names(tables.call_end) | fields(Caller) | fields(Target)
    assert set(AuditEvent.__struct_fields__) - read <= stored


@pytest.mark.parametrize(("table", "form"), [(tables.call_start, START), (tables.call_end, END)])
def test_a_mac_covers_every_column_or_what_it_stands_for(table: Table, form: Form) -> None:
    stands_for = {
        "caller_id": "caller",
        "target_id": "target",
        "error": "error_class",
        # Held against the texts of caller and target, which are covered.
        "workspace": "caller",
        "token": "caller",
        "server": "target",
    }
    covered = {stands_for.get(name, name) for name in names(table) - {"mac"}}
    assert covered == {*form.numbers, *form.texts}
