"""From a presented token to a principal, against committed state, on every request.

Unknown workspace, foreign, mistyped, expired and revoked token are one and the same refusal: a
stranger learns nothing from it.
"""

import hmac
from dataclasses import dataclass

from mcpgw.errors import NotFound, Unauthenticated
from mcpgw.gateway.current import Current
from mcpgw.gateway.ports import Clock, Vault
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import KeyKind
from mcpgw.model.token import Principal, Token, is_token
from mcpgw.model.workspace import Workspace

INDEX_PURPOSE = "mcpgw/token/v1"
ROW_PURPOSE = "mcpgw/token-row/v1"


@dataclass(frozen=True, slots=True)
class Admission:
    """Who was let in, where, and the committed state that decided it and decides what follows."""

    principal: Principal
    workspace: Workspace
    configuration: Configuration


class Access:
    """Knows who is asking."""

    def __init__(self, current: Current, vault: Vault, clock: Clock) -> None:
        self._current = current
        self._vault = vault
        self._clock = clock
        self._newest_time = 0.0

    def seen_time(self, recorded_at: float) -> None:
        """Take note of a time that has passed for sure: a clock set back revives no token."""
        self._newest_time = max(self._newest_time, recorded_at)

    async def authenticate(self, slug: str, presented: str) -> Admission:
        """Admit who presents this token at this workspace.

        Raises:
            Unauthenticated: nobody who may know that the workspace exists.
            StorageError: the committed state cannot be read, so nobody is let in.
            VaultLocked: the master key is not here.
        """
        configuration = await self._current.configuration()
        token = self._find(configuration, presented)
        workspace = configuration.workspaces.get(slug)
        if token is None or workspace is None or token.workspace_id != workspace.id:
            raise Unauthenticated("a valid token for this workspace is needed")
        principal = Principal(token.id, token.member, token.role, token.workspace_id)
        return Admission(principal, workspace, configuration)

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
        now = max(self._clock.now(), self._newest_time)
        mac = self._vault.digest(key, ROW_PURPOSE, token.decisive_fields())
        if not hmac.compare_digest(mac, token.row_mac) or not token.is_usable(now):
            return None
        return token
