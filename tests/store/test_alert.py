"""Alerts in the database: in their order, gone with their workspace."""

import pytest

from mcpgw.errors import NotFound
from mcpgw.store.opened import Store
from tests.store.records import ACT, alert


async def test_alerts_are_kept_in_order(demo: Store) -> None:
    for number in (2, 1):
        await demo.alerts.add(alert(f"alert_{number}"), ACT)
    found = (await demo.configuration.load()).alerts
    assert found == {"ws_demo": (alert("alert_1"), alert("alert_2"))}


async def test_an_alert_is_removed_once(demo: Store) -> None:
    await demo.alerts.add(alert(), ACT)
    await demo.alerts.remove("alert_1", ACT)
    assert (await demo.configuration.load()).alerts == {}
    with pytest.raises(NotFound, match="gone already"):
        await demo.alerts.remove("alert_1", ACT)


async def test_alerts_go_with_their_workspace(demo: Store) -> None:
    await demo.alerts.add(alert(), ACT)
    await demo.workspaces.remove("ws_demo", ACT)
    assert (await demo.configuration.load()).alerts == {}
    with pytest.raises(NotFound):
        await demo.alerts.add(alert(), ACT)
