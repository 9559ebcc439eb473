"""Acts say who did what."""

import pytest
from msgspec import structs

from mcpgw.model.act import MOST_CHARACTERS, ActKind, ActSeen, done_by, read_act_id
from mcpgw.model.token import OPERATOR, Principal, Role

ADA = Principal("tok_1", "ada", Role.ADMIN, "ws_1")


def test_an_act_of_an_admin() -> None:
    act = done_by(ADA, 12.5, ActKind.TOKEN_ISSUE, "ws_1", "tok_2", "bob, developer")
    seen = ActSeen(7, "mcpgw", act)
    assert (act.at_us, act.member, act.token_id, act.role) == (12_500_000, "ada", "tok_1", "admin")
    assert (seen.act_id, seen.at, seen.who) == ("act_000007", 12.5, "ada")
    assert seen.what == "token.issue tok_2: bob, developer"
    assert read_act_id(seen.act_id) == 7


def test_an_act_at_the_box_says_under_which_account() -> None:
    act = done_by(OPERATOR, 1.0, ActKind.WORKSPACE_DELETE, "ws_1", "demo")
    seen = ActSeen(1_000_000, "root", act)
    assert (act.token_id, act.role) == ("", "operator")
    assert (seen.act_id, seen.who, seen.what) == (
        "act_1000000",
        "operator (root)",
        "workspace.delete demo",
    )
    assert structs.asdict(act)["detail"] == ""


def test_what_it_says_cannot_forge_a_log() -> None:
    act = done_by(ADA, 1.0, ActKind.TOOL_CLASS, "ws_1", "a\nb" + "x" * 2000, "c\x1bd")
    assert act.subject.startswith("a\\u000ab")
    assert len(act.subject) <= MOST_CHARACTERS + 5
    assert act.detail == "c\\u001bd"


@pytest.mark.parametrize("text", ["", "act_", "act_1", "act_00000x", "call_1", "act_" + "9" * 19])
def test_no_id_of_an_act(text: str) -> None:
    assert read_act_id(text) is None
