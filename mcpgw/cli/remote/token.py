"""Tokens of a gateway elsewhere."""

from collections.abc import Sequence

from mcpgw.cli.remote.connection import Connection, segment
from mcpgw.gateway.token import Issued, TokenSeen
from mcpgw.model.bounds import UNBOUND, Bounds
from mcpgw.model.token import Principal, Role
from mcpgw.model.token import Token as TokenRecord
from mcpgw.web.wire.member import MemberQuery, RevokedTokens
from mcpgw.web.wire.page import PageQuery
from mcpgw.web.wire.token import IssuedToken, NewBounds, NewToken, Rotation, Token, ttl_of


class RemoteTokens:
    """As `gateway.token.Tokens`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def issue(
        self,
        principal: Principal,
        slug: str,
        member: str,
        role: Role,
        ttl_s: float | None = None,
        bounds: Bounds = UNBOUND,
    ) -> Issued:
        """Let a token be made for a member."""
        new = NewToken(member=member, role=role, ttl_s=ttl_of(ttl_s), bounds=NewBounds.of(bounds))
        return (await self._connection.ask("POST", "/tokens", new)).read(IssuedToken).issued()

    async def rotate(
        self,
        principal: Principal,
        slug: str,
        token_id: str,
        overlap_s: float,
        ttl_s: float | None = None,
    ) -> Issued:
        """Let a token be made in the place of another."""
        rotation = Rotation(overlap_s=overlap_s, ttl_s=ttl_of(ttl_s))
        path = f"{_path(token_id)}/rotation"
        return (await self._connection.ask("POST", path, rotation)).read(IssuedToken).issued()

    async def list(self, principal: Principal, slug: str) -> Sequence[TokenSeen]:
        """Return the tokens."""
        found = await self._connection.get_all(Token, "/tokens", PageQuery())
        return [one.seen() for one in found]

    async def show(self, principal: Principal, slug: str, token_id: str) -> TokenSeen:
        """Return one token."""
        return (await self._connection.get(Token, _path(token_id))).seen()

    async def revoke(self, principal: Principal, slug: str, token_id: str) -> TokenRecord:
        """Stop a token."""
        return (await self._connection.ask("DELETE", _path(token_id))).read(Token).seen().token

    async def revoke_member(
        self, principal: Principal, slug: str, member: str
    ) -> Sequence[TokenRecord]:
        """Stop every token of a member."""
        query = MemberQuery(member=member)
        answer = await self._connection.ask("DELETE", "/member", query=query)
        return [one.seen().token for one in answer.read(RevokedTokens).revoked]


def _path(token_id: str) -> str:
    return f"/tokens/{segment('token', token_id)}"
