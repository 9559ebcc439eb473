"""Members: who has tokens here, and what is left to do when somebody goes."""

from collections.abc import Callable, Sequence

from mcpgw.gateway.member import Members, MemberSeen
from mcpgw.model.token import Token as TokenRecord
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.api.paging import Key, page_of
from mcpgw.web.wire.member import Departure, Member, MemberName, MemberQuery, RevokedTokens
from mcpgw.web.wire.page import Page, PageQuery, Query
from mcpgw.web.wire.token import Token


class MemberApi:
    """Handlers. `now` tells the time, in UTC seconds."""

    def __init__(self, members: Members, now: Callable[[], float]) -> None:
        self._members = members
        self._now = now

    async def list(self, asked: Asked[PageQuery, None]) -> Page[Member]:
        """List the members by name, with their tokens."""
        seen = await self._members.list(asked.principal, asked.slug)
        now = self._now()
        return page_of(seen, asked.query, _order, lambda one: Member.of(one, now))

    async def show(self, asked: Asked[MemberQuery, None]) -> Member:
        """Show a member and its tokens."""
        member = asked.query.member
        seen = await self._members.show(asked.principal, asked.slug, member)
        return Member.of(seen, self._now())

    async def remove(self, asked: Asked[MemberQuery, None]) -> RevokedTokens:
        """Revoke every token of a member."""
        member = asked.query.member
        revoked = await self._members.remove(asked.principal, asked.slug, member)
        seen = await self._members.show(asked.principal, asked.slug, member)
        return RevokedTokens(revoked=self._now_revoked(seen, revoked))

    async def offboard(self, asked: Asked[Query, MemberName]) -> Departure:
        """Revoke every token of a member, and tell what it used and what is to be rotated."""
        member = asked.body.member
        gone = await self._members.offboard(asked.principal, asked.slug, member)
        seen = await self._members.show(asked.principal, asked.slug, member)
        return Departure.of(gone, self._now_revoked(seen, gone.revoked))

    def _now_revoked(self, seen: MemberSeen, revoked: Sequence[TokenRecord]) -> tuple[Token, ...]:
        """Return those of a member's tokens that were just revoked, as they are now."""
        ids, now = {token.id for token in revoked}, self._now()
        return tuple(Token.of(one, now) for one in seen.tokens if one.token.id in ids)


def _order(seen: MemberSeen) -> Key:
    return (seen.member,)
