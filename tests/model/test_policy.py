"""The whole policy as tables."""

import pytest

from mcpgw.model.bounds import Bounds
from mcpgw.model.policy import Action, Offered, Rule, decide
from mcpgw.model.token import OPERATOR, Principal, Role
from mcpgw.model.tool_class import Classed, ToolClass
from mcpgw.model.workspace import ReadonlyTools

CONFIGURATION = {Action.READ_CONFIGURATION, Action.CHANGE_CONFIGURATION}
ALLOWED = {
    Role.READONLY: {Action.USE},
    Role.DEVELOPER: {Action.USE, Action.READ_OWN_CALLS},
    Role.ADMIN: {Action.USE, Action.READ_OWN_CALLS, Action.READ_ALL_CALLS} | CONFIGURATION,
}


def offered(kind: ToolClass | None, *names: str, server: str = "git") -> Offered:
    return Offered(server, names, None if kind is None else Classed(kind, "for a test"))


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_in_its_own_workspace(role: Role, action: Action) -> None:
    decision = decide(Principal("t1", "ana", role, "w1"), action, "w1")
    assert decision.is_allowed is (action in ALLOWED[role])
    assert role.value in decision.reason
    assert decision.rule is (None if decision.is_allowed else Rule.ROLE)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("workspace_id", ["w2", "", None])
def test_no_role_reaches_another_workspace(
    role: Role, action: Action, workspace_id: str | None
) -> None:
    decision = decide(Principal("t1", "ana", role, "w1"), action, workspace_id)
    assert not decision.is_allowed
    assert decision.reason == "the token belongs to another workspace"
    assert decision.rule is Rule.WORKSPACE


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("workspace_id", ["w1", None])
def test_the_operator_may_do_everything(action: Action, workspace_id: str | None) -> None:
    assert decide(OPERATOR, action, workspace_id).is_allowed
    assert decide(OPERATOR, action, workspace_id, offered=offered(ToolClass.WRITE)).is_allowed


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("kind", [*ToolClass, None])
@pytest.mark.parametrize("setting", ReadonlyTools)
def test_who_only_reads_uses_what_only_reads(
    role: Role, kind: ToolClass | None, setting: ReadonlyTools
) -> None:
    principal = Principal("t1", "ana", role, "w1", readonly_tools=setting)
    decision = decide(principal, Action.USE, "w1", offered=offered(kind, "git__log"))
    is_reader = role is Role.READONLY and setting is ReadonlyTools.CLASSIFIED
    assert decision.is_allowed is (not is_reader or kind in (ToolClass.READ, None))
    assert decision.rule is (None if decision.is_allowed else Rule.CLASS)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("bounds", "names", "rule"),
    [
        (Bounds(servers=("git",)), ("git__log",), None),
        (Bounds(servers=("jira",)), ("git__log",), Rule.SERVER),
        (Bounds(tools=("git__*",)), ("git__log",), None),
        (Bounds(tools=("git__get*",)), ("git__log",), Rule.NAME),
        (Bounds(tools=("git__get*",)), ("git__log", "git__get"), None),
        (Bounds(tools=("git__get*",)), (), Rule.NAME),
        (Bounds(servers=("jira",), tools=("git__*",)), ("git__log",), Rule.SERVER),
    ],
)
def test_patterns_hold_every_role(
    role: Role, bounds: Bounds, names: tuple[str, ...], rule: Rule | None
) -> None:
    principal = Principal("t1", "ana", role, "w1", bounds)
    decision = decide(principal, Action.USE, "w1", offered=offered(ToolClass.READ, *names))
    assert (decision.is_allowed, decision.rule) == (rule is None, rule)


@pytest.mark.parametrize("role", Role)
def test_an_address_outside_of_the_tokens_networks(role: Role) -> None:
    principal = Principal("t1", "ana", role, "w1", Bounds(addresses=("10.0.0.0/8",)))
    assert decide(principal, Action.USE, "w1", address="10.1.1.1").is_allowed
    assert decide(principal, Action.USE, "w1").is_allowed
    for address in ("192.0.2.1", ""):
        decision = decide(principal, Action.USE, "w1", address=address)
        assert (decision.is_allowed, decision.rule) == (False, Rule.ADDRESS)
