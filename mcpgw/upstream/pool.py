"""The live connections: one per server and launch, made at need and shared by everybody.

Callers that need the same connection share one attempt to make it. A failure is remembered for a
moment, so that a storm of calls does not hammer a dead server, and what keeps breaking is made anew
ever more slowly. Decides nothing about who may call what.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from pathlib import Path

from mcpgw.errors import UpstreamError
from mcpgw.model.server import Server
from mcpgw.protocol.era import Era
from mcpgw.upstream import Fill, Spawn
from mcpgw.upstream.background import Background, SingleFlight
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.opener import Opener

FAILURE_S = 1.0
"""How long a failed attempt stands for those that come after it."""

FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 30.0
"""The least time between two starts of what keeps breaking; it doubles up to the second."""

MAX_WAIT_S = 2.0
"""A caller waits for a start that is this near, and is told when it is further."""

DRAIN_S = 10.0
"""How long calls may go on over a connection that was replaced."""

LEGACY_KNOWN_S = 24 * 3600.0
"""How long it is remembered that a server is legacy: for ever would hide an upgrade."""


class Upstreams:
    """The port `Upstreams`. Lives in one event loop; `close` ends all it started."""

    def __init__(
        self,
        *,
        spawn: Spawn,
        base_environment: Mapping[str, str],
        directory: Path,
        start_timeout_s: float = 60.0,
        handshake_timeout_s: float = 30.0,
        max_message_bytes: int = 16 << 20,
        max_connections: int = 32,
    ) -> None:
        """Take what all connections share.

        Args:
            spawn: starts a task under the owner, as `TaskGroup.create_task` does.
            base_environment: what every child process gets to see of our environment.
            directory: below it, every child without a directory of its own gets a private one.
            start_timeout_s: how long a child may take to answer first.
            handshake_timeout_s: how long an HTTP server may.
            max_message_bytes: the largest message taken from a server.
            max_connections: per HTTP server.
        """
        self._opener = Opener(
            spawn=spawn,
            base_environment=base_environment,
            directory=directory,
            start_timeout_s=start_timeout_s,
            handshake_timeout_s=handshake_timeout_s,
            max_message_bytes=max_message_bytes,
            max_connections=max_connections,
        )
        self._spawn = spawn
        self._background = Background(spawn, limit=1024)
        self._slots: dict[str, _Slot] = {}
        self._retiring: set[_Slot] = set()
        self._listeners: list[Callable[[str, str], None]] = []

    async def connect(self, server: Server, fingerprint: str, fill: Fill) -> Connection:
        """Return the connection of that fingerprint, made at need; others of the server end.

        Raises:
            UpstreamError: the server cannot be reached or started, or speaks no MCP that we do.
            UpstreamTimeout: it did not answer in time.
            GatewayError: a secret cannot be opened.
        """
        slot = self._slots.get(server.id)
        if slot is None or slot.fingerprint != fingerprint:
            self._retire(server.id)
            slot = _Slot(self._opener, self._spawn, server, fingerprint, fill, self._notify)
            self._slots[server.id] = slot
        connection = slot.connection
        if connection is not None and connection.is_alive:
            return connection
        return await slot.connect()

    def on_change(self, listener: Callable[[str, str], None]) -> None:
        """Call `listener(server_id, method)` for list_changed notifications of any server."""
        self._listeners.append(listener)

    async def keep_only(self, fingerprints: Mapping[str, str]) -> None:
        """End the connections of servers (by id) that are gone, switched off, or launch otherwise.

        Calls on them may go on for a moment, in the background.
        """
        for server_id, slot in tuple(self._slots.items()):
            if fingerprints.get(server_id) != slot.fingerprint:
                self._retire(server_id)

    async def close(self) -> None:
        """End every connection and child process."""
        slots = [*self._slots.values(), *self._retiring]
        self._slots.clear()
        async with asyncio.TaskGroup() as group:
            for slot in slots:
                group.create_task(slot.close())
        await self._opener.close()

    def _retire(self, server_id: str) -> None:
        slot = self._slots.pop(server_id, None)
        if slot is not None:
            self._retiring.add(slot)
            self._background.run(lambda: self._drain(slot))

    async def _drain(self, slot: "_Slot") -> None:
        await slot.drain()
        await slot.close()
        self._retiring.discard(slot)  # Not when cancelled: then `close` has to end it.

    def _notify(self, server_id: str, method: str) -> None:
        for listener in self._listeners:
            listener(server_id, method)


class _Slot:
    """The place of one server's connection, for one launch of it."""

    def __init__(
        self,
        opener: Opener,
        spawn: Spawn,
        server: Server,
        fingerprint: str,
        fill: Fill,
        notify: Callable[[str, str], None],
    ) -> None:
        self.fingerprint = fingerprint
        self.connection: Connection | None = None
        self.connect = SingleFlight(server.name, spawn, self._connect)
        self._opener = opener
        self._server = server
        self._fill = fill
        self._notify = notify
        self._loop = asyncio.get_running_loop()
        self._failure: UpstreamError | None = None
        self._failed_at = -math.inf
        self._opened_at = -math.inf
        self._pause_s = 0.0
        self._legacy_until = -math.inf

    async def drain(self) -> None:
        """Wait a while for the calls that run."""
        deadline = self._loop.time() + DRAIN_S
        while self.connection is not None and self.connection.is_busy:
            if not self.connection.is_alive or self._loop.time() > deadline:
                return
            await asyncio.sleep(0.05)

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
            raise type(self._failure)(self._failure.message, self._failure.hint)
        if self.connection is not None:
            await self._bury(self.connection, now)
        try:
            self.connection = await self._opener.open(
                self._server, self._fill, now < self._legacy_until, self._on_change
            )
        except UpstreamError as error:
            self._failure, self._failed_at = error, self._loop.time()
            self._legacy_until = -math.inf
            raise
        self._failure = None
        self._opened_at = self._loop.time()
        if self.connection.era is Era.LEGACY and self._legacy_until < self._opened_at:
            self._legacy_until = self._opened_at + LEGACY_KNOWN_S
        return self.connection

    async def _bury(self, broken: Connection, now: float) -> None:
        """Clean up after a connection that broke, and wait until the next may be made."""
        if now - self._opened_at >= LAST_PAUSE_S:
            self._pause_s = 0.0
        pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LAST_PAUSE_S)
        wait_s = self._opened_at + pause_s - now
        if wait_s > MAX_WAIT_S:
            raise UpstreamError(
                f"server {self._server.name!r} keeps breaking; "
                f"the next start is in {math.ceil(wait_s)} s",
                "look at the server's log",
            )
        self._pause_s = pause_s
        await broken.close()
        self.connection = None
        await asyncio.sleep(max(wait_s, 0.0))

    def _on_change(self, method: str) -> None:
        self._notify(self._server.id, method)
