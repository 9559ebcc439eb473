"""From a presented token to a principal, against committed state, on every request.

Unknown workspace, foreign, mistyped, expired and revoked token are one and the same refusal: a
stranger learns nothing from it.
"""

import hashlib
import hmac
from dataclasses import dataclass

from mcpgw.errors import NotFound, StorageError, Unauthenticated
from mcpgw.gateway.current import Current
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock, Vault
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import DataKey, KeyKind
from mcpgw.model.policy import Action
from mcpgw.model.token import Principal, Token, is_token
from mcpgw.model.workspace import DEFAULT_SETTINGS, Workspace

INDEX_PURPOSE = "mcpgw/token/v1"
ROW_PURPOSE = "mcpgw/token-row/v1"
SETTINGS_PURPOSE = "mcpgw/workspace-settings/v1"
REFUSAL = "a valid token for this workspace is needed"


@dataclass(frozen=True, slots=True)
class Admission:
    """Who was let in, where, and the committed state that decided it and decides what follows.

    `expires_at` is when the token does, in UTC seconds; None means never.
    """

    principal: Principal
    workspace: Workspace
    configuration: Configuration
    expires_at: float | None = None


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
        self._by_id: dict[str, Admission | None] = {}

    async def authenticate(self, slug: str, presented: str) -> Admission:
        """Admit who presents this token at this workspace.

        Raises:
            Unauthenticated: nobody who may know that the workspace exists.
            StorageError: the committed state cannot be read, so nobody is let in.
            VaultLocked: the master key is not here.
        """
        admission = await self.identify(presented)
        if admission.workspace.slug != slug:
            raise Unauthenticated(REFUSAL)
        return admission

    async def identify(self, presented: str) -> Admission:
        """Admit who presents this token at the workspace that it belongs to.

        Raises:
            Unauthenticated: the token is none, expired or revoked.
            StorageError, VaultLocked: as `authenticate`.
        """
        configuration = await self._current.configuration()
        token, admission = self._verify(configuration, presented)
        if token.revoked_at is not None or self.is_over(admission):
            raise Unauthenticated(REFUSAL)
        return admission

    def renewed(self, principal: Principal, configuration: Configuration) -> Admission | None:
        """Return what a bearer is admitted to in that committed state and now, None when nowhere.

        Raises:
            StorageError: the workspace's settings are not as we wrote them.
            VaultLocked: the master key is not here.
        """
        self._follow(configuration)
        token_id = principal.token_id
        if token_id not in self._by_id:
            self._by_id[token_id] = self._of(token_id, configuration)
        admission = self._by_id[token_id]
        return None if admission is None or self.is_over(admission) else admission

    def is_over(self, admission: Admission) -> bool:
        """Say whether the token of an admission has expired."""
        expires_at = admission.expires_at
        return expires_at is not None and max(self._clock.now(), self._newest_time) >= expires_at

    def principal_of(self, token: Token, configuration: Configuration) -> Principal:
        """Return whom a token's record stands for in that committed state, be it valid or not.

        Raises:
            NotFound: its workspace is gone.
            StorageError: the workspace's settings are not as we wrote them.
        """
        return self._admission(token, configuration).principal

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
        self._follow(configuration)
        # A header may hold any bytes; those that are no text arrive as surrogates.
        shortcut = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).digest()
        verified = self._verified.get(shortcut)
        if verified is not None:
            return verified
        token = self._find(configuration, presented)
        if token is None:
            raise Unauthenticated(REFUSAL)
        try:
            verified = token, self._admission(token, configuration)
        except NotFound:
            raise Unauthenticated(REFUSAL) from None
        self._verified[shortcut] = verified
        return verified

    def _follow(self, configuration: Configuration) -> None:
        """Forget what was verified in another committed state."""
        if configuration is not self._verified_in:
            self._verified.clear()
            self._by_id = {}
            self._verified_in = configuration

    def _of(self, token_id: str, configuration: Configuration) -> Admission | None:
        """Return what a token admits to in a committed state, its time aside."""
        token = next((t for t in configuration.tokens.values() if t.id == token_id), None)
        if token is None or token.revoked_at is not None:
            return None
        try:
            key = configuration.datakey(KeyKind.TOKEN)
            return self._admission(token, configuration) if self._is_genuine(token, key) else None
        except NotFound:
            return None

    def _admission(self, token: Token, configuration: Configuration) -> Admission:
        workspaces = configuration.workspaces.values()
        workspace = next((w for w in workspaces if w.id == token.workspace_id), None)
        if workspace is None:
            raise NotFound("the token's workspace is gone")
        self._check_settings(workspace, configuration)
        settings = workspace.settings
        principal = Principal(
            token.id,
            token.member,
            token.role,
            token.workspace_id,
            token.bounds.before(settings.bounds),
            settings.readonly_tools,
        )
        return Admission(principal, workspace, configuration, token.expires_at)

    def _check_settings(self, workspace: Workspace, configuration: Configuration) -> None:
        """Refuse settings that somebody wrote past us: they decide what tokens may do."""
        if workspace.settings == DEFAULT_SETTINGS:
            return
        key = configuration.datakey(KeyKind.TOKEN)
        mac = self._vault.digest(key, SETTINGS_PURPOSE, workspace.decisive_fields())
        if not hmac.compare_digest(mac, workspace.settings_mac):
            raise StorageError(
                f"the settings of {workspace.slug} were changed past mcpgw",
                f"set them again: mcpgw workspace set -w {workspace.slug} --help",
            )

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
