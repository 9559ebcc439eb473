"""Who fails to authenticate too often: an address has so many attempts a minute.

A valid token is never asked about here: it passes, whatever others at its address do.
"""

import logging
import time
from collections.abc import Callable

from mcpgw.errors import Limited, Unauthenticated
from mcpgw.web.peer import neighbourhood
from mcpgw.web.sampling import Sampled

SPAN_S = 60.0

MAX_ADDRESSES = 4096
"""Addresses that are remembered; whoever has more of them is told 401 for longer, and no more."""

logger = logging.getLogger(__name__)


class Failures:
    """Counts failed attempts, `limit` of which are one address's in a minute."""

    def __init__(self, limit: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._counts: dict[str, tuple[int, float]] = {}
        """By address: how many since its first, and when it begins anew."""
        self._log = Sampled(logger, monotonic=monotonic)

    def judge(self, error: Unauthenticated, address: str) -> Unauthenticated | Limited:
        """Count a failed attempt, and return what to say to it."""
        now = self._monotonic()
        place = neighbourhood(address)
        count, ends_at = self._counts.pop(place, (0, 0.0))
        if now >= ends_at:
            count, ends_at = 0, now + SPAN_S
        if count < self._limit:
            if len(self._counts) >= MAX_ADDRESSES:
                del self._counts[next(iter(self._counts))]
            self._counts[place] = count + 1, ends_at
            return error
        self._counts[place] = count, ends_at
        self._log.say("%s failed to authenticate %d times within a minute", address, count)
        return Limited(
            "too many attempts to authenticate failed",
            "check the token; a valid one is served at once",
            ends_at - now,
        )
