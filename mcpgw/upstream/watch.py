"""Watches servers for news: of their lists, and of the resources that somebody wants to know of.

A watch is a task that keeps up what `news.py` holds open: when a connection or a stream is lost it
comes again, ever more slowly, and says then that every list may have changed. Without a watch there
is no task and no connection. Decides nothing about who hears of what.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from msgspec import Raw

from mcpgw.errors import GatewayError, UpstreamError
from mcpgw.model.server import Server
from mcpgw.protocol.exchange import Lane, Notification
from mcpgw.protocol.subscription import list_changed
from mcpgw.upstream import Fill, OnChange, Spawn
from mcpgw.upstream.background import start
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.news import News, open_news

FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 30.0
"""The pause before a lost watch is renewed; it doubles up to the second."""

LOOK_S = 3600.0
"""How often a watch is looked after when nothing happens."""

Connect = Callable[[Server, str, Fill, Lane | None], Awaitable[Connection]]
"""Returns the connection of a server that the clients of a lane share."""

_Key = tuple[str, Lane | None]
"""A server's id, and whose connection to it is watched."""


class Watches:
    """The watches of all servers. Lives in one event loop; `close` ends all it started."""

    def __init__(
        self, spawn: Spawn, connect: Connect, notify: Callable[[str, Notification], None]
    ) -> None:
        self._spawn = spawn
        self._connect = connect
        self._notify = notify
        self._watches: dict[_Key, _Watch] = {}
        self._is_closed = False

    async def watch(
        self,
        server: Server,
        fingerprint: str,
        fill: Fill,
        uris: frozenset[str],
        lane: Lane | None = None,
    ) -> frozenset[str]:
        """Watch one connection to a server from now on, as the port `Upstreams` says.

        Raises:
            UpstreamError: it cannot be watched for now; it is tried again in the background.
            UpstreamTimeout: it did not agree in time; likewise.
            GatewayError: a secret cannot be opened; likewise.
        """
        watch = self._watches.get((server.id, lane))
        if watch is None or watch.fingerprint != fingerprint:
            if watch is not None:
                watch.end()
            watch = self._begin(server, fingerprint, fill, lane)
        return await watch.want(uris)

    def unwatch(self, server_id: str, lane: Lane | None = None) -> None:
        """Want no more news of a server, on the connection of one lane if that is given."""
        for (found, watched), watch in tuple(self._watches.items()):
            if found == server_id and lane in (None, watched):
                watch.want_nothing()

    def end(self, server_id: str, fingerprint: str) -> None:
        """End the watch of that launch of a server at once: its connection is about to end."""
        for watch in self._of(server_id):
            if watch.fingerprint == fingerprint:
                watch.end()

    def keep_only(self, fingerprints: Mapping[str, str]) -> None:
        """End the watches of servers (by id) that are gone, switched off, or launch otherwise."""
        for (server_id, _), watch in tuple(self._watches.items()):
            if fingerprints.get(server_id) != watch.fingerprint:
                watch.end()

    async def close(self) -> None:
        """End every watch."""
        self._is_closed = True
        for watch in tuple(self._watches.values()):
            await watch.close()

    def _of(self, server_id: str) -> list["_Watch"]:
        return [watch for (found, _), watch in self._watches.items() if found == server_id]

    def _begin(self, server: Server, fingerprint: str, fill: Fill, lane: Lane | None) -> "_Watch":
        watch = _Watch(
            server.name,
            fingerprint,
            lambda: self._connect(server, fingerprint, fill, lane),
            lambda notification: self._notify(server.id, notification),
            lambda ended: self._forget((server.id, lane), ended),
        )
        if self._is_closed or not start(self._spawn, watch.run()):
            raise _ended(server.name)
        self._watches[server.id, lane] = watch
        return watch

    def _forget(self, key: _Key, watch: "_Watch") -> None:
        if self._watches.get(key) is watch:
            del self._watches[key]


class _Watch:
    """The watch of one launch of a server: what is wanted, and the task that sees to it."""

    def __init__(
        self,
        server: str,
        fingerprint: str,
        connect: Callable[[], Awaitable[Connection]],
        on_change: OnChange,
        on_end: Callable[["_Watch"], None],
    ) -> None:
        self.fingerprint = fingerprint
        self._server = server
        self._connect = connect
        self._on_change = on_change
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._wanted: frozenset[str] | None = None
        self._waiters: list[asyncio.Future[frozenset[str]]] = []
        self._wake = asyncio.Event()
        self._news: News | None = None
        self._has_gap = False
        self._pause_s = 0.0
        self._task: asyncio.Task[object] | None = None
        self._is_over = False

    async def want(self, uris: frozenset[str]) -> frozenset[str]:
        """Watch `uris` instead of those before; return those that the server agreed to.

        Raises GatewayError when it did not, or not in time.
        """
        self._wanted = uris
        waiter: asyncio.Future[frozenset[str]] = self._loop.create_future()
        self._waiters.append(waiter)
        self._wake.set()
        return uris & await waiter

    def want_nothing(self) -> None:
        """Let the task say goodbye and end, unless somebody wants something until then."""
        self._wanted = None
        self._wake.set()
        self._settle(len(self._waiters), _ended(self._server))

    def end(self) -> None:
        """End at once."""
        self._is_over = True
        self._on_end(self)
        self._settle(len(self._waiters), _ended(self._server))
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """End, and wait until nothing of it is left."""
        self.end()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def run(self) -> None:
        """Keep the watch up as long as it is wanted."""
        self._task = asyncio.current_task()
        try:
            if not self._is_over:
                async with asyncio.TaskGroup() as group:
                    while await self._is_wanted():
                        await self._turn(group)
        finally:
            self._task = None
            self.end()

    async def _is_wanted(self) -> bool:
        """Say whether anything is; else say goodbye, and look again."""
        if self._wanted is None and self._news is not None:
            news, self._news = self._news, None
            news.close()
            await news.leave()
        if self._wanted is None:
            self._on_end(self)
            return False
        return True

    async def _turn(self, group: asyncio.TaskGroup) -> None:
        """See that all that is wanted is held open; then wait for the next change."""
        self._wake.clear()
        asked = len(self._waiters)
        try:
            honoured = await self._establish(group, self._wanted or frozenset())
        except GatewayError as error:
            self._has_gap = True
            self._settle(asked, error)
            await self._rest(None)
            return
        if self._has_gap:
            self._tell_all()
        self._settle(asked, honoured)
        established_at = self._loop.time()
        await self._quiet()
        if self._news is not None and self._news.is_lost:
            if self._loop.time() - established_at >= LAST_PAUSE_S:
                self._pause_s = 0.0
            await self._rest(self._news.pause_s)

    async def _establish(self, group: asyncio.TaskGroup, uris: frozenset[str]) -> frozenset[str]:
        connection = await self._connect()
        news = self._news
        if news is None or news.connection is not connection:
            if news is not None:
                news.close()
                self._has_gap = True
            news = open_news(self._server, connection, group, self._on_change, self._wake.set)
            self._news = news
        honoured = await news.want(uris)
        self._has_gap |= news.has_gap
        news.has_gap = False
        return honoured

    async def _quiet(self) -> None:
        """Wait until a stream ends or something else is wanted, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._wake.wait()

    async def _rest(self, pause_s: float | None) -> None:
        """Wait before the next attempt; whoever wants something meanwhile gets one at once."""
        if pause_s is None:
            self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LAST_PAUSE_S)
            pause_s = self._pause_s
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                while self._wanted is not None and not self._waiters:
                    self._wake.clear()
                    await self._wake.wait()

    def _tell_all(self) -> None:
        self._has_gap = False
        for kind in ("tools", "prompts", "resources"):
            self._on_change(Notification(list_changed(kind), Raw(b"{}")))

    def _settle(self, count: int, outcome: frozenset[str] | GatewayError) -> None:
        """Answer those who waited longest."""
        waiters = self._waiters[:count]
        del self._waiters[:count]
        for waiter in waiters:
            if waiter.done():
                continue
            if isinstance(outcome, GatewayError):
                waiter.set_exception(outcome)
            else:
                waiter.set_result(outcome)


def _ended(server: str) -> UpstreamError:
    return UpstreamError(f"server {server!r} is not watched any more", "try again")
