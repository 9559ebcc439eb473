"""Watches for what alerts are about, and tells it: once in their time, with names and figures only.

Looks at the journal, never at a server: nothing is started to find out that it is down. That an
alert goes out is noted before it does, so that a crash does not send it twice.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from mcpgw.errors import GatewayError, StorageError, UpstreamError
from mcpgw.gateway.alert import message
from mcpgw.gateway.current import Current
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.ports import AlertLog, Clock, Journal, Reserve
from mcpgw.gateway.webhook import Webhooks
from mcpgw.model.alert import (
    FEWEST_FAILURES,
    Alert,
    Condition,
    Watched,
    is_nearly_full,
    read_condition,
    spoken,
    value_of,
)
from mcpgw.model.audit import RATE_LIMITED, RPC_ERROR, AuditEvent, CallFilter, Outcome
from mcpgw.model.configuration import Configuration
from mcpgw.model.statistics import Dimension, Part, Period, StatsFilter, summed
from mcpgw.model.workspace import Workspace

RETRY_S = 300.0
"""A webhook that did not take an alert is tried again after so long."""

_ANSWERED = (Outcome.OK, Outcome.TOOL_ERROR)
_FAILED = (Outcome.UPSTREAM_ERROR, Outcome.TIMEOUT)


class Finding(NamedTuple):
    """What an alert has found: about whom or what (empty: all that it watches), and what is so."""

    subject: str
    told: str


class Alerting:
    """Looks, and tells."""

    def __init__(
        self,
        current: Current,
        journal: Journal,
        listings: Listings,
        log: AlertLog,
        reserve: Reserve,
        webhooks: Webhooks,
        clock: Clock,
    ) -> None:
        self._current = current
        self._journal = journal
        self._listings = listings
        self._log = log
        self._reserve = reserve
        self._webhooks = webhooks
        self._clock = clock
        self._sent: dict[tuple[str, str], float] = {}
        self._is_sent_read = False
        self._retry_at: dict[tuple[str, str], float] = {}

    async def look(self) -> None:
        """Look at what every alert watches, and tell what is to be told.

        Raises:
            GatewayError: some alert could not be looked at or told; the others were.
        """
        configuration = await self._current.configuration()
        failure: GatewayError | None = None
        for workspace in configuration.workspaces.values():
            for alert in configuration.alerts.get(workspace.id, ()):
                try:
                    await self._look(configuration, workspace, alert)
                except GatewayError as error:
                    failure = error
        if failure is not None:
            raise failure

    async def _look(self, configuration: Configuration, workspace: Workspace, alert: Alert) -> None:
        condition = read_condition(alert.when)
        async for finding in self._findings(configuration, workspace, condition):
            await self._tell(configuration, workspace, alert, finding)

    async def _findings(
        self, configuration: Configuration, workspace: Workspace, condition: Condition
    ) -> AsyncIterator[Finding]:
        match condition.watched:
            case Watched.TOKEN_EXPIRING:
                now = self._clock.now()
                for token in configuration.tokens_of(workspace.id):
                    is_meant = condition.member in ("", token.member)
                    if is_meant and token.is_expiring(now):
                        yield Finding(f"{token.id} of {token.member}", "it ends within a week")
            case Watched.DISK_NEARLY_FULL:
                free_bytes, all_bytes = await self._reserve.room()
                if is_nearly_full(free_bytes, all_bytes):
                    yield Finding("", f"{free_bytes >> 20} MiB are free")
            case Watched.SERVER_DOWN:
                async for finding in self._down(configuration, workspace, condition):
                    yield finding
            case Watched.LIMIT_HIT:
                async for finding in self._limited(workspace, condition):
                    yield finding
            case _:
                parts = await self._sums(workspace, condition, Dimension.STATUS)
                for finding in _measured(condition, self._period(condition), parts):
                    yield finding

    async def _down(
        self, configuration: Configuration, workspace: Workspace, condition: Condition
    ) -> AsyncIterator[Finding]:
        """Find the servers that cannot be listed, or do not answer the calls that are made now."""
        failing = self._listings.failing(condition.window_s)
        for server in configuration.servers.get(workspace.id, ()):
            if condition.server not in ("", server.name) or not server.is_enabled:
                continue
            wanted = CallFilter(
                workspace_id=workspace.id,
                server=server.name,
                outcomes=(*_ANSWERED, *_FAILED),
                since=self._period(condition).since,
                newest=FEWEST_FAILURES,
            )
            newest = [event for _, event in await self._journal.find(wanted)]
            if any(map(_is_answered, newest)):
                continue
            if server.id in failing:
                yield Finding(f"server {server.name}", "it cannot be listed")
            elif len(newest) == FEWEST_FAILURES:
                told = f"the last {len(newest)} calls did not get through to it"
                yield Finding(f"server {server.name}", told)

    async def _limited(self, workspace: Workspace, condition: Condition) -> AsyncIterator[Finding]:
        by_server = await self._sums(workspace, condition, Dimension.SERVER)
        for server, number in _counted(by_server, lambda part: part.rate_limited):
            yield Finding(f"server {server}", f"{number} calls were over its limit")
        by_member = await self._sums(workspace, condition, Dimension.MEMBER)
        own = _counted(by_member, lambda part: part.calls if part.outcome is Outcome.LIMITED else 0)
        for member, number in own:
            yield Finding(f"member {member}", f"{number} calls were over a limit of mcpgw")

    def _period(self, condition: Condition) -> Period:
        now = self._clock.now()
        return Period(now - condition.window_s, now)

    async def _sums(self, workspace: Workspace, condition: Condition, by: Dimension) -> list[Part]:
        wanted = StatsFilter(
            workspace_id=workspace.id,
            period=self._period(condition),
            target=condition.tool,
            server=condition.server,
            member=condition.member,
            client=condition.client,
        )
        return list(await self._journal.sums(wanted, by))

    async def _tell(
        self, configuration: Configuration, workspace: Workspace, alert: Alert, finding: Finding
    ) -> None:
        """Send what was found, unless that was done a short while ago."""
        now, key = self._clock.now(), (alert.id, finding.subject)
        await self._read_sent()
        last = self._sent.get(key)
        if last is not None and 0 <= now - last < alert.every_s:
            return
        if now < self._retry_at.get(key, now):
            return
        self._sent[key] = now
        # A full disk may be what it has to tell: then only this process knows that it did.
        with suppress(StorageError):
            await self._log.mark(*key, now)
        body = message(alert, workspace.slug, finding.subject, finding.told, now)
        try:
            await self._webhooks.send(configuration, alert, body)
        except GatewayError as error:
            await self._take_back(key, now)
            raise UpstreamError(f"{alert.id}: {error.message}", error.hint) from None
        self._retry_at.pop(key, None)

    async def _take_back(self, key: tuple[str, str], now: float) -> None:
        """Take an alert as not sent, and try again after a while."""
        del self._sent[key]
        self._retry_at[key] = now + RETRY_S
        with suppress(StorageError):
            await self._log.take_back(*key)

    async def _read_sent(self) -> None:
        """Look once what was sent before this process."""
        if self._is_sent_read:
            return
        try:
            before = await self._log.sent()
        except StorageError:
            return  # it is read with the next alert
        self._sent = {**before, **self._sent}
        self._is_sent_read = True


def _is_answered(event: AuditEvent) -> bool:
    """Say whether a server answered a call, if only by an error."""
    return event.outcome in _ANSWERED or event.error_class in (RPC_ERROR, RATE_LIMITED)


def _measured(condition: Condition, period: Period, parts: list[Part]) -> Iterator[Finding]:
    _, figures = summed(parts, period, lambda part: part.name)
    value = value_of(condition.watched, figures)
    if value is not None and condition.is_met(value):
        yield Finding("", spoken(condition.watched, value, figures))


def _counted(parts: list[Part], count: Callable[[Part], int]) -> Iterator[tuple[str, int]]:
    """Return the sums by name, where they are not zero."""
    totals: dict[str, int] = {}
    for part in parts:
        totals[part.name] = totals.get(part.name, 0) + count(part)
    return ((name, number) for name, number in totals.items() if name and number)
