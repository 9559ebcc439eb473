"""Takes clients in: accepts their connections, counts them, and agrees on TLS with them.

They are counted before TLS, which is what a client can make us work for most. Nothing that a client
does ends this, and running out of files makes room instead.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from mcpgw.web.clients import no_room
from mcpgw.web.connection import Connection, Listener
from mcpgw.web.errors import raw_error
from mcpgw.web.peer import Peer, canonical
from mcpgw.web.sampling import Sampled
from mcpgw.web.tls import Certificate

SHUTDOWN_S = 5.0
"""How long running requests may take to end when the server stops. aiohttp waits for that twice:
for their end, and for the end of their cancellation."""

HANDSHAKE_S = 10.0
"""How long a client may take to agree on TLS, and as long to part."""

AT_ONCE = 16
"""Connections that are taken in before others get a turn."""

PAUSE_S = 0.05
"""After the system could give no connection."""

logger = logging.getLogger(__name__)


class Reception:
    """Takes in the clients of one listener."""

    def __init__(self, listener: Listener, certificate: Certificate | None) -> None:
        self._listener = listener
        self._certificate = certificate
        self._timeout_s = HANDSHAKE_S if certificate is not None else None
        self._loop = asyncio.get_running_loop()
        self._arriving: set[asyncio.Task[None]] = set()
        self._log = Sampled(logger)

    @asynccontextmanager
    async def open(self, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
        """Take clients in until the block ends; then requests may end, and all is closed."""
        accepting = [self._loop.create_task(self._accept(one)) for one in sockets]
        try:
            yield
        finally:
            await _cancel(accepting)
            for one in sockets:
                one.close()
            await _cancel(tuple(self._arriving))
            self._listener.pre_shutdown()
            await self._listener.shutdown(SHUTDOWN_S / 2)

    async def _accept(self, listening: socket.socket) -> None:
        taken = 0
        while True:
            try:
                accepted, address = await self._loop.sock_accept(listening)
            except OSError as error:
                self._log.say("cannot take in a client: %s", error.strerror)
                self._listener.clients.make_room()
                await asyncio.sleep(PAUSE_S)
                continue
            self._take_in(accepted, Peer(canonical(address[0]), self._listener.proxies))
            taken += 1
            if taken % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _take_in(self, accepted: socket.socket, peer: Peer) -> None:
        connection = self._listener.connection(peer)
        if not self._listener.clients.enter(connection, peer):
            with accepted, suppress(OSError):
                if self._certificate is None:
                    accepted.send(raw_error(no_room()))
            return
        task = self._loop.create_task(self._connect(accepted, connection))
        connection.arriving = task
        self._arriving.add(task)
        task.add_done_callback(partial(self._arrived, accepted, connection))

    async def _connect(self, accepted: socket.socket, connection: Connection) -> None:
        with suppress(OSError):  # No TLS, not in time, or gone: nobody is there to be told.
            await self._loop.connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._certificate.context if self._certificate is not None else None,
                ssl_handshake_timeout=self._timeout_s,
                ssl_shutdown_timeout=self._timeout_s,
            )

    def _arrived(
        self, accepted: socket.socket, connection: Connection, task: asyncio.Task[None]
    ) -> None:
        self._arriving.discard(task)
        connection.arriving = None
        if connection.transport is None:
            self._listener.clients.leave(connection)
            accepted.close()  # The task may have been cancelled before it began.


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
