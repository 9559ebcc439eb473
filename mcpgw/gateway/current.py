"""The committed configuration, current at every request.

The store's change counter is asked each time (microseconds); only when it moved is the
configuration read again. There is no time-to-live: what was committed before a request began is
what decides it. When the counter cannot be read, nothing is served.
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

    async def configuration(self) -> Configuration:
        """Return the configuration as committed by now.

        Raises:
            StorageError: the store cannot be read.
        """
        held = self._held
        if held is not None and held.version == self._store.version():
            return held
        async with self._reading:
            held = self._held
            if held is None or held.version != self._store.version():
                held = self._held = await self._store.load()
            return held
