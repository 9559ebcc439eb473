"""Opens a connection to a server: builds its transport and agrees with it. Keeps no connection."""

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

from mcpgw.model.server import HttpLaunch, Server, StdioLaunch
from mcpgw.upstream import Fill, Spawn
from mcpgw.upstream.background import Background
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.handshake import agree_over_http, agree_over_stdio, initialize_over_http
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

    async def open(
        self, server: Server, fill: Fill, is_known_legacy: bool, on_change: Callable[[str], None]
    ) -> Connection:
        """Return a new connection, ready for calls.

        Args:
            server: what to reach or start.
            fill: opens the secrets of its launch.
            is_known_legacy: whether to spare the probe of the era.
            on_change: gets the methods of list_changed notifications.

        Raises:
            UpstreamError: it cannot be reached or started, or speaks no MCP that we do.
            UpstreamTimeout: it does not answer in time.
            GatewayError: a secret cannot be opened.
        """
        launch = server.launch
        if isinstance(launch, HttpLaunch):
            return await self._open_http(server.name, launch, fill, is_known_legacy, on_change)
        return await self._open_stdio(server, launch, fill, is_known_legacy, on_change)

    async def close(self) -> None:
        """End what watches over the children."""
        await self._reaper.close()

    async def _open_http(
        self,
        name: str,
        launch: HttpLaunch,
        fill: Fill,
        is_known_legacy: bool,
        on_change: Callable[[str], None],
    ) -> Connection:
        pool = HttpPool(
            name,
            launch.url,
            max_connections=self._max_connections,
            max_body_bytes=self._max_message_bytes,
            trust=self._trusted,
        )
        transport = HttpTransport(
            RequestWriter(name, launch, fill),
            pool,
            self._spawn,
            self._max_message_bytes,
            on_change,
            lambda transport: initialize_over_http(transport, self._handshake_timeout_s),
        )
        try:
            agreement = await agree_over_http(transport, is_known_legacy, self._handshake_timeout_s)
        except BaseException:
            pool.close()
            raise
        return Connection(transport, agreement)

    async def _open_stdio(
        self,
        server: Server,
        launch: StdioLaunch,
        fill: Fill,
        is_known_legacy: bool,
        on_change: Callable[[str], None],
    ) -> Connection:
        async def start() -> StdioTransport:
            transport = StdioTransport(
                server.name,
                fill,
                self._reaper,
                Background(self._spawn),
                self._max_message_bytes,
                on_change,
            )
            await transport.start(launch, self._base_environment, self._directory / server.id)
            return transport

        return Connection(*await agree_over_stdio(start, is_known_legacy, self._start_timeout_s))

    def _trusted(self) -> ssl.SSLContext:
        """Return the one TLS context: certificates and host names are verified."""
        if self._trust is None:
            self._trust = ssl.create_default_context()
        return self._trust
