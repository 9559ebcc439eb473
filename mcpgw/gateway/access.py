"""From a presented token to a principal, against committed state, on every request.

Unknown workspace, foreign, mistyped, expired and revoked token are one and the same refusal: a
stranger learns nothing from it.
"""

import hashlib
import hmac
from dataclasses import dataclass

from mcpgw.errors import NotFound, Unauthenticated
from mcpgw.gateway.current import Current
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock, Vault
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import DataKey, KeyKind
from mcpgw.model.policy import Action
from mcpgw.model.token import Principal, Token, is_token
from mcpgw.model.workspace import Workspace

INDEX_PURPOSE = "mcpgw/token/v1"
ROW_PURPOSE = "mcpgw/token-row/v1"
REFUSAL = "a valid token for this workspace is needed"


@dataclass(frozen=True, slots=True)
class Admission:
    """Who was let in, where, and the committed state that decided it and decides what follows."""

    principal: Principal
    workspace: Workspace
    configuration: Configuration


class Access:
    """Knows who is asking.

    `newest_time` has passed for sure (UTC seconds): a clock set back before it revives no token.
    """

    def __init__(self, current: Current, vault: Vault, clock: Clock, *, newest_time: float) -> None:
        self._current = current
        self._vault = vault
        self._clock = clock
        self._newest_time = newest_time
        self._verified: dict[bytes, tuple[Token, Admission]] = {}
        self._verified_in: Configuration | None = None

    async def authenticate(self, slug: str, presented: str) -> Admission:
        """Admit who presents this token at this workspace.

        Raises:
            Unauthenticated: nobody who may know that the workspace exists.
            StorageError: the committed state cannot be read, so nobody is let in.
            VaultLocked: the master key is not here.
        """
        configuration = await self._current.configuration()
        token, admission = self._verify(configuration, presented)
        now = max(self._clock.now(), self._newest_time)
        if admission.workspace.slug != slug or not token.is_usable(now):
            raise Unauthenticated(REFUSAL)
        return admission

    def is_welcome(self, admission: Admission, configuration: Configuration) -> bool:
        """Say whether who was admitted earlier would be admitted in that committed state too."""
        token_id = admission.principal.token_id
        token = next((t for t in configuration.tokens.values() if t.id == token_id), None)
        now = max(self._clock.now(), self._newest_time)
        if token is None or not token.is_usable(now):
            return False
        workspaces = configuration.workspaces.values()
        if not any(workspace.id == token.workspace_id for workspace in workspaces):
            return False
        try:
            key = configuration.datakey(KeyKind.TOKEN)
        except NotFound:
            return False
        return self._is_genuine(token, key)

    async def admit(self, principal: Principal, slug: str) -> Admission:
        """Admit who needs no token: the operator at the box.

        Raises:
            Forbidden: it is somebody else.
            NotFound: there is no such workspace.
        """
        require(principal, Action.OPERATE, None)
        configuration = await self._current.configuration()
        return Admission(principal, configuration.workspace(slug), configuration)

    def _verify(self, configuration: Configuration, presented: str) -> tuple[Token, Admission]:
        """Return the token's record in this committed state, its digests checked once per state.

        What is kept to recognise a token by is a plain digest of it, which its 256 random bits
        make safe, and only of tokens that passed.
        """
        if configuration is not self._verified_in:
            self._verified.clear()
            self._verified_in = configuration
        # A header may hold any bytes; those that are no text arrive as surrogates.
        shortcut = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).digest()
        verified = self._verified.get(shortcut)
        if verified is not None:
            return verified
        token = self._find(configuration, presented)
        workspaces = configuration.workspaces.values()
        workspace = next((w for w in workspaces if token and w.id == token.workspace_id), None)
        if token is None or workspace is None:
            raise Unauthenticated(REFUSAL)
        principal = Principal(token.id, token.member, token.role, token.workspace_id)
        verified = token, Admission(principal, workspace, configuration)
        self._verified[shortcut] = verified
        return verified

    def _find(self, configuration: Configuration, presented: str) -> Token | None:
        if not is_token(presented):
            return None
        try:
            key = configuration.datakey(KeyKind.TOKEN)
        except NotFound:
            return None
        index = self._vault.digest(key, INDEX_PURPOSE, (presented.encode(),))
        token = configuration.tokens.get(index)
        if token is None:
            return None
        return token if self._is_genuine(token, key) else None

    def _is_genuine(self, token: Token, key: DataKey) -> bool:
        """Say whether a token's record is as we wrote it."""
        mac = self._vault.digest(key, ROW_PURPOSE, token.decisive_fields())
        return hmac.compare_digest(mac, token.row_mac)
