"""Calls, and what asks for them."""

import msgspec
import pytest
from msgspec import structs

from mcpgw.model.audit import AuditEvent, CallFilter, Outcome
from mcpgw.web.wire.call import Call, CallQuery
from tests.fakes import read
from tests.store.records import call_end


def test_a_record_there_and_back() -> None:
    found = read(call_end(outcome=Outcome.TIMEOUT))
    sent = msgspec.json.encode(Call.of(found, "demo", 7))
    told = msgspec.json.decode(sent, type=Call)
    assert (told.row, told.workspace) == (7, "demo")
    assert told.event() == structs.replace(found, workspace_id="")


def test_every_field_of_the_record_is_told() -> None:
    assert set(AuditEvent.__struct_fields__) - set(Call.__struct_fields__) == {"workspace_id"}


@pytest.mark.parametrize(
    "wanted",
    [
        CallFilter(),
        CallFilter(
            target="jira*",
            server="git",
            member="ana",
            client="cursor",
            is_rate_limited=True,
            token_id="tok_1",
            outcomes=(Outcome.OK, Outcome.DENIED),
            since=1.8e9,
            until=1.9e9,
            slower_than_us=1500,
            after_rowid=7,
            newest=5,
        ),
    ],
)
def test_a_filter_there_and_back(wanted: CallFilter) -> None:
    assert CallQuery.of(wanted).wanted(wanted.newest, None) == wanted


def test_every_field_of_the_filter_is_asked_for() -> None:
    """Besides the workspace, which the path names."""
    wanted = CallQuery().wanted(5, (1.0, 2))
    assert wanted == CallFilter(before=(1.0, 2), newest=5)
    fields = set(structs.asdict(CallQuery())) - {"limit", "cursor"}
    assert len(fields) == len(CallFilter.__slots__) - len(("workspace_id", "before", "newest"))
