"""Sessions of legacy clients: ids that say everything about the session, sealed.

An id is bound to the token that opened it; presented with another one it does not exist. Nothing
need be remembered to accept it. What a session did since (ended, set a log level, subscribed) is
stored before the answer leaves; what is kept in memory is bounded and can be read again.
"""

import base64
import binascii
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from mcpgw.errors import InvalidInput, NotFound, StorageError, VaultLocked
from mcpgw.gateway.access import Admission
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.ports import Clock, SessionStore, Vault
from mcpgw.model.key import DataKey, KeyKind
from mcpgw.model.session import LIFETIME_S, SessionRecord
from mcpgw.protocol.legacy import SessionStart

Value = TypeVar("Value")

PURPOSE = "mcpgw/session/v1"

REMEMBERED = 4096
"""Opened ids and states of sessions kept in memory; beyond that the oldest are read again."""

MAX_ID_CHARACTERS = 6000
"""Below the 8 KiB that a header line may have."""

MAX_URIS = 1000
"""Resources that one session can be subscribed to."""

MAX_URI_CHARACTERS = 2000


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


@dataclass(frozen=True, slots=True)
class SessionState:
    """What a session did since `initialize`. `log_level` is empty until the client sets one."""

    log_level: str = ""
    uris: frozenset[str] = frozenset()
    is_ended: bool = False


_FRESH = SessionState()
_ENDED = SessionState(is_ended=True)


class Sessions:
    """Opens, resumes and ends sessions, and keeps what they set."""

    def __init__(self, keys: Keys, vault: Vault, clock: Clock, store: SessionStore) -> None:
        self._keys = keys
        self._vault = vault
        self._clock = clock
        self._store = store
        self._opened: OrderedDict[str, Session] = OrderedDict()
        self._states: OrderedDict[str, SessionState] = OrderedDict()

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
        _remember(self._states, session.id, _FRESH)
        return text

    def resume(self, admission: Admission, session_id: str) -> Session:
        """Return the session of that id.

        Raises:
            NotFound: it never was, has ended, is too old, or belongs to another token or workspace.
            StorageError: it cannot be known whether it has ended.
        """
        session = self._opened.get(session_id) or self._open(admission, session_id)
        if (
            session is None
            or session.token_id != admission.principal.token_id
            or session.workspace_id != admission.workspace.id
            or session.started_at + LIFETIME_S < self._clock.now()
            or self.state(session).is_ended
        ):
            raise _unknown()
        return session

    async def end(self, admission: Admission, session_id: str) -> None:
        """End a session for good.

        Raises:
            NotFound: as for `resume`.
            StorageError: it cannot be made to last; the session goes on.
        """
        await self._change(self.resume(admission, session_id), lambda _: _ENDED)

    def state(self, session: Session) -> SessionState:
        """Return what a session did since it began.

        Raises:
            StorageError: it cannot be read.
        """
        state = self._states.get(session.id)
        if state is None:
            state = _state(self._store.get(session.id))
            _remember(self._states, session.id, state)
        return state

    async def set_log_level(self, session: Session, level: str) -> None:
        """Set the least level of log messages that the session wants.

        Raises:
            NotFound: it has ended.
            StorageError: it cannot be made to last; nothing was changed.
        """
        await self._change(session, lambda state: replace(state, log_level=level))

    async def subscribe(self, session: Session, uri: str) -> None:
        """Add a resource to those that the session wants news of.

        Raises:
            InvalidInput: there are too many, or the URI is too long.
            NotFound: the session has ended.
            StorageError: it cannot be made to last; nothing was changed.
        """
        if len(uri) > MAX_URI_CHARACTERS:
            raise InvalidInput(f"the URI has more than {MAX_URI_CHARACTERS} characters")

        def added(state: SessionState) -> SessionState:
            uris = state.uris | {uri}
            if len(uris) > MAX_URIS:
                raise InvalidInput(
                    f"this session is subscribed to {MAX_URIS} resources already",
                    "unsubscribe from some first",
                )
            return replace(state, uris=uris)

        await self._change(session, added)

    async def unsubscribe(self, session: Session, uri: str) -> None:
        """Take a resource from those that the session wants news of.

        Raises:
            NotFound: the session has ended.
            StorageError: it cannot be made to last; nothing was changed.
        """
        await self._change(session, lambda state: replace(state, uris=state.uris - {uri}))

    async def _change(
        self, session: Session, change: Callable[[SessionState], SessionState]
    ) -> None:
        before = self.state(session)
        if before.is_ended:
            raise _unknown()
        after = change(before)
        if after == before:
            return
        now = self._clock.now()
        written = self._store.put(_record(session, after, now), now - LIFETIME_S)
        # Before it is committed, so that the next change builds on this one.
        _remember(self._states, session.id, after)
        try:
            await written
        except StorageError:
            self._states.pop(session.id, None)
            raise

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


def _unknown() -> NotFound:
    return NotFound("no such session", "initialize again")


def _state(record: SessionRecord | None) -> SessionState:
    if record is None:
        return _FRESH
    return SessionState(record.log_level, frozenset(record.uris), record.is_ended)


def _record(session: Session, state: SessionState, now: float) -> SessionRecord:
    return SessionRecord(
        id=session.id,
        workspace_id=session.workspace_id,
        token_id=session.token_id,
        is_ended=state.is_ended,
        log_level=state.log_level,
        uris=tuple(sorted(state.uris)),
        started_at=session.started_at,
        changed_at=now,
    )


def _remember(kept: OrderedDict[str, Value], key: str, value: Value) -> None:
    kept[key] = value
    if len(kept) > REMEMBERED:
        kept.popitem(last=False)
