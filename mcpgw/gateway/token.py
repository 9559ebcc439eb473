"""Tokens: issue (shown once), list, show, revoke."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from mcpgw.errors import InvalidInput, NotFound
from mcpgw.gateway.access import INDEX_PURPOSE, ROW_PURPOSE
from mcpgw.gateway.current import Current
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock, Journal, TokenStore, Vault
from mcpgw.model.key import KeyKind
from mcpgw.model.policy import Action
from mcpgw.model.token import (
    ENTROPY_BYTES,
    Principal,
    Role,
    Token,
    check_member,
    format_token,
)

MAX_TTL_S = 10 * 365 * 86400.0
"""Ten years: longer is a typing error; `never` is said explicitly."""


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A new token: the only time that `text`, the token itself, is seen."""

    token: Token
    text: str


@dataclass(frozen=True, slots=True)
class TokenSeen:
    """A token's record with the time of its last call, None when it was never used."""

    token: Token
    last_used_at: float | None


class Tokens:
    """What can be done with tokens."""

    def __init__(
        self,
        current: Current,
        store: TokenStore,
        journal: Journal,
        keys: Keys,
        vault: Vault,
        clock: Clock,
    ) -> None:
        self._current = current
        self._store = store
        self._journal = journal
        self._keys = keys
        self._vault = vault
        self._clock = clock

    async def issue(
        self, principal: Principal, slug: str, member: str, role: Role, ttl_s: float | None
    ) -> Issued:
        """Make a token for a member.

        Args:
            principal: who asks.
            slug: the workspace.
            member: whose token it is.
            role: what it may do.
            ttl_s: seconds until it expires; None means never.

        Raises:
            InvalidInput: the member's name or the time is unusable.
            NotFound: there is no such workspace.
            VaultLocked: the master key is not here.
        """
        check_member(member)
        if ttl_s is not None and not 0 < ttl_s <= MAX_TTL_S:
            raise InvalidInput("a token lives between 1 second and 10 years", "as in --ttl 14d")
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.CHANGE_CONFIGURATION, workspace.id)
        key = self._keys.newest(configuration, KeyKind.TOKEN)
        text = format_token(secrets.token_bytes(ENTROPY_BYTES))
        now = self._clock.now()
        token = Token(
            id=f"tok_{secrets.token_hex(6)}",
            workspace_id=workspace.id,
            member=member,
            role=role,
            index=self._vault.digest(key, INDEX_PURPOSE, (text.encode(),)),
            row_mac=b"",
            created_at=now,
            expires_at=None if ttl_s is None else now + ttl_s,
            revoked_at=None,
        )
        token = token.with_mac(self._vault.digest(key, ROW_PURPOSE, token.decisive_fields()))
        await self._store.add(token)
        return Issued(token, text)

    async def list(self, principal: Principal, slug: str) -> Sequence[TokenSeen]:
        """Return the tokens of a workspace, oldest first; expired and revoked ones too.

        Raises:
            NotFound: there is no such workspace.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.READ_CONFIGURATION, workspace.id)
        used = await self._journal.last_used(workspace.id)
        return [
            TokenSeen(token, used.get(token.id)) for token in configuration.tokens_of(workspace.id)
        ]

    async def show(self, principal: Principal, slug: str, token_id: str) -> TokenSeen:
        """Return one token of a workspace.

        Raises:
            NotFound: there is no such workspace or token.
        """
        for seen in await self.list(principal, slug):
            if seen.token.id == token_id:
                return seen
        raise NotFound(f"no token {token_id[:40]!r} in {slug}", "see: mcpgw token list")

    async def revoke(self, principal: Principal, slug: str, token_id: str) -> Token:
        """Stop a token: no request that begins after this returned is served. Needs no key.

        Raises:
            NotFound: there is no such workspace or token.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.CHANGE_CONFIGURATION, workspace.id)
        for token in configuration.tokens_of(workspace.id):
            if token.id == token_id:
                if token.revoked_at is None:
                    await self._store.revoke(token.id, self._clock.now())
                return token
        raise NotFound(f"no token {token_id[:40]!r} in {slug}", "see: mcpgw token list")

    async def revoke_member(self, principal: Principal, slug: str, member: str) -> Sequence[Token]:
        """Stop every token of a member that is not revoked yet, and return them.

        Raises:
            NotFound: the member has no token here.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.CHANGE_CONFIGURATION, workspace.id)
        theirs = [t for t in configuration.tokens_of(workspace.id) if t.member == member]
        if not theirs:
            raise NotFound(f"{member[:80]!r} has no token in {slug}", "see: mcpgw token list")
        live = [token for token in theirs if token.revoked_at is None]
        for token in live:
            await self._store.revoke(token.id, self._clock.now())
        return live
