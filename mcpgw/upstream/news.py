"""What is held open at one connection, so that the news of its server arrive.

At a modern server one `subscriptions/listen`, replaced when the wishes change; at a legacy one the
standing stream of its transport, and a `resources/subscribe` for each URI. Every stream runs as a
task of the watch that wants it; who keeps it up when it ends, is the watch.
Source: MCP 2026-07-28, basic/patterns (subscriptions); 2025-11-25, server/resources.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from msgspec import Raw, Struct, json

from mcpgw.errors import GatewayError, UpstreamError
from mcpgw.protocol.era import META_CLIENT_CAPABILITIES, META_CLIENT_INFO, META_VERSION, Era
from mcpgw.protocol.exchange import Notification, Outgoing, Reply
from mcpgw.protocol.jsonrpc import METHOD_NOT_FOUND
from mcpgw.protocol.subscription import ACKNOWLEDGED
from mcpgw.upstream import OnChange
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.failure import timed_out
from mcpgw.upstream.frame import CHANGES, Frame
from mcpgw.upstream.handshake import CLIENT

AGREE_S = 5.0
"""How long a server may take to agree to a wish."""

OPEN_S = 0.5
"""How long a standing stream is waited for: its server may say nothing until it has news."""

DEAF_S = 3600.0
"""After this a server that knows no subscriptions is asked again."""

MAX_SUBSCRIBING = 4
"""Requests for resources at the same time: calls shall not wait for them."""


class News(Protocol):
    """What is held open at one connection."""

    connection: Connection
    has_gap: bool
    """Whether something may have been missed. Who takes care of it sets it back."""

    @property
    def is_lost(self) -> bool:
        """Whether it has ended and has to be wanted anew."""

    @property
    def pause_s(self) -> float | None:
        """How long the server wants us to wait before that, None when it did not say."""

    async def want(self, uris: frozenset[str]) -> frozenset[str]:
        """Hold open what brings the news of the lists and of `uris`; return those agreed to.

        Raises GatewayError. What was held before is still held then, unless it was lost.
        """

    def close(self) -> None:
        """End every stream."""

    async def leave(self) -> None:
        """Tell the server, after `close`, that nothing is wanted any more."""


def open_news(
    server: str,
    connection: Connection,
    group: asyncio.TaskGroup,
    on_change: OnChange,
    on_end: Callable[[], None],
) -> News:
    """Return what suits the connection's era, with nothing held open yet.

    Args:
        server: its name.
        connection: where the news come from.
        group: runs the streams.
        on_change: takes the news of streams that this module reads.
        on_end: is called when a stream ends.
    """
    if connection.era is Era.MODERN:
        return ModernNews(server, connection, group, on_change, on_end)
    return LegacyNews(connection, group, on_end)


class _Stream:
    """A task that holds something open until it ends by itself, and keeps what ended it."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        hold: Callable[[Callable[[], None]], Awaitable[None]],
        on_end: Callable[[], None],
    ) -> None:
        self.is_over = False
        self.error: GatewayError | None = None
        self._has_begun = asyncio.Event()
        self._on_end = on_end
        self._task = group.create_task(self._run(hold))

    async def begins_within(self, seconds: float) -> bool:
        """Wait until it has begun, or is over; False when it takes longer."""
        try:
            async with asyncio.timeout(seconds):
                await self._has_begun.wait()
        except TimeoutError:
            return False
        return True

    def cancel(self) -> None:
        """End it."""
        self._task.cancel()

    async def _run(self, hold: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
        try:
            await hold(self._has_begun.set)
        except GatewayError as error:
            self.error = error
        finally:
            self.is_over = True
            self._has_begun.set()
            self._on_end()


class _Listening:
    """One `subscriptions/listen`."""

    def __init__(self, connection: Connection, uris: frozenset[str], on_change: OnChange) -> None:
        self.uris = uris
        self.honoured: frozenset[str] = frozenset()
        self.is_acknowledged = False
        self.reply: Reply | None = None
        self._connection = connection
        self._on_change = on_change

    async def hold(self, begin: Callable[[], None]) -> None:
        """Send the request and take what comes, until its reply."""

        def take(notification: Notification) -> None:
            if notification.method == ACKNOWLEDGED and not self.is_acknowledged:
                self.is_acknowledged = True
                self.honoured = self.uris & _acknowledged_uris(notification.params)
                begin()
            elif notification.method in CHANGES:
                self._on_change(notification)

        params = _listen_params(self._connection.version, self.uris)
        request_id = self._connection.next_id()
        message = Outgoing(request_id, "subscriptions/listen", params, timeout_s=AGREE_S)
        self.reply = await self._connection.listen(message, take)

    @property
    def error_code(self) -> int | None:
        """The code of the error that the server answered with."""
        error = self.reply.error if self.reply is not None else None
        return None if error is None else Frame(error=error).error_code()


class ModernNews:
    """The subscription at a modern server."""

    def __init__(
        self,
        server: str,
        connection: Connection,
        group: asyncio.TaskGroup,
        on_change: OnChange,
        on_end: Callable[[], None],
    ) -> None:
        self.connection = connection
        self.has_gap = False
        self.pause_s = None
        self._server = server
        self._group = group
        self._on_change = on_change
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._stream: _Stream | None = None
        self._uris: frozenset[str] = frozenset()
        self._honoured: frozenset[str] = frozenset()
        self._deaf_until = 0.0

    @property
    def is_lost(self) -> bool:
        """Whether the subscription has ended."""
        return self._stream is not None and self._stream.is_over

    async def want(self, uris: frozenset[str]) -> frozenset[str]:
        """Hold a subscription for `uris`; see `News`."""
        if self._stream is None or self._stream.is_over:
            self.has_gap |= self._stream is not None
            await self._begin(uris)
        elif self._deaf_until:
            if self._loop.time() > self._deaf_until:
                await self._begin(uris)
        elif uris != self._uris:
            await self._listen(uris)
        return self._honoured

    def close(self) -> None:
        """End the subscription."""
        if self._stream is not None:
            self._stream.cancel()

    async def leave(self) -> None:
        """Do nothing: the end of the subscription was all."""

    async def _begin(self, uris: frozenset[str]) -> None:
        """Listen where nothing is held; if need be without the URIs that may be to blame."""
        try:
            await self._listen(uris)
        except _Refused:
            if not uris:
                raise
            await self._listen(frozenset())
            self._uris = uris

    async def _listen(self, uris: frozenset[str]) -> None:
        """Open a subscription, and end the one before once the server has agreed."""
        listening = _Listening(self.connection, uris, self._on_change)
        stream = _Stream(self._group, listening.hold, self._on_end)
        deaf_until = 0.0
        try:
            if not await stream.begins_within(AGREE_S):
                raise timed_out(self._server)
            if not listening.is_acknowledged:
                if listening.error_code != METHOD_NOT_FOUND:
                    raise stream.error or self._refused(listening.error_code)
                deaf_until = self._loop.time() + DEAF_S
                stream = _Stream(self._group, self._wait_for_end, self._on_end)
        except BaseException:
            stream.cancel()
            raise
        if self._stream is not None:
            self._stream.cancel()
        self._stream, self._deaf_until = stream, deaf_until
        self._uris, self._honoured = uris, listening.honoured

    async def _wait_for_end(self, begin: Callable[[], None]) -> None:
        await self.connection.hear(begin)

    def _refused(self, code: int | None) -> UpstreamError:
        if code is None:
            return UpstreamError(
                f"server {self._server!r} ended a subscription at once", "it is tried again"
            )
        return _Refused(
            f"server {self._server!r} refused a subscription (JSON-RPC error {code})",
            "it is tried again",
        )


class _Refused(UpstreamError):
    """The server answered a subscription with an error."""


class LegacyNews:
    """The standing stream of a legacy session, and its subscriptions to resources."""

    def __init__(
        self, connection: Connection, group: asyncio.TaskGroup, on_end: Callable[[], None]
    ) -> None:
        self.connection = connection
        self.has_gap = False
        self.pause_s: float | None = None
        self._group = group
        self._on_end = on_end
        self._stream: _Stream | None = None
        self._session: bytes | None = None
        self._subscribed: set[str] = set()
        self._can_subscribe = _offers_subscriptions(connection)

    @property
    def is_lost(self) -> bool:
        """Whether the stream has ended."""
        return self._stream is not None and self._stream.is_over

    async def want(self, uris: frozenset[str]) -> frozenset[str]:
        """Hold the stream and a subscription to each of `uris`; see `News`."""
        if self._stream is None or self._stream.is_over:
            await self._open()
        if self._session != self.connection.session:
            self.has_gap |= self._session is not None
            self._session = self.connection.session
            self._subscribed.clear()
        if self._can_subscribe:
            await self._each(self._subscribed - uris, self._unsubscribe)
            await self._each(uris - self._subscribed, self._subscribe)
        return uris & self._subscribed

    def close(self) -> None:
        """End the stream."""
        if self._stream is not None:
            self._stream.cancel()

    async def leave(self) -> None:
        """Unsubscribe from everything."""
        if self.connection.is_alive:
            await self._each(self._subscribed, self._unsubscribe)

    async def _open(self) -> None:
        self._stream = _Stream(self._group, self._hold, self._on_end)
        await self._stream.begins_within(OPEN_S)
        if self._stream.error is not None:
            raise self._stream.error

    async def _hold(self, begin: Callable[[], None]) -> None:
        self.pause_s = None  # Should it fail, that is for the watch to say.
        try:
            self.pause_s = await self.connection.hear(begin)
        except GatewayError:
            self.has_gap = True
            raise

    async def _each(self, uris: Collection[str], do: Callable[[str], Awaitable[bool]]) -> None:
        """Do something for each URI, a few at a time, until the server no longer answers."""
        waiting = list(uris)

        async def work() -> None:
            while waiting:
                if not await do(waiting.pop()):
                    waiting.clear()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(MAX_SUBSCRIBING, len(waiting))):
                group.create_task(work())

    async def _subscribe(self, uri: str) -> bool:
        reply = await self._request("resources/subscribe", uri)
        if reply is not None and reply.error is None:
            self._subscribed.add(uri)
        return reply is not None

    async def _unsubscribe(self, uri: str) -> bool:
        self._subscribed.discard(uri)
        return await self._request("resources/unsubscribe", uri) is not None

    async def _request(self, method: str, uri: str) -> Reply | None:
        params = json.encode({"uri": uri})
        message = Outgoing(self.connection.next_id(), method, params, timeout_s=AGREE_S)
        try:
            return await self.connection.exchange(message)
        except GatewayError:
            return None  # Not watched, then; whether the connection is lost shows by its stream.


class _Honoured(Struct, rename="camel"):
    resource_subscriptions: list[str] = []


class _Acknowledged(Struct):
    notifications: _Honoured


class _Resources(Struct):
    subscribe: bool = False


_acknowledged_decoder = json.Decoder(_Acknowledged)
_resources_decoder = json.Decoder(_Resources)


def _listen_params(version: str, uris: frozenset[str]) -> bytes:
    wanted: dict[str, object] = {
        "toolsListChanged": True,
        "promptsListChanged": True,
        "resourcesListChanged": True,
    }
    if uris:
        wanted["resourceSubscriptions"] = sorted(uris)
    meta = {META_VERSION: version, META_CLIENT_INFO: CLIENT, META_CLIENT_CAPABILITIES: {}}
    return json.encode({"notifications": wanted, "_meta": meta})


def _acknowledged_uris(params: Raw) -> frozenset[str]:
    try:
        found = _acknowledged_decoder.decode(params)
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(found.notifications.resource_subscriptions)


def _offers_subscriptions(connection: Connection) -> bool:
    try:
        return _resources_decoder.decode(connection.capabilities["resources"]).subscribe
    except (KeyError, ValueError, RecursionError):
        return False
