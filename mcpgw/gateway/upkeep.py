"""What the serving process does beside calls: mends the journal, anchors it, adds it up, alerts.

Each chore has its own rhythm; one that fails is told once, and tried again. Never stands in the way
of a call.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from mcpgw.errors import GatewayError
from mcpgw.gateway.alerting import Alerting
from mcpgw.gateway.anchoring import Anchoring
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock, Journal, Reserve, Spawn
from mcpgw.gateway.recording import Recording
from mcpgw.model.policy import Action
from mcpgw.model.token import Principal

logger = logging.getLogger(__name__)

MEND_S = 1.0
"""Service returns this soon after the disk does, and a little for the try itself."""

ANCHOR_S = 60.0
SIGN_S = 5.0
TALLY_S = 60.0
ALERT_S = 30.0
DAILY_S = 86400.0

TALLIES_KEPT_S = 400 * 86400.0
"""A year can be compared with itself a month later."""


class _Chore(NamedTuple):
    name: str
    every_s: float
    work: Callable[[], Awaitable[None]]


class Upkeep:
    """Looks after the journal while it is being served."""

    def __init__(
        self,
        recording: Recording,
        journal: Journal,
        anchoring: Anchoring,
        reserve: Reserve,
        alerting: Alerting,
        clock: Clock,
        spawn: Spawn,
    ) -> None:
        self._recording = recording
        self._journal = journal
        self._anchoring = anchoring
        self._reserve = reserve
        self._clock = clock
        self._spawn = spawn
        self._failing: dict[str, str] = {}
        """What is wrong with chores, by name: told when it changes."""
        self._is_mended = True
        self._chores = (
            _Chore("journal", MEND_S, self._mend),
            _Chore("anchor", ANCHOR_S, anchoring.note),
            _Chore("acts", SIGN_S, anchoring.sign_rest),
            _Chore("tally", TALLY_S, self._tally),
            _Chore("reserve", TALLY_S, self._reserve.fill),
            _Chore("tallies", DAILY_S, self._forget),
            _Chore("alerts", ALERT_S, alerting.look),
        )

    @property
    def problem(self) -> str:
        """Why calls are refused at present, empty when they are not."""
        problem = self._recording.problem
        return "" if problem is None else problem.message

    async def begin(self, principal: Principal) -> None:
        """Close what a crash left open, and do every chore from now on.

        A disk that is full keeps nobody from serving: it is tried again.
        """
        require(principal, Action.OPERATE, None)
        self._is_mended = False
        first, *others = self._chores
        await self._do(first)
        self._spawn(self._repeat(first, is_done=True))
        for chore in others:
            self._spawn(self._repeat(chore))

    async def end(self, principal: Principal) -> None:
        """Anchor the last rows, which may not be committed yet."""
        require(principal, Action.OPERATE, None)
        await self._do(_Chore("anchor", 0.0, self._anchoring.note))

    async def _repeat(self, chore: _Chore, *, is_done: bool = False) -> None:
        while True:
            if not is_done:
                await self._do(chore)
            is_done = False
            await asyncio.sleep(chore.every_s)

    async def _do(self, chore: _Chore) -> None:
        try:
            await chore.work()
        except GatewayError as error:
            if self._failing.get(chore.name) != error.message:
                logger.error("%s: %s", chore.name, error.message)
            self._failing[chore.name] = error.message
            return
        if self._failing.pop(chore.name, None) is not None:
            logger.warning("%s: works again", chore.name)

    async def _mend(self) -> None:
        """Make sure that calls can be recorded, and record what is missing."""
        if not self._is_mended:
            crashed = await self._recording.close_crashed()
            self._is_mended = True
            if crashed:
                logger.warning("%d calls were under way when the gateway died", crashed)
        await self._recording.mend()

    async def _tally(self) -> None:
        while await self._journal.tally():
            pass

    async def _forget(self) -> None:
        await self._journal.forget_tallies(self._clock.now() - TALLIES_KEPT_S)
