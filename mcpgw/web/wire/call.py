"""Calls, as the journal has them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, convert, structs

from mcpgw.model.audit import AuditEvent, CallFilter, Outcome
from mcpgw.web.wire.moment import Moment, moment, seconds_of
from mcpgw.web.wire.page import PageQuery

_Text = Annotated[str, Meta(max_length=256)]
_Span = Annotated[float, Meta(ge=0, le=86_400_000)]
_Row = Annotated[int, Meta(ge=0, lt=1 << 62)]


class CallQuery(PageQuery, frozen=True, kw_only=True):
    """Which calls. `tool` is a glob or a part of the name of a tool or of its server.

    With `after` they are those that were recorded after the row of that number, oldest first.
    """

    tool: _Text = ""
    server: _Text = ""
    member: _Text = ""
    client: _Text = ""
    token: _Text = ""
    status: tuple[Outcome, ...] = ()
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET
    slower_than_ms: _Span | UnsetType = UNSET
    rate_limited: bool = False
    after: _Row | UnsetType = UNSET

    @classmethod
    def of(cls, wanted: CallFilter) -> "CallQuery":
        """Return what asks for the calls that a record wants."""
        slower_than_us = wanted.slower_than_us
        return cls(
            tool=wanted.target,
            server=wanted.server,
            member=wanted.member,
            client=wanted.client,
            token=wanted.token_id,
            status=wanted.outcomes,
            since=UNSET if wanted.since is None else moment(wanted.since),
            until=UNSET if wanted.until is None else moment(wanted.until),
            slower_than_ms=UNSET if slower_than_us is None else slower_than_us / 1000,
            rate_limited=wanted.is_rate_limited,
            after=UNSET if wanted.after_rowid is None else wanted.after_rowid,
        )

    def wanted(self, newest: int, before: tuple[float, int] | None) -> CallFilter:
        """Return the record, for so many calls, before the one that began then with that row."""
        slower_than_ms = self.slower_than_ms
        return CallFilter(
            target=self.tool,
            server=self.server,
            member=self.member,
            client=self.client,
            token_id=self.token,
            outcomes=self.status,
            since=None if self.since is UNSET else seconds_of(self.since),
            until=None if self.until is UNSET else seconds_of(self.until),
            slower_than_us=None if slower_than_ms is UNSET else round(slower_than_ms * 1000),
            is_rate_limited=self.rate_limited,
            before=before,
            after_rowid=None if self.after is UNSET else self.after,
            newest=newest,
        )


class Call(Struct, frozen=True, kw_only=True):
    """One call: who, what, when, how long, how it ended. Never what it carried.

    `row` is its number in the journal, in the order in which calls were recorded.
    """

    row: int | None = None
    call_id: str
    workspace: str
    method: str
    server_id: str
    server: str
    exposed: str
    original: str
    token_id: str
    member: str
    role: str
    client_address: str
    client_name: str
    client_version: str
    surface: str
    era: str
    protocol_version: str
    started_at: Moment
    duration_us: int
    upstream_us: int
    outcome: Outcome
    error_class: str
    upstream_status: int
    request_bytes: int
    result_bytes: int
    arguments_fingerprint: str
    result_fingerprint: str
    redactions: int
    restarts: int
    retries: int

    @classmethod
    def of(cls, event: AuditEvent, slug: str, row: int | None = None) -> "Call":
        """Return what there is to tell of a record."""
        told = structs.asdict(event) | {
            "row": row,
            "workspace": slug,
            "started_at": moment(event.started_at),
        }
        return convert(told, cls)

    def event(self) -> AuditEvent:
        """Return the record, without the workspace's id."""
        told = structs.asdict(self) | {
            "workspace_id": "",
            "started_at": seconds_of(self.started_at),
        }
        return convert(told, AuditEvent)
