"""Work that outlives the call that caused it: shared attempts and small courtesies.

Both run under the owner's `spawn` (a TaskGroup's), so nothing outlives the gateway, and neither
lets an expected error reach that group.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from mcpgw.errors import GatewayError, UpstreamError
from mcpgw.upstream import Spawn

Result = TypeVar("Result")


class Background:
    """Runs a bounded number of things that nobody waits for."""

    def __init__(self, spawn: Spawn, limit: int = 64) -> None:
        self._spawn = spawn
        self._room = limit

    def run(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Start `work`; False when too much runs already or the owner is shutting down."""
        if self._room <= 0 or not start(self._spawn, self._guarded(work)):
            return False
        self._room -= 1
        return True

    async def _guarded(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except GatewayError:
            pass  # A courtesy that failed: whoever it was for has left.
        finally:
            self._room += 1


class SingleFlight(Generic[Result]):
    """Lets concurrent callers share one attempt; a caller that is cancelled does not end it."""

    def __init__(self, server: str, spawn: Spawn, attempt: Callable[[], Awaitable[Result]]) -> None:
        self._server = server
        self._spawn = spawn
        self._attempt = attempt
        self._running: asyncio.Future[Result] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_ended = False

    @property
    def is_running(self) -> bool:
        """Whether an attempt is under way."""
        return self._running is not None

    async def __call__(self) -> Result:
        """Join the running attempt or begin one, and return its result or raise its error.

        Raises:
            GatewayError: as the attempt does.
            UpstreamError: it was ended.
        """
        if self._running is None:
            if self._is_ended:
                raise ended(self._server)
            self._running = asyncio.get_running_loop().create_future()
            if not start(self._spawn, self._run(self._running)):
                self._running = None
                raise ended(self._server)
        return await asyncio.shield(self._running)

    async def end(self) -> None:
        """Begin no more attempts, take back a running one and wait until it is gone."""
        self._is_ended = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, future: asyncio.Future[Result]) -> None:
        self._task = asyncio.current_task()
        try:
            if self._is_ended:
                raise ended(self._server)
            future.set_result(await self._attempt())
        except GatewayError as error:
            future.set_exception(error)
        finally:
            self._running = self._task = None
            if not future.done():  # Cancelled: the callers are not.
                future.set_exception(ended(self._server))
            future.exception()  # Marks it as seen: perhaps every caller has left.


def start(spawn: Spawn, work: Coroutine[Any, Any, None]) -> bool:
    """Hand `work` to the owner; False when the owner takes nothing any more."""
    try:
        spawn(work)
    except RuntimeError:
        work.close()
        return False
    return True


def ended(server: str) -> UpstreamError:
    """Return the error for what was begun on something that is being ended."""
    return UpstreamError(f"server {server!r} was changed or is being stopped", "try again")
