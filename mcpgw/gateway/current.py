"""The committed configuration, current at every request.

The store's change counter is asked (microseconds); only when it moved is the configuration read
again. There is no time-to-live: what was committed before a request began is what decides it.
When the counter cannot be read, nothing is served.

One answer of the counter serves all requests of the same turn of the event loop. That is no cache
in time: the loop reads its sockets between its turns, so every request that a turn handles had
arrived before the counter was asked in it.
"""

import asyncio

from mcpgw.gateway.ports import ConfigurationStore
from mcpgw.model.configuration import Configuration


class Current:
    """Holds the newest committed configuration."""

    def __init__(self, store: ConfigurationStore) -> None:
        self._store = store
        self._held: Configuration | None = None
        self._reading = asyncio.Lock()
        self._is_asked_this_turn = False

    async def configuration(self) -> Configuration:
        """Return the configuration as committed by now.

        Raises:
            StorageError: the store cannot be read.
        """
        held = self._held
        if held is not None and (self._is_asked_this_turn or self._is_current(held)):
            return held
        async with self._reading:
            held = self._held
            if held is None or not self._is_current(held):
                held = self._held = await self._store.load()
            return held

    def _is_current(self, held: Configuration) -> bool:
        """Ask the counter, and remember a yes until this turn of the loop is over."""
        if held.version != self._store.version():
            return False
        self._is_asked_this_turn = True
        # Runs before any request that arrives from now on: the loop keeps the order.
        asyncio.get_running_loop().call_soon(self._end_turn)
        return True

    def _end_turn(self) -> None:
        self._is_asked_this_turn = False
