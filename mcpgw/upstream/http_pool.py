"""Keep-alive connections to one server: bounded, handed out newest first, waited for in turn.

Nothing is ever sent twice: an idle connection that its peer closed is dropped before a write, a
failure after it is the caller's. No proxy of the environment is used.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

from mcpgw.errors import UpstreamError, UpstreamTimeout
from mcpgw.upstream.address import public_addresses
from mcpgw.upstream.failure import map_errors, timed_out
from mcpgw.upstream.http_connection import HttpConnection, OnSent
from mcpgw.upstream.http_response import Response

IDLE_S = 15.0
"""After this an idle connection is dropped: servers of the field keep theirs for 5 to 75 s."""

Trust = Callable[[], ssl.SSLContext]
"""Returns the one TLS context of the process; making one takes 13 ms."""


class HttpPool:
    """Connections to the origin of one URL."""

    def __init__(
        self,
        server: str,
        url: str,
        *,
        max_connections: int,
        max_body_bytes: int,
        trust: Trust,
        is_private_allowed: bool = True,
    ) -> None:
        parts = urlsplit(url)
        self._server = server
        self._host = parts.hostname or ""
        self._is_tls = parts.scheme == "https"
        self._port = parts.port or (443 if self._is_tls else 80)
        self._max_connections = max_connections
        self._max_body_bytes = max_body_bytes
        self._trust = trust
        self._is_private_allowed = is_private_allowed
        self._loop = asyncio.get_running_loop()
        self._open: set[HttpConnection] = set()
        self._count = 0
        self._idle: deque[HttpConnection] = deque()
        self._waiters: deque[asyncio.Future[HttpConnection | None]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def is_busy(self) -> bool:
        """Whether a request is on its way."""
        return self._count > len(self._idle)

    async def request(
        self,
        request: bytes,
        deadline: float,
        *,
        is_urgent: bool = False,
        on_sent: OnSent | None = None,
    ) -> Response:
        """Send `request`, head and body; return its answer before `deadline` of the loop's time.

        What is urgent waits for no place: calls that hold all of them may depend on it. `on_sent`
        gets the answer before it comes, to move its deadline.

        Raises:
            UpstreamError: the server cannot be reached or broke HTTP.
            UpstreamTimeout: no answer in time.
        """
        while True:
            connection = self._pop_idle() or await self._acquire(deadline, is_urgent)
            if connection.is_open:
                return await connection.send(request, deadline, on_sent)

    async def open_stream(self, request: bytes, deadline: float) -> Response:
        """Send `request` over a connection of its own, which lasts as long as the answer does.

        It takes no place from calls, and does not make the pool busy. Only what begins the answer
        has to come before `deadline`. Raises as `request`.
        """
        connection = await self._connect(deadline, self._new_for_stream)
        if self._is_closed:
            connection.abort()
            raise self._removed()
        connection.watch_peer()
        try:
            async with asyncio.timeout_at(deadline):
                return await connection.send(request, float("inf"))
        except TimeoutError:
            raise timed_out(self._server) from None

    def close(self) -> None:
        """Close every connection; what waits or runs fails."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
        for connection in tuple(self._open):
            connection.abort()

    def _pop_idle(self) -> HttpConnection | None:
        while self._idle:
            connection = self._idle.pop()
            idle_s = self._loop.time() - connection.idle_since
            if connection.is_open and idle_s < connection.keep_alive_s:
                return connection
            connection.abort()
        return None

    async def _acquire(self, deadline: float, is_urgent: bool) -> HttpConnection:
        """Open a connection, or wait in turn for one."""
        if self._count >= self._max_connections and not is_urgent:
            connection = await self._wait(deadline)
            if connection is not None:
                return connection
        else:
            self._count += 1
        try:
            return await self._connect(deadline, self._new_connection)
        except BaseException:
            self._hand_on(None)
            raise

    async def _wait(self, deadline: float) -> HttpConnection | None:
        """Wait in turn for a connection, or for the place to open one (None)."""
        waiter: asyncio.Future[HttpConnection | None] = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout_at(deadline):
                return await waiter
        except (TimeoutError, asyncio.CancelledError) as error:
            if waiter.done() and not waiter.cancelled():
                self._hand_on(waiter.result())
            if isinstance(error, TimeoutError):
                raise UpstreamTimeout(
                    f"server {self._server!r} is busy: "
                    f"all {self._max_connections} connections to it are in use",
                    "try again, or raise MCPGW_MAX_CONNECTIONS",
                ) from None
            raise

    async def _connect(self, deadline: float, new: Callable[[], HttpConnection]) -> HttpConnection:
        if self._is_closed:
            raise self._removed()
        try:
            async with asyncio.timeout_at(deadline):
                _, connection = await self._loop.create_connection(
                    new,
                    self._host if self._is_private_allowed else await self._public_address(),
                    self._port,
                    ssl=self._trust() if self._is_tls else None,
                    server_hostname=self._host if self._is_tls else None,
                )
        except (OSError, UnicodeError) as error:  # UnicodeError: a host name beyond IDNA
            raise map_errors(self._server, error) from None
        if not connection.is_open:
            raise map_errors(self._server, ConnectionResetError())
        self._open.add(connection)
        return connection

    async def _public_address(self) -> str:
        """Return an address of the host, which was looked at and is the one connected to."""
        addresses = await public_addresses(self._host, self._port)
        if not addresses:
            raise UpstreamError(
                f"server {self._server!r} is on this machine or on a private network",
                "only the operator can add such a server, at the box",
            )
        return addresses[0]

    def _removed(self) -> UpstreamError:
        return UpstreamError(f"server {self._server!r} was removed or changed", "try again")

    def _new_connection(self) -> HttpConnection:
        return HttpConnection(self._server, self._max_body_bytes, self._on_free, self._on_closed)

    def _new_for_stream(self) -> HttpConnection:
        return HttpConnection(
            self._server, self._max_body_bytes, HttpConnection.abort, self._open.discard
        )

    def _on_free(self, connection: HttpConnection) -> None:
        connection.idle_since = self._loop.time()
        if self._is_closed:
            connection.abort()
        else:
            self._hand_on(connection)

    def _on_closed(self, connection: HttpConnection) -> None:
        if connection in self._open:
            self._open.remove(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._hand_on(None)

    def _hand_on(self, connection: HttpConnection | None) -> None:
        """Give a connection, or the place of one that is gone (None), to who waits longest."""
        if self._count > self._max_connections:  # What was urgent made one too many.
            if connection is None:
                self._count -= 1
            else:
                connection.abort()
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is None:
            self._count -= 1
            return
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(IDLE_S / 3, self._sweep)

    def _sweep(self) -> None:
        """Close connections that were idle too long; the oldest stand first."""
        self._sweeper = None
        limit = self._loop.time() - IDLE_S
        while self._idle and self._idle[0].idle_since <= limit:
            self._idle.popleft().abort()
        if self._idle:
            self._sweeper = self._loop.call_later(IDLE_S / 3, self._sweep)
