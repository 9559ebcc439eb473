"""What is under way for each token: ended as soon as the token is not valid any more.

Whoever does something for a token that lasts (a call, a stream, an open connection) enters here and
says how it is ended. While anything is entered, the committed state is looked at ten times a
second: the store's change counter costs microseconds, and tokens are checked only when it moved or
when one of them expires. A new request needs none of this: it is decided by committed state anyway.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mcpgw.errors import GatewayError, Unauthenticated
from mcpgw.gateway.access import Access, Admission
from mcpgw.gateway.current import Current
from mcpgw.gateway.ports import Clock, Spawn, Upstreams
from mcpgw.gateway.throttle import Throttle
from mcpgw.model.configuration import Configuration
from mcpgw.model.token import Principal

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

LOOK_S = 0.1
"""Time between two looks: whoever revokes may count on a quarter of a second."""

BLIND_S = 1.0
"""How long nothing is ended though it cannot be known who is still welcome."""

ENDED = "the token was revoked or has expired"


class Entry:
    """One thing under way. `leave` when it is over by itself."""

    __slots__ = ("_leave", "end", "is_ended", "principal")

    def __init__(
        self, principal: Principal, end: Callable[[], object], leave: Callable[["Entry"], None]
    ) -> None:
        self.principal = principal
        self.end = end
        self.is_ended = False
        """Whether it was ended from here."""
        self._leave = leave

    def leave(self) -> None:
        """Note that it is over."""
        self._leave(self)


class Ongoing:
    """Knows what is under way, and ends what must not go on."""

    def __init__(
        self,
        current: Current,
        access: Access,
        throttle: Throttle,
        upstreams: Upstreams,
        clock: Clock,
        spawn: Spawn,
    ) -> None:
        self._current = current
        self._access = access
        self._throttle = throttle
        self._upstreams = upstreams
        self._clock = clock
        self._spawn = spawn
        self._entries: dict[str, set[Entry]] = {}
        self._is_looking = False
        self._seen_in: Configuration | None = None
        self._seen_by = 0.0
        """Until when (UTC seconds) nobody expires who was seen in that state."""
        self._blind_since: float | None = None

    def enter(self, admission: Admission, end: Callable[[], object]) -> Entry:
        """Note that something goes on for a token, and how it is ended. Keep the entry to leave."""
        token_id = admission.principal.token_id
        entry = Entry(admission.principal, end, self._leave)
        if not admission.principal.is_operator:
            mine = self._entries.get(token_id)
            if mine is None:
                mine = self._entries[token_id] = set()
                self._seen_in = None
            mine.add(entry)
            if not self._is_looking:
                self._is_looking = True
                self._spawn(self._look_out())
        return entry

    async def call(self, admission: Admission, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do one call's work: as often as the token may call, and as long as it is good.

        Raises:
            Limited: the token called too often, or has too much under way.
            Unauthenticated: it ended; what the work made must not leave.
            StorageError: it cannot be known whether it did.
        """
        principal = admission.principal
        await self._throttle.begin(principal)
        try:
            return await self.guard(admission, work)
        finally:
            self._throttle.end(principal)

    async def guard(self, admission: Admission, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do work that is cancelled when the token ends.

        Raises:
            Unauthenticated: it was, or the token ended in the moment that the work did.
            StorageError: it cannot be known whether it did.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (a coroutine always runs in a task)
        entry = self.enter(admission, task.cancel)
        try:
            result = await work()
        except asyncio.CancelledError:
            if not entry.is_ended:
                raise
            task.uncancel()
            raise Unauthenticated(ENDED) from None
        finally:
            entry.leave()
        await self.check(admission)
        return result

    def renewed(self, admission: Admission, configuration: Configuration) -> Admission:
        """Return what the token admits to in that committed state.

        That of one that is not valid any more stays as it is: it is ended by the next look.
        """
        return self._access.renewed(admission.principal, configuration) or admission

    async def check(self, admission: Admission) -> None:
        """Make sure that what was admitted earlier may still go on.

        Raises:
            Unauthenticated: the token was revoked or has expired since.
            StorageError: it cannot be known.
        """
        if admission.principal.is_operator:
            return
        configuration = await self._current.configuration()
        if configuration is admission.configuration:
            is_welcome = not self._access.is_over(admission)
        else:
            is_welcome = self._access.renewed(admission.principal, configuration) is not None
        if not is_welcome:
            raise Unauthenticated(ENDED)

    def _leave(self, entry: Entry) -> None:
        mine = self._entries.get(entry.principal.token_id)
        if mine is not None:
            mine.discard(entry)
            if not mine:
                del self._entries[entry.principal.token_id]

    def _end(self, token_id: str) -> None:
        """End everything of a token."""
        for entry in self._entries.pop(token_id, ()):
            entry.is_ended = True
            entry.end()
        self._upstreams.end_client(token_id)

    async def _look_out(self) -> None:
        """Look as long as anything is under way."""
        try:
            while self._entries:
                await asyncio.sleep(LOOK_S)
                try:
                    await self._look()
                    self._blind_since = None
                except GatewayError as error:
                    self._bear_with(error)
        finally:
            self._is_looking = False

    async def _look(self) -> None:
        """End what must not go on. Raises StorageError when that cannot be known."""
        configuration = await self._current.configuration()
        if configuration is self._seen_in and self._clock.now() < self._seen_by:
            return
        seen_by = math.inf
        for token_id, (entry, *_) in tuple(self._entries.items()):
            admission = self._access.renewed(entry.principal, configuration)
            if admission is None:
                self._end(token_id)
            elif admission.expires_at is not None:
                seen_by = min(seen_by, admission.expires_at)
        self._seen_in, self._seen_by = configuration, seen_by

    def _bear_with(self, error: GatewayError) -> None:
        """Go on for a moment without knowing who is welcome; then nobody is."""
        now = self._clock.monotonic_ns() / 1e9
        if self._blind_since is None:
            self._blind_since = now
            logger.warning("cannot tell which tokens are valid: %s", error.message)
        elif now - self._blind_since > BLIND_S:
            for token_id in tuple(self._entries):
                self._end(token_id)
