"""Administrative acts, as they were recorded."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, convert, structs

from mcpgw.model.act import Act as Recorded
from mcpgw.model.act import ActFilter, ActSeen
from mcpgw.web.wire.moment import Moment, moment, seconds_of
from mcpgw.web.wire.page import PageQuery

_Text = Annotated[str, Meta(max_length=256)]
_Row = Annotated[int, Meta(ge=0, lt=1 << 62)]


class ActQuery(PageQuery, frozen=True, kw_only=True):
    """Which acts. With `after` they are those behind the one of that number, oldest first."""

    member: _Text = ""
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET
    after: _Row | UnsetType = UNSET

    @classmethod
    def of(cls, wanted: ActFilter) -> "ActQuery":
        """Return what asks for the acts that a record wants."""
        return cls(
            member=wanted.member,
            since=UNSET if wanted.since is None else moment(wanted.since),
            until=UNSET if wanted.until is None else moment(wanted.until),
            after=UNSET if wanted.after_seq is None else wanted.after_seq,
        )

    def wanted(self, newest: int, before_seq: int | None) -> ActFilter:
        """Return the record, for so many acts, before the one of that number."""
        return ActFilter(
            member=self.member,
            since=None if self.since is UNSET else seconds_of(self.since),
            until=None if self.until is UNSET else seconds_of(self.until),
            before_seq=before_seq,
            after_seq=None if self.after is UNSET else self.after,
            newest=newest,
        )


class Act(Struct, frozen=True, kw_only=True):
    """One act: who changed what, when. `account` is of the process that recorded it.

    `row` is its number, in the order in which acts were recorded.
    """

    row: int
    act_id: str
    workspace: str
    at: Moment
    kind: str
    member: str
    token_id: str
    role: str
    account: str
    subject: str
    detail: str

    @classmethod
    def of(cls, seen: ActSeen, slug: str) -> "Act":
        """Return what there is to tell of a record."""
        told = structs.asdict(seen.act) | {
            "workspace": slug,
            "row": seen.seq,
            "act_id": seen.act_id,
            "account": seen.account,
            "at": moment(seen.at),
        }
        return convert(told, cls)

    def seen(self) -> ActSeen:
        """Return the record, with the workspace's name for its id."""
        told = structs.asdict(self) | {
            "workspace_id": self.workspace,
            "at_us": round(seconds_of(self.at) * 1e6),
        }
        return ActSeen(self.row, self.account, convert(told, Recorded))
