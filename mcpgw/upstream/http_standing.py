"""Keeps the one GET stream of a legacy session, for its watch and for calls that may be asked.

Many servers refuse a second one. It is opened when somebody wants it, and again when it ends or the
session is made anew, ever more slowly where that fails. A watch wants it as long as it waits, a
call as long as it runs and a while longer, for the next one. Reads nothing itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from mcpgw.errors import GatewayError
from mcpgw.upstream import Spawn
from mcpgw.upstream.background import ended, start

CALL_WAITS_S = 0.5
"""How long a call waits for the stream to begin: a server that wants to ask may not wait itself."""

LINGER_S = 15.0
"""How long it is kept for the next call: as long as connections that are idle."""

FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 30.0
"""The pause before another attempt after one that failed; it doubles up to the second."""

Hold = Callable[[Callable[[], None]], Awaitable[float | None]]
"""Opens the stream, calls back when it has begun and lasts until it ends, as `HttpNews.hear`."""

_Outcome = asyncio.Future[float | None]


class StandingStream:
    """The stream of the present session."""

    def __init__(self, server: str, spawn: Spawn, hold: Hold) -> None:
        self._server = server
        self._spawn = spawn
        self._hold = hold
        self._loop = asyncio.get_running_loop()
        self._followers: dict[_Outcome, Callable[[], None]] = {}
        self._calls = 0
        self._is_kept = False
        self._is_settled = False
        """Whether no call needs to wait for it."""
        self._free_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        self._is_running = False
        self._is_open = False
        self._is_renewed = False
        self._has_begun = asyncio.Event()
        self._wake = asyncio.Event()
        self._pause_s = 0.0
        self._task: asyncio.Task[object] | None = None

    async def follow(self, on_open: Callable[[], None]) -> float | None:
        """Want the stream until it ends, and say how, as `HttpNews.hear` does.

        Raises:
            UpstreamError: it broke off, or there is none for now.
            UpstreamTimeout: it did not begin in time.
            GatewayError: a secret cannot be opened.
        """
        outcome: _Outcome = self._loop.create_future()
        self._followers[outcome] = on_open
        self._wake.set()
        try:
            if not self._start():
                raise ended(self._server)
            if self._is_open:
                on_open()
            return await outcome
        finally:
            self._followers.pop(outcome, None)
            self._end_unless_wanted()

    async def keep(self) -> None:
        """Want the stream for a call, and wait a moment for it to begin. `release` is due."""
        self._calls += 1
        self._is_kept = True
        if self._is_settled:
            return
        if self._start():
            with suppress(TimeoutError):
                async with asyncio.timeout(CALL_WAITS_S):
                    await self._has_begun.wait()
        self._is_settled = True

    def release(self) -> None:
        """Want it no more for that call, even if `keep` was cancelled."""
        self._calls -= 1
        if not self._calls:
            self._free_since = self._loop.time()
            if self._timer is None and not self._is_over:
                self._timer = self._loop.call_later(LINGER_S, self._look)

    def renew(self) -> None:
        """Open another one at once: the session is a new one."""
        self._is_settled = False
        self._is_renewed = True
        self._has_begun.clear()
        self._wake.set()

    def close(self) -> None:
        """End it for good."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._end_unless_wanted()

    @property
    def _is_wanted(self) -> bool:
        return not self._is_over and (self._is_kept or bool(self._followers))

    def _start(self) -> bool:
        if not self._is_running and not self._is_over:
            self._has_begun.clear()
            self._is_running = start(self._spawn, self._run())
        return self._is_running

    def _look(self) -> None:
        """Keep it no longer when no call wanted it for a while."""
        self._timer = None
        rest_s = self._free_since + LINGER_S - self._loop.time()
        if self._calls:
            return
        if rest_s > 0:
            self._timer = self._loop.call_later(rest_s, self._look)
            return
        self._is_kept = self._is_settled = False
        self._end_unless_wanted()

    def _end_unless_wanted(self) -> None:
        if not self._is_wanted and self._task is not None:
            self._is_open = False
            self._has_begun.clear()  # Whoever wants it from here on waits for the next one.
            self._task.cancel()

    async def _run(self) -> None:
        self._task = asyncio.current_task()
        try:
            while self._is_wanted:
                self._is_renewed = False
                pause_s = await self._hold_once()
                if self._is_wanted and not self._is_renewed:
                    await self._rest(pause_s)
        finally:
            self._task = None
            self._is_running = False
            if not self._is_wanted or not self._start():  # Wanted again while it was ending.
                self._settle(ended(self._server))

    async def _hold_once(self) -> float | None:
        """Hold a stream to its end; return the pause before the next one, None for no end of it."""
        self._has_begun.clear()
        begun_at = self._loop.time()
        pause_s: float | None
        try:
            pause_s = await self._hold(self._begin)
        except GatewayError as error:
            if self._loop.time() - begun_at >= LAST_PAUSE_S:
                self._pause_s = 0.0
            pause_s = self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LAST_PAUSE_S)
            self._settle(error)
        else:
            self._pause_s = 0.0
            self._settle(pause_s)
        return pause_s

    def _begin(self) -> None:
        self._is_open = True
        self._has_begun.set()
        for on_open in self._followers.values():
            on_open()

    def _settle(self, outcome: float | GatewayError | None) -> None:
        """Tell those who followed the stream how it ended."""
        self._is_open = False
        if not self._is_renewed:
            self._has_begun.set()
        followers, self._followers = self._followers, {}
        for waiter in followers:
            if waiter.done():
                continue
            if isinstance(outcome, GatewayError):
                waiter.set_exception(outcome)
            else:
                waiter.set_result(outcome)

    async def _rest(self, pause_s: float | None) -> None:
        """Wait before the next attempt; for a new session or who follows now it is made at once."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                while not self._followers and not self._is_renewed:
                    self._wake.clear()
                    await self._wake.wait()
