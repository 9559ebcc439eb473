"""The data directory as a whole: its keys are made once and unlocked ever after."""

from collections.abc import Sequence
from contextlib import suppress

from mcpgw.errors import Conflict
from mcpgw.gateway.current import Current
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock, KeyStore, Vault
from mcpgw.gateway.recording import Recording
from mcpgw.model.act import ActKind, done_by
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import KeyKind
from mcpgw.model.policy import Action
from mcpgw.model.token import Principal


class Installation:
    """Establishes and opens the keys of the house."""

    def __init__(
        self,
        current: Current,
        store: KeyStore,
        keys: Keys,
        vault: Vault,
        recording: Recording,
        clock: Clock,
    ) -> None:
        self._current = current
        self._store = store
        self._keys = keys
        self._vault = vault
        self._recording = recording
        self._clock = clock

    async def establish(self, principal: Principal) -> bool:
        """Make the keys if there are none, else unlock them; say whether they are new.

        Never makes a key where something was sealed before.

        Raises:
            VaultLocked: no place for a master key works, or the one that sealed is not here.
        """
        require(principal, Action.OPERATE, None)
        configuration = await self._current.configuration()
        if configuration.slots or configuration.datakeys:
            await self._open(principal, configuration)
            return False
        now = self._clock.now()
        slot, datakeys = self._vault.establish(configuration.install_id, now)
        act = done_by(principal, now, ActKind.KEY_MAKE, "", "master key", slot.source)
        await self._store.add((slot,), datakeys, act)
        self._take_up(await self._current.configuration())
        return True

    async def unlock(self, principal: Principal) -> None:
        """Open the vault with the master key, as serving needs it.

        Raises:
            VaultLocked: the master key is missing or wrong; says what was expected and found.
        """
        require(principal, Action.OPERATE, None)
        await self._open(principal, await self._current.configuration())

    async def key_places(self, principal: Principal) -> Sequence[str]:
        """Return where the master key was when it sealed, for people; needs no key to tell."""
        require(principal, Action.OPERATE, None)
        configuration = await self._current.configuration()
        return [f"{slot.source}: {slot.place}" for slot in configuration.slots]

    @property
    def key_advice(self) -> str:
        """Why the master key is where it is, and how to move it."""
        return self._vault.advice

    @property
    def key_whereabouts(self) -> str:
        """Where the master key was found, for people."""
        return self._vault.whereabouts

    async def _open(self, principal: Principal, configuration: Configuration) -> None:
        """Open the vault, make what keys an older version did not know, and take them up."""
        self._vault.unlock(configuration.install_id, configuration.slots)
        if not configuration.has_datakey(KeyKind.AUDIT):
            now = self._clock.now()
            key = self._vault.new_datakey(KeyKind.AUDIT, "", 1, now)
            # Another process may have been first: then its key is the one.
            with suppress(Conflict):
                act = done_by(principal, now, ActKind.KEY_MAKE, "", "key of the journal")
                await self._store.add((), (key,), act)
            configuration = await self._current.configuration()
        self._take_up(configuration)

    def _take_up(self, configuration: Configuration) -> None:
        self._keys.take_up(configuration)
        self._recording.arm(configuration)
