"""Everybody who is connected: how many there may be, in all and of one address.

When there is no room for another, a connection makes it that has no request in work: the oldest
that was never used with a valid token (half open, say), else the oldest that is idle. Only where
all work is the new one refused. Loopback addresses are not counted: proxies and local clients share
them. A trusted proxy is not either; the clients it speaks for are, by their requests.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from mcpgw.web.peer import Peer, is_loopback, neighbourhood
from mcpgw.web.refusal import Refused
from mcpgw.web.sampling import Sampled

LOOK_EVERY_S = 0.1
"""Time between two looks for connections that can make room, when the last found none left."""

logger = logging.getLogger(__name__)


class Connected(Protocol):
    """A connection, as far as it can make room."""

    @property
    def is_idle(self) -> bool:
        """Whether it has no request in work."""

    @property
    def is_known(self) -> bool:
        """Whether it was ever used with a valid token."""

    def give_way(self) -> None:
        """Close it."""


class Clients:
    """Knows who is connected, oldest first."""

    def __init__(
        self, most: int, most_of_one: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._monotonic = monotonic
        self._places: dict[Connected, str] = {}
        """By connection, oldest first: what it is counted by, empty for what is not counted."""
        self._of_one: dict[str, dict[Connected, None]] = {}
        self._requests: Counter[str] = Counter()
        """Of clients behind trusted proxies, by address."""
        self._spare: deque[Connected] = deque()
        self._looks_at = -LOOK_EVERY_S
        self._log = Sampled(logger, monotonic=monotonic)

    def __len__(self) -> int:
        return len(self._places)

    def enter(self, connection: Connected, peer: Peer) -> bool:
        """Take a new connection in, and say whether there was room or some was made."""
        counted_by = ""
        if not peer.is_proxy and peer.address and not is_loopback(peer.address):
            counted_by = neighbourhood(peer.address)
            mine = self._of_one.get(counted_by, {})
            if len(mine) >= self._most_of_one and not self._close_one(mine):
                self._log.say("%s has %d connections at work: no more", counted_by, len(mine))
                return False
        if len(self._places) >= self._most and not self.make_room():
            self._log.say("all %d connections are at work: no more are taken in", self._most)
            return False
        self._places[connection] = counted_by
        if counted_by:
            self._of_one.setdefault(counted_by, {})[connection] = None
        return True

    def leave(self, connection: Connected) -> None:
        """Note that a connection is over; again is no harm."""
        counted_by = self._places.pop(connection, "")
        if counted_by:
            mine = self._of_one[counted_by]
            del mine[connection]
            if not mine:
                del self._of_one[counted_by]

    def make_room(self) -> bool:
        """Close the oldest connection that has no request in work; say whether there was one."""
        now = self._monotonic()
        if not self._spare and now >= self._looks_at:
            self._looks_at = now + LOOK_EVERY_S
            idle = (one for one in self._places if one.is_idle)
            self._spare.extend(sorted(idle, key=_is_known))
        while self._spare:
            if self._close_one((self._spare.popleft(),)):
                return True
        return False

    @contextmanager
    def requesting(self, address: str) -> Iterator[None]:
        """Count a request of a client behind a trusted proxy for the block.

        Raises:
            Refused: it has too many already.
        """
        counted_by = neighbourhood(address)
        if self._requests[counted_by] >= self._most_of_one:
            self._log.say("%s has %d requests at work: no more", counted_by, self._most_of_one)
            raise no_room()
        self._requests[counted_by] += 1
        try:
            yield
        finally:
            self._requests[counted_by] -= 1
            if not self._requests[counted_by]:
                del self._requests[counted_by]

    def _close_one(self, connections: Iterable[Connected]) -> bool:
        """Close the first of those that can be done without, if any can."""
        idle = [one for one in connections if one in self._places and one.is_idle]
        if not idle:
            return False
        connection = min(idle, key=_is_known)
        self.leave(connection)
        connection.give_way()
        return True


def _is_known(connection: Connected) -> bool:
    return connection.is_known


def no_room() -> Refused:
    """Return what is said to who finds no room."""
    return Refused(503, "too many connections", "try again in a moment")
