"""Sessions of legacy clients: ids that say everything about the session, sealed.

An id is bound to the token that opened it; presented with another one it does not exist. Nothing
need be remembered to accept it; only ended sessions and opened ids are kept, bounded, in memory.
"""

import base64
import binascii
import secrets
from collections import OrderedDict
from dataclasses import replace
from typing import TypeVar

import msgspec

from mcpgw.errors import NotFound, VaultLocked
from mcpgw.gateway.access import Admission
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.ports import Clock, Vault
from mcpgw.model.key import DataKey, KeyKind
from mcpgw.protocol.legacy import SessionStart

Value = TypeVar("Value")

PURPOSE = "mcpgw/session/v1"

REMEMBERED = 4096
"""Opened ids and ended sessions kept in memory; beyond that the oldest are opened again."""

MAX_ID_CHARACTERS = 6000
"""Below the 8 KiB that a header line may have."""


class Session(msgspec.Struct, frozen=True):
    """What was agreed on at `initialize`. `capabilities` is raw JSON of the client's."""

    id: str
    token_id: str
    workspace_id: str
    version: str
    client_name: str
    client_version: str
    capabilities: str
    started_at: float


class Sessions:
    """Opens, resumes and ends sessions."""

    def __init__(self, keys: Keys, vault: Vault, clock: Clock) -> None:
        self._keys = keys
        self._vault = vault
        self._clock = clock
        self._opened: OrderedDict[str, Session] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()

    async def start(self, admission: Admission, asked: SessionStart) -> str:
        """Return the id of a new session."""
        session = Session(
            id=secrets.token_hex(16),
            token_id=admission.principal.token_id,
            workspace_id=admission.workspace.id,
            version=asked.version,
            client_name=asked.client_name,
            client_version=asked.client_version,
            capabilities=asked.capabilities.decode(),
            started_at=self._clock.now(),
        )
        key, context = self._key(admission)
        blob = self._vault.seal(key, context, msgspec.json.encode(session))
        text = base64.urlsafe_b64encode(blob).decode().rstrip("=")
        if len(text) > MAX_ID_CHARACTERS:
            # Rare, and only the capabilities can be that long: go on as a client without any.
            return await self.start(admission, replace(asked, capabilities=b"{}"))
        _remember(self._opened, text, session)
        return text

    def resume(self, admission: Admission, session_id: str) -> Session:
        """Return the session of that id.

        Raises:
            NotFound: it never was, has ended, or belongs to another token or workspace.
        """
        session = self._opened.get(session_id) or self._open(admission, session_id)
        if (
            session is None
            or session.token_id != admission.principal.token_id
            or session.workspace_id != admission.workspace.id
            or session.id in self._ended
        ):
            raise NotFound("no such session", "initialize again")
        return session

    def end(self, admission: Admission, session_id: str) -> None:
        """End a session.

        Raises:
            NotFound: as for `resume`.
        """
        session = self.resume(admission, session_id)
        self._opened.pop(session_id, None)
        _remember(self._ended, session.id, None)

    def _open(self, admission: Admission, session_id: str) -> Session | None:
        if len(session_id) > MAX_ID_CHARACTERS:
            return None
        key, context = self._key(admission)
        try:
            blob = base64.urlsafe_b64decode(session_id + "=" * (-len(session_id) % 4))
            session = msgspec.json.decode(self._vault.open(key, context, blob), type=Session)
        except (binascii.Error, ValueError, VaultLocked):
            return None
        _remember(self._opened, session_id, session)
        return session

    def _key(self, admission: Admission) -> tuple[DataKey, tuple[str, ...]]:
        key = self._keys.newest(admission.configuration, KeyKind.STATE)
        return key, (PURPOSE, admission.configuration.install_id, key.id)


def _remember(kept: OrderedDict[str, Value], key: str, value: Value) -> None:
    kept[key] = value
    if len(kept) > REMEMBERED:
        kept.popitem(last=False)
