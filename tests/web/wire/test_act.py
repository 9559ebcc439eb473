"""Acts, and what asks for them."""

import msgspec
import pytest
from msgspec import structs

from mcpgw.model.act import Act as Recorded
from mcpgw.model.act import ActFilter, ActSeen
from mcpgw.web.wire.act import Act, ActQuery
from tests.store.records import ACT

SEEN = ActSeen(7, "mcpgw", ACT)


def test_a_record_there_and_back() -> None:
    sent = msgspec.json.encode(Act.of(SEEN, "demo"))
    told = msgspec.json.decode(sent, type=Act)
    assert (told.row, told.act_id, told.workspace) == (7, "act_000007", "demo")
    assert told.seen() == structs.replace(SEEN, act=structs.replace(ACT, workspace_id="demo"))


def test_every_field_of_the_record_is_told() -> None:
    missing = set(Recorded.__struct_fields__) - set(Act.__struct_fields__)
    assert missing == {"workspace_id", "at_us"}


@pytest.mark.parametrize(
    "wanted",
    [ActFilter(), ActFilter(member="ana", since=1.8e9, until=1.9e9, after_seq=7, newest=5)],
)
def test_a_filter_there_and_back(wanted: ActFilter) -> None:
    assert ActQuery.of(wanted).wanted(wanted.newest, None) == wanted


def test_before_an_act() -> None:
    assert ActQuery().wanted(5, 9) == ActFilter(before_seq=9, newest=5)
