"""The live connections of all servers: made at need, and ended when their launch has changed.

What one server gets stands in `slot.py`, how a connection is made and replaced in `place.py`.
Decides nothing about who may call what.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from mcpgw.model.server import Server, StdioLaunch
from mcpgw.protocol.capability import EVERYTHING
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Lane, Notification
from mcpgw.upstream import Fill, Spawn
from mcpgw.upstream.background import Background
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.opener import Opener
from mcpgw.upstream.slot import Slot
from mcpgw.upstream.watch import Watches

LEGACY_CLIENTS = Lane(Era.LEGACY, EVERYTHING)
"""The connection on which a server's legacy lists run."""


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
            max_connections: per HTTP server, and per lane of it.
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
        self._slots: dict[str, Slot] = {}
        self._retiring: set[Slot] = set()
        self._listeners: list[Callable[[str, Notification], None]] = []
        self._watches = Watches(spawn, self.connect, self._notify)

    async def connect(
        self, server: Server, fingerprint: str, fill: Fill, lane: Lane | None = None
    ) -> Connection:
        """Return the connection of that fingerprint and lane, made at need.

        Connections of the server's other fingerprints end.

        Raises:
            UpstreamError: the server cannot be reached or started, or speaks no MCP that we do.
            UpstreamTimeout: it did not answer in time.
            GatewayError: a secret cannot be opened.
        """
        slot = self._slots.get(server.id)
        if slot is None or slot.fingerprint != fingerprint:
            starts = self.starts(server.id)
            self._retire(server.id)
            slot = Slot(self._opener, self._spawn, server, fingerprint, fill, self._notify)
            slot.starts = starts
            self._slots[server.id] = slot
        return slot.find(lane) or await slot.connect(lane)

    def starts(self, server_id: str) -> int:
        """Return how many connections to a server were begun since it is used, failed ones too."""
        slot = self._slots.get(server_id)
        return 0 if slot is None else slot.starts

    def on_change(self, listener: Callable[[str, Notification], None]) -> None:
        """Call `listener(server_id, notification)` for what belongs to no call, of any server."""
        self._listeners.append(listener)

    async def watch(
        self,
        server: Server,
        fingerprint: str,
        fill: Fill,
        uris: frozenset[str],
        eras: frozenset[Era],
    ) -> frozenset[str]:
        """Be told of the changes of a server's lists and of the resources `uris` from now on.

        `eras` are those of the clients that want to know: a child that speaks both runs once for
        each. Returns the URIs that the server agreed to. A later call replaces the set.

        Raises:
            UpstreamError: it cannot be watched for now; it is tried again in the background.
            UpstreamTimeout: it did not agree in time; likewise.
            GatewayError: a secret cannot be opened; likewise.
        """
        agreed = await self._watches.watch(server, fingerprint, fill, uris)
        if isinstance(server.launch, StdioLaunch) and Era.LEGACY in eras:
            primary = await self.connect(server, fingerprint, fill)
            lane = LEGACY_CLIENTS
            if await self.connect(server, fingerprint, fill, lane) is not primary:
                return agreed | await self._watches.watch(server, fingerprint, fill, uris, lane)
        self._watches.unwatch(server.id, LEGACY_CLIENTS)
        return agreed

    def unwatch(self, server_id: str) -> None:
        """Want no more news of a server."""
        self._watches.unwatch(server_id)

    def end_client(self, token_id: str) -> None:
        """Begin to end the connections and child processes that are one token's alone."""
        for slot in self._slots.values():
            slot.end_client(token_id)

    async def keep_only(self, fingerprints: Mapping[str, str]) -> None:
        """End the connections of servers (by id) that are gone, switched off, or launch otherwise.

        Calls on them may go on for a moment, in the background; watches end at once.
        """
        self._watches.keep_only(fingerprints)
        for server_id, slot in tuple(self._slots.items()):
            if fingerprints.get(server_id) != slot.fingerprint:
                self._retire(server_id)

    async def close(self) -> None:
        """End every watch, connection and child process."""
        await self._watches.close()
        slots = [*self._slots.values(), *self._retiring]
        self._slots.clear()
        async with asyncio.TaskGroup() as group:
            for slot in slots:
                group.create_task(slot.close())
        await self._opener.close()

    def _retire(self, server_id: str) -> None:
        slot = self._slots.pop(server_id, None)
        if slot is not None:
            self._watches.end(server_id, slot.fingerprint)
            self._retiring.add(slot)
            self._background.run(lambda: self._drain(slot))

    async def _drain(self, slot: Slot) -> None:
        await slot.drain()
        await slot.close()
        self._retiring.discard(slot)  # Not when cancelled: then `close` has to end it.

    def _notify(self, server_id: str, notification: Notification) -> None:
        for listener in self._listeners:
            listener(server_id, notification)
