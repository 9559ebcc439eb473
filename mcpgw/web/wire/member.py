"""Members, and what is left to do when one goes."""

from typing import Annotated

from msgspec import Meta, Struct

from mcpgw.gateway.member import MemberSeen, Offboarded
from mcpgw.model.audit import ServerUse as ServerUseRecord
from mcpgw.model.token import MAX_MEMBER
from mcpgw.web.wire.moment import Moment, moment, seconds_of
from mcpgw.web.wire.page import Query
from mcpgw.web.wire.secret import Secret
from mcpgw.web.wire.token import Token

_Name = Annotated[str, Meta(min_length=1, max_length=MAX_MEMBER)]


class MemberQuery(Query, frozen=True, kw_only=True):
    """Which member. A name such as ana@team.org could not stand in a path."""

    member: _Name


class MemberName(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which member."""

    member: _Name


class Member(Struct, frozen=True, kw_only=True):
    """A member and the tokens it has or had, oldest first."""

    member: str
    good_tokens: int
    last_used_at: Moment | None
    tokens: tuple[Token, ...]

    @classmethod
    def of(cls, seen: MemberSeen, now: float) -> "Member":
        """Return what there is to tell of a record at `now`."""
        return cls(
            member=seen.member,
            good_tokens=seen.usable(now),
            last_used_at=moment(seen.last_used_at),
            tokens=tuple(Token.of(one, now) for one in seen.tokens),
        )

    def seen(self) -> MemberSeen:
        """Return the record."""
        return MemberSeen(self.member, tuple(one.seen() for one in self.tokens))


class RevokedTokens(Struct, frozen=True, kw_only=True):
    """The tokens that were not revoked before."""

    revoked: tuple[Token, ...]


class ServerUse(Struct, frozen=True, kw_only=True):
    """What a member did with one server."""

    server: str
    calls: int
    last_at: Moment


class Departure(Struct, frozen=True, kw_only=True):
    """What became of a member who goes, and what its admins have to do still.

    `rotate` are the credentials that the member could have seen or used.
    """

    member: str
    was_admin: bool
    revoked: tuple[Token, ...]
    used: tuple[ServerUse, ...]
    rotate: tuple[Secret, ...]

    @classmethod
    def of(cls, gone: Offboarded, revoked: tuple[Token, ...]) -> "Departure":
        """Return what there is to tell of a record, its tokens being told already."""
        return cls(
            member=gone.member,
            was_admin=gone.was_admin,
            revoked=revoked,
            used=tuple(
                ServerUse(server=name, calls=use.calls, last_at=moment(use.last_at))
                for name, use in gone.used
            ),
            rotate=tuple(Secret.of(one) for one in gone.credentials),
        )

    def offboarded(self) -> Offboarded:
        """Return the record."""
        return Offboarded(
            member=self.member,
            revoked=tuple(one.seen().token for one in self.revoked),
            used=tuple(
                (one.server, ServerUseRecord(one.calls, seconds_of(one.last_at)))
                for one in self.used
            ),
            credentials=tuple(one.seen() for one in self.rotate),
            was_admin=self.was_admin,
        )
