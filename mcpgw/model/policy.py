"""The only authority: who may do what. Pure, so that every door asks the same question."""

from dataclasses import dataclass
from enum import StrEnum

from mcpgw.model.token import Principal, Role


class Action(StrEnum):
    """What a principal can ask for. Every route and every use case names one."""

    USE = "use"
    """List and call tools, prompts and resources."""
    READ_OWN_CALLS = "read_own_calls"
    """See one's own rows of the journal."""
    READ_ALL_CALLS = "read_all_calls"
    """See everybody's rows of the journal."""
    READ_CONFIGURATION = "read_configuration"
    """See servers, names of secrets, tokens."""
    CHANGE_CONFIGURATION = "change_configuration"
    """Add, change and remove servers, secrets, tokens."""
    OPERATE = "operate"
    """Create workspaces and processes, touch keys: only at the box."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, and why: `reason` names the role or the workspace, never a secret."""

    is_allowed: bool
    reason: str


_BY_ROLE = {
    Role.READONLY: frozenset({Action.USE}),
    Role.DEVELOPER: frozenset({Action.USE, Action.READ_OWN_CALLS}),
    Role.ADMIN: frozenset(set(Action) - {Action.OPERATE}),
}


def decide(principal: Principal, action: Action, workspace_id: str | None) -> Decision:
    """Decide whether `principal` may do `action` in the workspace (None: outside of any)."""
    if principal.is_operator:
        return _OPERATOR
    if workspace_id != principal.workspace_id:
        return Decision(False, "the token belongs to another workspace")
    if action in _BY_ROLE[principal.role]:
        return _BY_ROLE_DECISION[principal.role]
    return Decision(False, f"the role {principal.role} may not {action}")


_OPERATOR = Decision(True, "operator on the box")
_BY_ROLE_DECISION = {role: Decision(True, f"role {role}") for role in Role}
