"""Tokens: issue (shown once), rotate, list, show, revoke."""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcpgw.errors import Conflict, InvalidInput, NotFound
from mcpgw.gateway.access import INDEX_PURPOSE, ROW_PURPOSE
from mcpgw.gateway.current import Current
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock, Journal, TokenStore, Vault
from mcpgw.model.act import Act, ActKind, done_by
from mcpgw.model.bounds import MAX_TTL_S, UNBOUND, Bounds, check_bounds, check_ttl
from mcpgw.model.configuration import Configuration
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

DEFAULT_TTL_S = 90 * 86400.0
"""How long a token lives of which neither its issuer nor its workspace says anything."""

NEVER_S = math.inf
"""The life of a token that does not expire."""


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
        self,
        principal: Principal,
        slug: str,
        member: str,
        role: Role,
        ttl_s: float | None = None,
        bounds: Bounds = UNBOUND,
    ) -> Issued:
        """Make a token for a member.

        Args:
            principal: who asks.
            slug: the workspace.
            member: whose token it is.
            role: what it may do.
            ttl_s: seconds until it expires, infinite for never; None takes the workspace's default.
            bounds: what it is held to beyond its role.

        Raises:
            InvalidInput: the member's name, the time or a bound is unusable.
            NotFound: there is no such workspace.
            VaultLocked: the master key is not here.
        """
        check_member(member)
        bounds = check_bounds(bounds)
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.CHANGE_CONFIGURATION, workspace.id)
        if ttl_s is None:
            ttl_s = workspace.settings.ttl_s or DEFAULT_TTL_S
        issued = self._made(configuration, workspace.id, member, role, ttl_s, bounds)
        act = self._act(principal, ActKind.TOKEN_ISSUE, workspace.id, [issued.token])
        await self._store.add(issued.token, act)
        return issued

    async def rotate(
        self,
        principal: Principal,
        slug: str,
        token_id: str,
        overlap_s: float,
        ttl_s: float | None = None,
    ) -> Issued:
        """Make a token in the place of another, which stays good for a while.

        It is the same member's, with the same role and bounds, and lives as long as the other was
        made to live, unless `ttl_s` says otherwise.

        Raises:
            InvalidInput: a time is unusable.
            NotFound: there is no such workspace or token.
            Conflict: the other one is revoked or has expired.
            VaultLocked: the master key is not here.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.CHANGE_CONFIGURATION, workspace.id)
        old = configuration.token(workspace.id, token_id)
        now = self._clock.now()
        if not old.is_usable(now):
            raise Conflict(f"the token {old.id} is {old.state(now)}", "issue another one")
        if not 0 <= overlap_s <= MAX_TTL_S:
            raise InvalidInput("the overlap is no such time", "as in --overlap 24h")
        if ttl_s is None:
            ttl_s = NEVER_S if old.expires_at is None else old.expires_at - old.created_at
        issued = self._made(configuration, workspace.id, old.member, old.role, ttl_s, old.bounds)
        ends_at = now + overlap_s
        if old.expires_at is not None:
            ends_at = min(ends_at, old.expires_at)
        act = self._act(principal, ActKind.TOKEN_ROTATE, workspace.id, [old, issued.token])
        ending = self._signed(configuration, replace(old, expires_at=ends_at))
        await self._store.replace(issued.token, ending, act)
        return issued

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
        token = configuration.token(workspace.id, token_id)
        if token.revoked_at is None:
            await self._revoke(principal, workspace.id, [token])
        return token

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
        if live:
            await self._revoke(principal, workspace.id, live)
        return live

    async def _revoke(
        self, principal: Principal, workspace_id: str, tokens: Sequence[Token]
    ) -> None:
        act = self._act(principal, ActKind.TOKEN_REVOKE, workspace_id, tokens)
        await self._store.revoke([token.id for token in tokens], self._clock.now(), act)

    def _act(
        self, principal: Principal, kind: ActKind, workspace_id: str, tokens: Sequence[Token]
    ) -> Act:
        """Return the act of somebody on tokens of one member and role."""
        subject = " ".join(token.id for token in tokens)
        detail = f"{tokens[0].member}, {tokens[0].role}"
        return done_by(principal, self._clock.now(), kind, workspace_id, subject, detail)

    def _made(
        self,
        configuration: Configuration,
        workspace_id: str,
        member: str,
        role: Role,
        ttl_s: float,
        bounds: Bounds,
    ) -> Issued:
        """Return a new token that is not stored yet."""
        key = self._keys.newest(configuration, KeyKind.TOKEN)
        text = format_token(secrets.token_bytes(ENTROPY_BYTES))
        now = self._clock.now()
        token = Token(
            id=f"tok_{secrets.token_hex(6)}",
            workspace_id=workspace_id,
            member=member,
            role=role,
            index=self._vault.digest(key, INDEX_PURPOSE, (text.encode(),)),
            row_mac=b"",
            created_at=now,
            expires_at=None if ttl_s == NEVER_S else now + check_ttl(ttl_s),
            revoked_at=None,
            bounds=bounds,
        )
        return Issued(self._signed(configuration, token), text)

    def _signed(self, configuration: Configuration, token: Token) -> Token:
        key = self._keys.newest(configuration, KeyKind.TOKEN)
        return token.with_mac(self._vault.digest(key, ROW_PURPOSE, token.decisive_fields()))
