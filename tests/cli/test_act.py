"""Acts as lines of the journal."""

from msgspec import structs

from mcpgw.cli.act import act_row, described_act, told_act
from mcpgw.model.act import ActSeen
from tests.store.records import ACT

SEEN = ActSeen(7, "mcpgw", ACT)


def test_an_act_in_the_columns_of_calls() -> None:
    act_id, _, *rest = act_row(SEEN)
    assert (act_id, rest) == ("act_000007", ["ana", "server.add jira: a URL", "done", ""])


def test_the_story_of_an_act() -> None:
    lines = dict(told_act(SEEN))
    assert lines["who"] == "ana (tok_1, admin)"
    assert (lines["what"], lines["to"]) == ("server.add jira", "a URL")
    assert lines["recorded by"] == "a process of mcpgw"
    at_box = ActSeen(8, "root", structs.replace(ACT, role="operator", token_id="", detail=""))
    lines = dict(told_act(at_box))
    assert lines["who"] == "ana (root) (at the box, operator)"
    assert "to" not in lines


def test_an_act_as_json() -> None:
    described = described_act(SEEN, "demo")
    assert described["at"] == "2027-01-15T08:00:00.250Z"
    assert (described["kind"], described["workspace"]) == ("server.add", "demo")
    assert "at_us" not in described
    of_house = ActSeen(8, "root", structs.replace(ACT, workspace_id=""))
    assert described_act(of_house, "demo")["workspace"] == ""
