"""Members of a workspace of a gateway elsewhere."""

from collections.abc import Sequence

from mcpgw.cli.remote.connection import Connection
from mcpgw.cli.remote.token import RemoteTokens
from mcpgw.gateway.member import MemberSeen, Offboarded
from mcpgw.model.token import Principal
from mcpgw.model.token import Token as TokenRecord
from mcpgw.web.wire.member import Departure, Member, MemberName, MemberQuery
from mcpgw.web.wire.page import PageQuery


class RemoteMembers:
    """As `gateway.member.Members`."""

    def __init__(self, connection: Connection, tokens: RemoteTokens) -> None:
        self._connection = connection
        self._tokens = tokens

    async def list(self, principal: Principal, slug: str) -> Sequence[MemberSeen]:
        """Return the members by name."""
        found = await self._connection.get_all(Member, "/members", PageQuery())
        return [one.seen() for one in found]

    async def show(self, principal: Principal, slug: str, member: str) -> MemberSeen:
        """Return one member."""
        query = MemberQuery(member=member)
        return (await self._connection.get(Member, "/member", query)).seen()

    async def remove(self, principal: Principal, slug: str, member: str) -> Sequence[TokenRecord]:
        """Stop every token of a member."""
        return await self._tokens.revoke_member(principal, slug, member)

    async def offboard(self, principal: Principal, slug: str, member: str) -> Offboarded:
        """Stop every token of a member, and learn what is to be rotated."""
        body = MemberName(member=member)
        answer = await self._connection.ask("POST", "/offboarding", body)
        return answer.read(Departure).offboarded()
