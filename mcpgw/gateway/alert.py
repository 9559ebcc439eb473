"""Alerts: what is watched for, and where it is told.

They are made at the box: a webhook may be at any place that the gateway can reach.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from mcpgw.errors import InvalidInput, UpstreamError
from mcpgw.gateway.current import Current
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import AlertLog, AlertStore, Clock
from mcpgw.gateway.webhook import Webhooks
from mcpgw.model.act import ActKind, done_by
from mcpgw.model.alert import MAX_EVERY_S, MIN_EVERY_S, Alert, read_condition
from mcpgw.model.policy import Action
from mcpgw.model.secret import Secret
from mcpgw.model.token import Principal


@dataclass(frozen=True, slots=True)
class AlertSeen:
    """An alert, and when it was sent last, None when it never was."""

    alert: Alert
    sent_at: float | None


class Alerts:
    """What can be done with alerts."""

    def __init__(
        self,
        current: Current,
        store: AlertStore,
        log: AlertLog,
        webhooks: Webhooks,
        clock: Clock,
    ) -> None:
        self._current = current
        self._store = store
        self._log = log
        self._webhooks = webhooks
        self._clock = clock

    async def add(
        self, principal: Principal, slug: str, when: str, url: Secret, every_s: float
    ) -> Alert:
        """Watch for `when`, and post to `url` when it is so, once in `every_s` at most.

        Raises:
            InvalidInput: the condition, the URL or the time is unusable.
            NotFound: there is no such workspace, or no server of that name in it.
            VaultLocked: the master key is missing or wrong.
        """
        condition = read_condition(when)
        if not MIN_EVERY_S <= every_s <= MAX_EVERY_S:
            raise InvalidInput("an alert is sent once in 1m to 30d", "as in --every 1h")
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.OPERATE, workspace.id)
        if condition.server:
            configuration.server(workspace.id, condition.server)
        alert = Alert(
            id=f"alert_{uuid.uuid4().hex[:12]}",
            workspace_id=workspace.id,
            when=str(condition),
            every_s=every_s,
            host="",
            datakey_id="",
            blob=b"",
            created_at=self._clock.now(),
        )
        alert = self._webhooks.seal(configuration, url, alert)
        act = done_by(
            principal, alert.created_at, ActKind.ALERT_ADD, workspace.id, alert.id, alert.when
        )
        await self._store.add(alert, act)
        return alert

    async def list(self, principal: Principal, slug: str) -> Sequence[AlertSeen]:
        """Return the alerts of a workspace, oldest first.

        Raises:
            NotFound: there is no such workspace.
            StorageError: the journal cannot be used.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.READ_CONFIGURATION, workspace.id)
        last: dict[str, float] = {}
        for (alert_id, _), moment in (await self._log.sent()).items():
            last[alert_id] = max(moment, last.get(alert_id, 0.0))
        alerts = configuration.alerts.get(workspace.id, ())
        return [AlertSeen(alert, last.get(alert.id)) for alert in alerts]

    async def remove(self, principal: Principal, slug: str, alert_id: str) -> Alert:
        """Watch no more.

        Raises:
            NotFound: there is no such workspace or alert.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.CHANGE_CONFIGURATION, workspace.id)
        alert = configuration.alert(workspace.id, alert_id)
        now = self._clock.now()
        act = done_by(principal, now, ActKind.ALERT_REMOVE, workspace.id, alert.id, alert.when)
        await self._store.remove(alert.id, act)
        return alert

    async def test(self, principal: Principal, slug: str, alert_id: str) -> Alert:
        """Post to the webhook of an alert what says that it is a test.

        Raises:
            NotFound: there is no such workspace or alert.
            VaultLocked: the master key is missing or wrong.
            UpstreamError: the webhook did not take it.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.OPERATE, workspace.id)
        alert = configuration.alert(workspace.id, alert_id)
        body = message(alert, slug, "", "this is a test, nothing happened", self._clock.now())
        if not await self._webhooks.send(configuration, alert, body):
            raise UpstreamError("the webhook does not answer", "look whether it came all the same")
        return alert


def message(alert: Alert, slug: str, subject: str, told: str, now: float) -> dict[str, object]:
    """Return what is posted: names and figures, never what a call said.

    `text` alone says it all: chats show that one.
    """
    about = f": {subject}" if subject else ""
    return {
        "text": f"mcpgw {slug}: {alert.when}{about}: {told}",
        "alert": alert.id,
        "workspace": slug,
        "when": alert.when,
        "subject": subject,
        "told": told,
        "time": now,
    }
