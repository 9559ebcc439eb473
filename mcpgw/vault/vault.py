"""The vault: finds the master key, opens the root key, seals and opens with data keys.

master key --HKDF--> opens the root key (KeySlot) --HKDF--> opens data keys (DataKey). Neither the
master key nor the root key stays in memory, only what is derived for opening data keys. Never makes
a key where slots exist, never changes a place when it looks for the key, never shows a key.
"""

import hmac
import os
import uuid
from collections.abc import Callable, Sequence

from mcpgw.config import Config
from mcpgw.errors import VaultLocked
from mcpgw.model.key import DataKey, KeyKind, KeySlot
from mcpgw.vault.key import MasterKey
from mcpgw.vault.key_place import (
    CREDENTIAL_NAME,
    FILE_VARIABLE,
    VARIABLE,
    KeySource,
    best_places,
    given_sources,
    places_to_look,
)
from mcpgw.vault.os_keyring import KEYRING_LIMIT_S, KEYRING_SERVICE
from mcpgw.vault.sealed import KEY_BYTES, Sealer, derived_key, length_prefixed

KINDS_OF_THE_HOUSE = (KeyKind.TOKEN, KeyKind.FINGERPRINT, KeyKind.AUDIT, KeyKind.STATE)
SEALING_KINDS = frozenset({KeyKind.WORKSPACE, KeyKind.STATE})
"""The others key digests: one key is never used with two algorithms."""

PROVIDE = (
    f"provide the expected key where it was, or name a file that holds it in {FILE_VARIABLE}, "
    f"or as the systemd credential {CREDENTIAL_NAME}, or in {VARIABLE}"
)


class Vault:
    """Seals and opens. Locked until `unlock` or `establish`."""

    def __init__(self, config: Config, keyring_limit_s: float = KEYRING_LIMIT_S) -> None:
        self._config = config
        self._keyring_limit_s = keyring_limit_s
        self._install_id = ""
        self._source: KeySource | None = None
        self._passed_over: list[str] = []
        self._wrapper: Sealer | None = None
        # By id, with the record each was opened from: another record of that id is opened anew.
        self._sealers: dict[str, tuple[DataKey, Sealer]] = {}
        self._digest_keys: dict[str, tuple[DataKey, bytes]] = {}

    def __repr__(self) -> str:
        return f"Vault(is_open={self.is_open})"

    @property
    def is_open(self) -> bool:
        """Whether the root key is here."""
        return self._wrapper is not None

    @property
    def whereabouts(self) -> str:
        """Where the master key was found, for people: never the key."""
        return self._source.title if self._source else "not found: the vault is locked"

    @property
    def advice(self) -> str:
        """Why the key is where it is, if not in the first choice, and how to move it."""
        if self._source is None:
            return PROVIDE
        return " ".join([*self._passed_over, _how_to_move(self._source, self._install_id)])

    def establish(self, install_id: str, now: float) -> tuple[KeySlot, Sequence[DataKey]]:
        """Make a master key in the best place that works, a root key and the keys of the house.

        A key that is already in that place is taken, not replaced. The caller stores what is
        returned, and must have made sure that no slot exists.

        Raises:
            VaultLocked: no place works, or the one that the settings name does not.
        """
        source, master = self._place_key(install_id)
        root = os.urandom(KEY_BYTES)
        slot_id = uuid.uuid4().hex
        wrapped = _slot_sealer(master).seal(_slot_context(install_id, slot_id), root)
        slot = KeySlot(slot_id, source.source, source.place, master.id, wrapped, now)
        self._become_open(install_id, source, root)
        return slot, [self.new_datakey(kind, "", 1, now) for kind in KINDS_OF_THE_HOUSE]

    def unlock(self, install_id: str, slots: Sequence[KeySlot]) -> None:
        """Find the master key and open the root key. Changes nothing anywhere.

        Raises:
            VaultLocked: it says which key was expected, and what was found where.
        """
        if not slots:
            raise VaultLocked("there is no key slot, so nothing to unlock", "run: mcpgw init")
        findings = []
        for source in places_to_look(self._config, install_id, slots, self._keyring_limit_s):
            finding = self._try(source, install_id, slots)
            if not finding:
                return
            findings.append(f"{source.title}: {finding}")
        expected = " or ".join(dict.fromkeys(f"{slot.key_id} ({slot.source})" for slot in slots))
        found = "; ".join(findings) or "no place to look for it is known to this version"
        raise VaultLocked(
            f"the master key is missing or wrong: expected key {expected}; {found}; "
            "nothing was changed",
            PROVIDE,
        )

    def new_datakey(self, kind: KeyKind, workspace_id: str, version: int, now: float) -> DataKey:
        """Make and wrap a data key.

        Raises:
            VaultLocked: the vault is not open.
        """
        key_id = uuid.uuid4().hex
        context = _datakey_context(kind, workspace_id, version, key_id)
        wrapped = self._open_wrapper().seal(context, os.urandom(KEY_BYTES))
        return DataKey(key_id, kind, workspace_id, version, wrapped, now)

    def seal(self, key: DataKey, context: Sequence[str], plain: bytes) -> bytes:
        """Seal `plain`, bound to `context`.

        Raises:
            VaultLocked: the vault is not open, or the key is not of its making.
        """
        return self._sealer(key).seal(context, plain)

    def open(self, key: DataKey, context: Sequence[str], blob: bytes) -> bytes:
        """Open a blob.

        Raises:
            VaultLocked: key, context or blob is not the one sealed with.
        """
        return self._sealer(key).open(context, blob)

    def digest(self, key: DataKey, purpose: str, parts: Sequence[bytes]) -> bytes:
        """Return the keyed digest (32 bytes) of `parts`, injective in their boundaries.

        Raises:
            VaultLocked: the vault is not open, or the key is not of its making.
        """
        secret = self._digest_key(key)
        return hmac.digest(secret, length_prefixed((purpose.encode(), *parts)), "sha256")

    def signer(self, key: DataKey, purpose: str) -> Callable[[bytes], bytes]:
        """Return what makes the MAC (32 bytes) of some bytes, in less time than `digest`.

        Raises:
            VaultLocked: the vault is not open, or the key is not of its making.
        """
        keyed = hmac.new(self._digest_key(key), length_prefixed((purpose.encode(),)), "sha256")

        def sign(message: bytes) -> bytes:
            state = keyed.copy()
            state.update(message)
            return state.digest()

        return sign

    def _place_key(self, install_id: str) -> tuple[KeySource, MasterKey]:
        # What the settings name is taken or fails: silently choosing another place would leave the
        # user with a key that he does not know of.
        for source in given_sources(self._config):
            try:
                key = source.make()
            except VaultLocked as error:
                raise VaultLocked(f"{source.title}: {error.message}", error.hint) from None
            if key is not None:
                return source, key
        self._passed_over = []
        for place in best_places(self._config, install_id, self._keyring_limit_s):
            try:
                return place, place.make()
            except VaultLocked as error:
                self._passed_over.append(f"{place.title}: {error.message}.")
        raise VaultLocked(
            f"no place for the master key works: {' '.join(self._passed_over)}",
            f"name a file for it in {FILE_VARIABLE}",
        )

    def _try(self, source: KeySource, install_id: str, slots: Sequence[KeySlot]) -> str:
        """Open with what `source` holds; return what is wrong with it, nothing when open."""
        try:
            master = source.read()
        except VaultLocked as error:
            return error.message
        if master is None:
            return "nothing there"
        damaged = []
        for slot in slots:
            if slot.key_id != master.id:
                continue
            try:
                root = _slot_sealer(master).open(_slot_context(install_id, slot.id), slot.wrapped)
            except VaultLocked:
                damaged.append(slot.id)
                continue
            self._become_open(install_id, source, root)
            return ""
        if damaged:
            return f"holds the right key {master.id}, but key slot {damaged[0]} is damaged"
        return f"holds key {master.id}"

    def _become_open(self, install_id: str, source: KeySource, root: bytes) -> None:
        self._install_id = install_id
        self._source = source
        self._wrapper = Sealer(derived_key(root, "mcpgw/v1/wrap"))
        self._sealers.clear()
        self._digest_keys.clear()

    def _open_wrapper(self) -> Sealer:
        if self._wrapper is None:
            raise VaultLocked("the vault is locked", PROVIDE)
        return self._wrapper

    def _sealer(self, key: DataKey) -> Sealer:
        known = self._sealers.get(key.id)
        if known is None or known[0] is not key:
            if key.kind not in SEALING_KINDS:
                raise VaultLocked(f"a key of the kind {key.kind} is not for sealing")
            known = self._sealers[key.id] = (key, Sealer(self._unwrapped(key)))
        return known[1]

    def _digest_key(self, key: DataKey) -> bytes:
        known = self._digest_keys.get(key.id)
        if known is None or known[0] is not key:
            if key.kind in SEALING_KINDS:
                raise VaultLocked(f"a key of the kind {key.kind} is not for digests")
            known = self._digest_keys[key.id] = (key, self._unwrapped(key))
        return known[1]

    def _unwrapped(self, key: DataKey) -> bytes:
        context = _datakey_context(key.kind, key.workspace_id, key.version, key.id)
        return self._open_wrapper().open(context, key.wrapped)


def _slot_sealer(master: MasterKey) -> Sealer:
    return Sealer(derived_key(master.secret, "mcpgw/v1/slot"))


def _slot_context(install_id: str, slot_id: str) -> tuple[str, ...]:
    return ("mcpgw/slot/v1", install_id, slot_id)


def _datakey_context(
    kind: KeyKind, workspace_id: str, version: int, key_id: str
) -> tuple[str, ...]:
    return ("mcpgw/datakey/v1", kind.value, workspace_id, str(version), key_id)


def _how_to_move(source: KeySource, install_id: str) -> str:
    match source.source:
        case "keyring":
            return (
                "To run where nobody is logged in: (umask 077; python -m keyring get "
                f"{KEYRING_SERVICE} {install_id} > FILE) and set {FILE_VARIABLE}=FILE."
            )
        case "file":
            return (
                f"To move it: copy the file, set {FILE_VARIABLE} to the copy or hand it to systemd "
                f"(LoadCredential={CREDENTIAL_NAME}:FILE), then delete {source.place}."
            )
        case "credential":
            return "Keep a copy of it off this machine: without it nothing sealed can be opened."
        case _:
            return (
                "Every process of this user can read a variable. To move it: write it to a file "
                f"with mode 0600 and set {FILE_VARIABLE} to that file."
            )
