"""Tokens: issued, once shown; rotated, listed, revoked."""

from collections.abc import Callable

from mcpgw.gateway.token import Tokens, TokenSeen
from mcpgw.gateway.tool import Tools
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.api.paging import Key, page_of
from mcpgw.web.wire.page import Page, PageQuery, Query
from mcpgw.web.wire.token import IssuedToken, NewToken, Rotation, Token
from mcpgw.web.wire.tool import VisibleTools


class TokenApi:
    """Handlers. `now` tells the time, in UTC seconds."""

    def __init__(self, tokens: Tokens, tools: Tools, now: Callable[[], float]) -> None:
        self._tokens = tokens
        self._tools = tools
        self._now = now

    async def list(self, asked: Asked[PageQuery, None]) -> Page[Token]:
        """List the tokens, oldest first; expired and revoked ones too."""
        seen = await self._tokens.list(asked.principal, asked.slug)
        now = self._now()
        return page_of(seen, asked.query, _order, lambda one: Token.of(one, now))

    async def issue(self, asked: Asked[Query, NewToken]) -> IssuedToken:
        """Issue a token, and show it this once."""
        new = asked.body
        issued = await self._tokens.issue(
            asked.principal, asked.slug, new.member, new.role, new.life_s(), new.bounds.bounds()
        )
        return IssuedToken.made(issued, self._now())

    async def show(self, asked: Asked[Query, None]) -> Token:
        """Show what is known of a token; never the token itself."""
        seen = await self._tokens.show(asked.principal, asked.slug, asked.values["token"])
        return Token.of(seen, self._now())

    async def visible(self, asked: Asked[Query, None]) -> VisibleTools:
        """Count the tools that a token sees."""
        visible = await self._tools.seen_by_token(
            asked.principal, asked.slug, asked.values["token"]
        )
        return VisibleTools.of(visible)

    async def rotate(self, asked: Asked[Query, Rotation]) -> IssuedToken:
        """Issue a token in the place of another, which stays good for a while."""
        issued = await self._tokens.rotate(
            asked.principal,
            asked.slug,
            asked.values["token"],
            asked.body.overlap_s,
            asked.body.life_s(),
        )
        return IssuedToken.made(issued, self._now())

    async def revoke(self, asked: Asked[Query, None]) -> Token:
        """Revoke a token: no request that begins after this is served. It stays listed."""
        token_id = asked.values["token"]
        await self._tokens.revoke(asked.principal, asked.slug, token_id)
        seen = await self._tokens.show(asked.principal, asked.slug, token_id)
        return Token.of(seen, self._now())


def _order(seen: TokenSeen) -> Key:
    return seen.token.created_at, seen.token.id
