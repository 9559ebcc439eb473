"""Administrative acts: who changed what, and when. Never what a secret is."""

import re
from enum import StrEnum

from msgspec import Struct

from mcpgw.model.audit import printable
from mcpgw.model.token import Principal

BOX = "operator"
"""The role of who acts at the box."""

MOST_CHARACTERS = 1000

_ID = re.compile(r"act_(\d{6,18})")


class ActKind(StrEnum):
    """What is done, named after the command that does it."""

    KEY_MAKE = "key.make"
    WORKSPACE_CREATE = "workspace.create"
    WORKSPACE_SET = "workspace.set"
    WORKSPACE_DELETE = "workspace.delete"
    SERVER_ADD = "server.add"
    SERVER_REMOVE = "server.remove"
    SERVER_ENABLE = "server.enable"
    SERVER_DISABLE = "server.disable"
    SERVER_APPROVE = "server.approve"
    SERVER_WITHDRAW = "server.withdraw"
    SECRET_SET = "secret.set"  # noqa: S105  (no secret)
    SECRET_DELETE = "secret.delete"  # noqa: S105
    TOKEN_ISSUE = "token.issue"  # noqa: S105
    TOKEN_ROTATE = "token.rotate"  # noqa: S105
    TOKEN_REVOKE = "token.revoke"  # noqa: S105
    TOOL_CLASS = "tool.class"
    ALERT_ADD = "alert.add"
    ALERT_REMOVE = "alert.remove"
    LOGS_PRUNE = "logs.prune"


class Act(Struct, frozen=True):
    """One act, recorded in the same transaction as the change that it is.

    `kind` is an ActKind, unless a newer version did it. `workspace_id` is empty for what belongs to
    none. `subject` names what was changed, `detail` says to what.
    """

    at_us: int
    kind: str
    workspace_id: str
    member: str
    token_id: str
    role: str
    subject: str
    detail: str = ""


class ActSeen(Struct, frozen=True):
    """An act as it was recorded: its number, and the account of the process that recorded it."""

    seq: int
    account: str
    act: Act

    @property
    def act_id(self) -> str:
        """What names it."""
        return f"act_{self.seq:06}"

    @property
    def at(self) -> float:
        """When it was done, in UTC seconds."""
        return self.act.at_us / 1e6

    @property
    def who(self) -> str:
        """Who did it, for people."""
        is_at_box = self.act.role == BOX
        return f"{self.act.member} ({self.account})" if is_at_box else self.act.member

    @property
    def what(self) -> str:
        """What was done, for people."""
        act = self.act
        return f"{act.kind} {act.subject}" + (f": {act.detail}" if act.detail else "")


class ActFilter(Struct, frozen=True):
    """Which acts to return. Empty means any.

    Without `after_seq` they are the newest, else the first behind it. `workspace_ids` may hold the
    empty one: that of what belongs to none.
    """

    workspace_ids: tuple[str, ...] = ()
    member: str = ""
    since: float | None = None
    until: float | None = None
    seq: int | None = None
    before_seq: int | None = None
    after_seq: int | None = None
    newest: int = 50


def done_by(
    principal: Principal,
    now: float,
    kind: ActKind,
    workspace_id: str,
    subject: str,
    detail: str = "",
) -> Act:
    """Return the act of somebody."""
    return Act(
        at_us=round(now * 1e6),
        kind=kind,
        workspace_id=workspace_id,
        member=principal.member,
        token_id=principal.token_id,
        role=BOX if principal.is_operator else principal.role.value,
        subject=printable(subject, MOST_CHARACTERS),
        detail=printable(detail, MOST_CHARACTERS),
    )


def read_act_id(text: str) -> int | None:
    """Return the number of an act, None when the text is no id of one."""
    found = _ID.fullmatch(text)
    return None if found is None else int(found[1])
