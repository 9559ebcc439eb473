"""Turns the policy's decision into an error: the one line that every use case begins with."""

from mcpgw.errors import Forbidden
from mcpgw.model.policy import Action, decide
from mcpgw.model.token import Principal


def require(
    principal: Principal,
    action: Action,
    workspace_id: str | None,
    *,
    address: str | None = None,
) -> None:
    """Let `principal` do `action` in the workspace (None: outside of any), or refuse.

    `address` is where it asks from, if that is still to be decided.

    Raises:
        Forbidden: the policy says no.
    """
    decision = decide(principal, action, workspace_id, address=address)
    if not decision.is_allowed:
        raise Forbidden(f"not allowed: {decision.reason}", "ask an admin of the workspace")
