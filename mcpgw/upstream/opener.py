"""Opens a connection to a server: builds its transport and agrees with it. Keeps no connection."""

import ssl
from collections.abc import Mapping
from pathlib import Path

from mcpgw.model.server import HttpLaunch, Server, StdioLaunch
from mcpgw.upstream import Fill, Spawn, Terms
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.event_stream import EventStreamTransport
from mcpgw.upstream.handshake import (
    NotHere,
    agree_over_http,
    agree_over_stdio,
    initialize_over_event_stream,
    initialize_over_http,
)
from mcpgw.upstream.http import HttpTransport
from mcpgw.upstream.http_head import RequestWriter
from mcpgw.upstream.http_pool import HttpPool
from mcpgw.upstream.reaper import Reaper
from mcpgw.upstream.stdio import StdioTransport


class Opener:
    """Knows what every connection of this process shares: limits, TLS trust, the reaper."""

    def __init__(
        self,
        *,
        spawn: Spawn,
        base_environment: Mapping[str, str],
        directory: Path,
        start_timeout_s: float,
        handshake_timeout_s: float,
        max_message_bytes: int,
        max_connections: int,
    ) -> None:
        self._spawn = spawn
        self._base_environment = base_environment
        self._directory = directory
        self._start_timeout_s = start_timeout_s
        self._handshake_timeout_s = handshake_timeout_s
        self._max_message_bytes = max_message_bytes
        self._max_connections = max_connections
        self._trust: ssl.SSLContext | None = None
        self._reaper = Reaper()

    async def open(self, server: Server, fill: Fill, terms: Terms) -> Connection:
        """Return a new connection, ready for calls.

        Args:
            server: what to reach or start.
            fill: opens the secrets of its launch.
            terms: what the connection is for.

        Raises:
            UpstreamError: it cannot be reached or started, or speaks no MCP that we do.
            UpstreamTimeout: it does not answer in time.
            Declined: it will not initialize.
            GatewayError: a secret cannot be opened.
        """
        launch = server.launch
        if isinstance(launch, HttpLaunch):
            return await self._open_http(server, launch, fill, terms)
        return await self._open_stdio(server, launch, fill, terms)

    async def close(self) -> None:
        """End what watches over the children."""
        await self._reaper.close()

    async def _open_http(
        self, server: Server, launch: HttpLaunch, fill: Fill, terms: Terms
    ) -> Connection:
        name = server.name
        pool = HttpPool(
            name,
            launch.url,
            max_connections=self._max_connections,
            max_body_bytes=self._max_message_bytes,
            trust=self._trusted,
            is_private_allowed=server.is_private_allowed,
        )
        transport = HttpTransport(
            RequestWriter(name, launch, fill),
            pool,
            self._spawn,
            self._max_message_bytes,
            terms,
            lambda transport: initialize_over_http(
                transport, terms.capabilities, self._handshake_timeout_s
            ),
        )
        try:
            try:
                agreement = await agree_over_http(transport, terms, self._handshake_timeout_s)
                return Connection(transport, agreement)
            except NotHere as error:
                return await self._open_event_stream(name, launch, fill, terms, pool, error)
        except BaseException:
            pool.close()
            raise

    async def _open_event_stream(
        self,
        name: str,
        launch: HttpLaunch,
        fill: Fill,
        terms: Terms,
        pool: HttpPool,
        error: NotHere,
    ) -> Connection:
        """Return a connection by HTTP+SSE, or raise `error` when the server does not speak that."""
        transport = EventStreamTransport(
            name, launch, fill, pool, self._spawn, terms, self._max_message_bytes
        )
        timeout_s = self._handshake_timeout_s
        if not await transport.open(timeout_s):
            raise error
        agreement = await initialize_over_event_stream(transport, terms.capabilities, timeout_s)
        return Connection(transport, agreement)

    async def _open_stdio(
        self, server: Server, launch: StdioLaunch, fill: Fill, terms: Terms
    ) -> Connection:
        async def start() -> StdioTransport:
            transport = StdioTransport(
                server.name,
                fill,
                self._reaper,
                self._spawn,
                self._max_message_bytes,
                terms,
            )
            await transport.start(launch, self._base_environment, self._directory / server.id)
            return transport

        return Connection(*await agree_over_stdio(start, terms, self._start_timeout_s))

    def _trusted(self) -> ssl.SSLContext:
        """Return the one TLS context: certificates and host names are verified."""
        if self._trust is None:
            self._trust = ssl.create_default_context()
        return self._trust
