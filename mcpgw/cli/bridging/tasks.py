"""The bridge's work in the background: a task for each message, all ended together."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """Tasks of one group that can be cancelled, or waited for, as a whole."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start `work`."""
        task = self._group.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def wait(self, patience_s: float) -> None:
        """Wait until all that runs now has ended, but not longer than that."""
        if self._running:
            await asyncio.wait(self._running, timeout=patience_s)

    def cancel(self) -> None:
        """End everything."""
        for task in self._running:
            task.cancel()
