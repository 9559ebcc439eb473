"""The whole policy as one table."""

import pytest

from mcpgw.model.policy import Action, decide
from mcpgw.model.token import OPERATOR, Principal, Role

CONFIGURATION = {Action.READ_CONFIGURATION, Action.CHANGE_CONFIGURATION}
ALLOWED = {
    Role.READONLY: {Action.USE},
    Role.DEVELOPER: {Action.USE, Action.READ_OWN_CALLS},
    Role.ADMIN: {Action.USE, Action.READ_OWN_CALLS, Action.READ_ALL_CALLS} | CONFIGURATION,
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_in_its_own_workspace(role: Role, action: Action) -> None:
    decision = decide(Principal("t1", "ana", role, "w1"), action, "w1")
    assert decision.is_allowed is (action in ALLOWED[role])
    assert role.value in decision.reason


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("workspace_id", ["w2", "", None])
def test_no_role_reaches_another_workspace(
    role: Role, action: Action, workspace_id: str | None
) -> None:
    decision = decide(Principal("t1", "ana", role, "w1"), action, workspace_id)
    assert not decision.is_allowed
    assert decision.reason == "the token belongs to another workspace"


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("workspace_id", ["w1", None])
def test_the_operator_may_do_everything(action: Action, workspace_id: str | None) -> None:
    assert decide(OPERATOR, action, workspace_id).is_allowed
