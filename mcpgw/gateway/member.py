"""Members: who has tokens here, and what is left to do when somebody goes."""

from collections.abc import Sequence
from dataclasses import dataclass

from mcpgw.errors import NotFound
from mcpgw.gateway.current import Current
from mcpgw.gateway.ports import Journal
from mcpgw.gateway.secret import Secrets, SecretSeen
from mcpgw.gateway.token import Tokens, TokenSeen
from mcpgw.model.audit import ServerUse
from mcpgw.model.token import Principal, Role, Token


@dataclass(frozen=True, slots=True)
class MemberSeen:
    """A member and the tokens it has or had, oldest first."""

    member: str
    tokens: tuple[TokenSeen, ...]

    @property
    def last_used_at(self) -> float | None:
        """When any of the tokens was used last, in UTC seconds; None when none ever was."""
        return max((one.last_used_at for one in self.tokens if one.last_used_at), default=None)

    def usable(self, now: float) -> int:
        """Return how many of the tokens are good at `now`."""
        return sum(one.token.is_usable(now) for one in self.tokens)


@dataclass(frozen=True, slots=True)
class Offboarded:
    """What became of a member who goes, and what its admins have to do still.

    `credentials` are those the member could have seen or used: of the servers that it called, or of
    all servers when it was an admin.
    """

    member: str
    revoked: tuple[Token, ...]
    used: tuple[tuple[str, ServerUse], ...]
    credentials: tuple[SecretSeen, ...]
    was_admin: bool


class Members:
    """What can be done with members."""

    def __init__(
        self, current: Current, tokens: Tokens, secrets: Secrets, journal: Journal
    ) -> None:
        self._current = current
        self._tokens = tokens
        self._secrets = secrets
        self._journal = journal

    async def list(self, principal: Principal, slug: str) -> Sequence[MemberSeen]:
        """Return the members of a workspace by name.

        Raises:
            NotFound: there is no such workspace.
        """
        by_member: dict[str, list[TokenSeen]] = {}
        for seen in await self._tokens.list(principal, slug):
            by_member.setdefault(seen.token.member, []).append(seen)
        return [MemberSeen(name, tuple(theirs)) for name, theirs in sorted(by_member.items())]

    async def show(self, principal: Principal, slug: str, member: str) -> MemberSeen:
        """Return one member.

        Raises:
            NotFound: there is no such workspace or member.
        """
        for seen in await self.list(principal, slug):
            if seen.member == member:
                return seen
        raise NotFound(f"no member {member[:80]!r} in {slug}", "see: mcpgw member list")

    async def remove(self, principal: Principal, slug: str, member: str) -> Sequence[Token]:
        """Stop every token of a member, and return those that were not revoked yet.

        Raises:
            NotFound: there is no such workspace or member.
        """
        return await self._tokens.revoke_member(principal, slug, member)

    async def offboard(self, principal: Principal, slug: str, member: str) -> Offboarded:
        """Stop every token of a member, and tell what it used and what is to be rotated.

        Raises:
            NotFound: there is no such workspace or member.
        """
        seen = await self.show(principal, slug, member)
        revoked = await self._tokens.revoke_member(principal, slug, member)
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        used = await self._journal.servers_used(workspace.id, member)
        was_admin = any(one.token.role is Role.ADMIN for one in seen.tokens)
        credentials = [
            one
            for one in await self._secrets.list(principal, slug)
            if one.sealed is not None and (was_admin or one.server in used)
        ]
        return Offboarded(
            member, tuple(revoked), tuple(used.items()), tuple(credentials), was_admin
        )
