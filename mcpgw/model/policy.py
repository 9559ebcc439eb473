"""The only authority: who may do what, with what, from where. Pure, so that every door asks it.

admin      everything in its workspace over HTTP, and all that a developer may
developer  uses all servers and tools that the token allows; sees its own calls
readonly   uses what only reads; sees nothing of the configuration
operator   the person at the box: everything, and alone what makes processes or touches keys
"""

from dataclasses import dataclass
from enum import StrEnum

from mcpgw.model.token import Principal, Role
from mcpgw.model.tool_class import Classed, ToolClass


class Action(StrEnum):
    """What a principal can ask for. Every route and every use case names one."""

    USE = "use"
    """List and call tools, prompts and resources; see what one's own token is."""
    READ_OWN_CALLS = "read_own_calls"
    """See one's own rows of the journal."""
    READ_ALL_CALLS = "read_all_calls"
    """See everybody's rows of the journal."""
    READ_CONFIGURATION = "read_configuration"
    """See servers, names of secrets, tokens, members, settings."""
    CHANGE_CONFIGURATION = "change_configuration"
    """Add, change and remove servers, secrets, tokens, rulings, settings."""
    OPERATE = "operate"
    """Create workspaces and processes, touch keys: only at the box."""


class Rule(StrEnum):
    """What a refusal is due to. Stable words: the journal holds them."""

    WORKSPACE = "workspace"
    ROLE = "role"
    ADDRESS = "address"
    SERVER = "server"
    NAME = "name"
    CLASS = "class"


@dataclass(frozen=True, slots=True)
class Offered:
    """One thing that a server offers, as the policy sees it.

    `names` are the exposed names by which a token's patterns can mean it: its own, or for what has
    none those of its server's tools and prompts. `classed` is None for what is no tool.
    """

    server: str
    names: tuple[str, ...]
    classed: Classed | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, and why: `reason` is for people and holds no secret; `rule` says what refused."""

    is_allowed: bool
    reason: str
    rule: Rule | None = None


_BY_ROLE = {
    Role.READONLY: frozenset({Action.USE}),
    Role.DEVELOPER: frozenset({Action.USE, Action.READ_OWN_CALLS}),
    Role.ADMIN: frozenset(set(Action) - {Action.OPERATE}),
}


def decide(
    principal: Principal,
    action: Action,
    workspace_id: str | None,
    *,
    offered: Offered | None = None,
    address: str | None = None,
) -> Decision:
    """Decide whether `principal` may do `action` in the workspace (None: outside of any).

    Args:
        principal: who asks.
        action: what it asks for.
        workspace_id: where.
        offered: on what, if it is something that a server offers.
        address: from where, if that is still to be decided.
    """
    if principal.is_operator:
        return _OPERATOR
    if workspace_id != principal.workspace_id:
        return Decision(False, "the token belongs to another workspace", Rule.WORKSPACE)
    if action not in _BY_ROLE[principal.role]:
        return Decision(False, f"the role {principal.role} may not {action}", Rule.ROLE)
    if address is not None and not principal.bounds.has_address(address):
        return Decision(False, "the token may not be used from this address", Rule.ADDRESS)
    if offered is not None:
        return _decide_on(principal, offered)
    return _BY_ROLE_DECISION[principal.role]


def _decide_on(principal: Principal, offered: Offered) -> Decision:
    """Decide about something that a server offers."""
    if not principal.bounds.has_server(offered.server):
        reason = f"the token is not for the server {offered.server}"
        return Decision(False, reason, Rule.SERVER)
    if principal.bounds.tools and not any(map(principal.bounds.has_name, offered.names)):
        return Decision(False, "the token's patterns of tools do not include it", Rule.NAME)
    classed = offered.classed
    if principal.is_reader and classed is not None and classed.kind is not ToolClass.READ:
        reason = f"the role {principal.role} only reads, and it is classed {classed.kind}"
        return Decision(False, f"{reason}: {classed.reason}", Rule.CLASS)
    return _BY_ROLE_DECISION[principal.role]


_OPERATOR = Decision(True, "operator on the box")
_BY_ROLE_DECISION = {role: Decision(True, f"role {role}") for role in Role}
