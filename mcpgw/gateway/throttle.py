"""How much a token may do: calls in a span of time, and calls at the same time.

A rate is a bucket that fills evenly and holds a whole span's calls; an empty one refuses, after a
moment that slows who floods us. A call too many at the same time waits in turn for a while. What is
remembered of a token is forgotten when it says nothing any more: the bucket is full again, nothing
runs.
"""

import asyncio
from collections import deque
from contextlib import suppress

from mcpgw.errors import Limited
from mcpgw.gateway.ports import Clock
from mcpgw.model.bounds import Rate
from mcpgw.model.token import Principal

MAX_CONCURRENCY = 256
"""Calls that a token may have under way which says nothing of it itself."""

PENALTY_S = 1.0
"""How long the refusal of a call takes, half as much more or less: a connection is good for one of
them a second, and those of many connections do not come at once."""

SPREAD = 0.618
"""Successive steps of the golden ratio, taken round a circle, stay far from each other."""

QUEUE_S = 5.0
"""How long a call waits for others of its token to end."""

MAX_QUEUED = 256
"""Calls of one token that wait."""

SWEEP_AT = 1024
"""So many tokens are remembered before those are forgotten of whom there is nothing to say."""


class _Use:
    """What is known of one token's use. `allowance` is in calls, `counted_at` in seconds."""

    __slots__ = ("allowance", "counted_at", "rate", "running", "waiting")

    def __init__(self) -> None:
        self.rate: Rate | None = None
        self.allowance = 0.0
        self.counted_at = 0.0
        self.running = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    def fill(self, rate: Rate, now_s: float) -> None:
        """Add what has come in since the last count; a rate that is new begins full."""
        if rate != self.rate:
            self.rate, self.allowance = rate, float(rate.calls)
        else:
            come_in = (now_s - self.counted_at) * rate.calls / rate.span_s
            self.allowance = min(float(rate.calls), self.allowance + come_in)
        self.counted_at = now_s

    def is_forgettable(self, now_s: float) -> bool:
        """Say whether forgetting it changes nothing."""
        if self.rate is not None:
            self.fill(self.rate, now_s)
        is_full = self.rate is None or self.allowance >= self.rate.calls
        return is_full and not self.running and not self.waiting


class Throttle:
    """Counts what tokens do, and refuses what is too much."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._uses: dict[str, _Use] = {}
        self._turn = 0.0

    async def begin(self, principal: Principal) -> None:
        """Let one call run; whoever begins one ends it.

        Raises:
            Limited: the token called too often, or has too much under way.
        """
        if principal.is_operator:
            return
        use = self._uses.get(principal.token_id) or self._remember(principal.token_id)
        bounds = principal.bounds
        if bounds.rate is not None:
            await self._take(use, bounds.rate)
        concurrency = bounds.concurrency or MAX_CONCURRENCY
        if use.running < concurrency:
            use.running += 1
        else:
            await self._wait(use, concurrency)

    def end(self, principal: Principal) -> None:
        """Note that a call that was begun is over: its place goes to who waits longest."""
        use = self._uses.get(principal.token_id)
        if use is not None:
            self._finish(use)

    def wait_s(self, principal: Principal) -> float:
        """Return the seconds until the token may call again; 0.0 when it may now."""
        use, rate = self._uses.get(principal.token_id), principal.bounds.rate
        if use is None or rate is None:
            return 0.0
        use.fill(rate, self._now_s())
        return max(0.0, (1.0 - use.allowance) * rate.span_s / rate.calls)

    def _remember(self, token_id: str) -> _Use:
        if len(self._uses) >= SWEEP_AT:
            now_s = self._now_s()
            self._uses = {i: u for i, u in self._uses.items() if not u.is_forgettable(now_s)}
        use = self._uses[token_id] = _Use()
        return use

    async def _take(self, use: _Use, rate: Rate) -> None:
        use.fill(rate, self._now_s())
        if use.allowance < 1.0:
            retry_after_s = (1.0 - use.allowance) * rate.span_s / rate.calls
            self._turn = (self._turn + SPREAD) % 1.0
            await asyncio.sleep(PENALTY_S * (0.5 + self._turn))
            raise Limited(f"this token may make {rate} calls", "try again later", retry_after_s)
        use.allowance -= 1.0

    async def _wait(self, use: _Use, concurrency: int) -> None:
        """Wait in turn for a place."""
        if len(use.waiting) >= MAX_QUEUED:
            raise _too_many(concurrency)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        use.waiting.append(place)
        try:
            async with asyncio.timeout(QUEUE_S):
                await place
        except (TimeoutError, asyncio.CancelledError) as error:
            if place.done() and not place.cancelled():
                self._finish(use)  # it came in the very moment: hand it on
            else:
                with suppress(ValueError):  # passed over already
                    use.waiting.remove(place)
            if isinstance(error, TimeoutError):
                raise _too_many(concurrency) from None
            raise

    def _finish(self, use: _Use) -> None:
        """Give a place to who waits longest, or free it."""
        while use.waiting:
            place = use.waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        use.running -= 1

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9


def _too_many(concurrency: int) -> Limited:
    return Limited(f"this token has {concurrency} calls under way", "wait for one to end")
