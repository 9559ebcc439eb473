"""The place of one connection: made at need by one attempt that all callers share.

A failure is remembered for a moment, so that a storm of calls does not hammer a dead server, and
what keeps breaking is made anew ever more slowly. Does not know what it is a connection for.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable

from mcpgw.errors import UpstreamError
from mcpgw.upstream import Spawn
from mcpgw.upstream.background import SingleFlight
from mcpgw.upstream.connection import Connection

FAILURE_S = 1.0
"""How long a failed attempt stands for those that come after it."""

FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 30.0
"""The least time between two starts of what keeps breaking; it doubles up to the second."""

MAX_WAIT_S = 2.0
"""A caller waits for a start that is this near, and is told when it is further."""


class Place:
    """Holds a connection, and replaces it when it broke."""

    def __init__(
        self, server: str, spawn: Spawn, open_one: Callable[[], Awaitable[Connection]]
    ) -> None:
        self.connection: Connection | None = None
        self.connect = SingleFlight(server, spawn, self._connect)
        """Returns the connection, made at need. Raises as the opener does."""
        self.used_at = -math.inf
        """When it was last asked for, by the loop's time, if its owner says so."""
        self._server = server
        self._open_one = open_one
        self._loop = asyncio.get_running_loop()
        self._failure: UpstreamError | None = None
        self._failed_at = -math.inf
        self._opened_at = -math.inf
        self._pause_s = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether a call runs on it."""
        connection = self.connection
        return connection is not None and connection.is_alive and connection.is_busy

    @property
    def is_idle(self) -> bool:
        """Whether nobody would notice its end."""
        is_watched = self.connection is not None and self.connection.is_watched
        return not (is_watched or self.connect.is_running or self.is_busy)

    async def close(self) -> None:
        """End the connection, or the attempt to make it."""
        await self.connect.end()
        if self.connection is not None:
            await self.connection.close()

    async def _connect(self) -> Connection:
        if self.connection is not None and self.connection.is_alive:
            return self.connection
        now = self._loop.time()
        if self._failure is not None and now < self._failed_at + FAILURE_S:
            failure = self._failure
            raise type(failure)(failure.message, failure.hint, failure.status)
        if self.connection is not None:
            await self._bury(self.connection, now)
        try:
            self.connection = await self._open_one()
        except UpstreamError as error:
            self._failure, self._failed_at = error, self._loop.time()
            raise
        self._failure = None
        self._opened_at = self._loop.time()
        return self.connection

    async def _bury(self, broken: Connection, now: float) -> None:
        """Clean up after a connection that broke, and wait until the next may be made."""
        if now - self._opened_at >= LAST_PAUSE_S:
            self._pause_s = 0.0
        pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LAST_PAUSE_S)
        wait_s = self._opened_at + pause_s - now
        if wait_s > MAX_WAIT_S:
            raise UpstreamError(
                f"server {self._server!r} keeps breaking; "
                f"the next start is in {math.ceil(wait_s)} s",
                "look at the server's log",
            )
        self._pause_s = pause_s
        await broken.close()
        self.connection = None
        await asyncio.sleep(max(wait_s, 0.0))
