"""Sealed secrets: one version is kept, and of two who set it at once only one succeeds."""

import pytest

from mcpgw.errors import Conflict, NotFound
from mcpgw.store.opened import Store
from tests.store.records import ACT, secret


async def test_a_new_version_replaces_the_old(demo: Store) -> None:
    for version in (1, 2, 5):
        await demo.secrets.put(secret(version=version), ACT)
    await demo.secrets.put(secret("OTHER"), ACT)
    found = (await demo.configuration.load()).secrets["srv_ws_demo_jira"]
    assert found == {"JIRA_TOKEN": secret(version=5), "OTHER": secret("OTHER")}
    rows = await demo.database.read(
        lambda connection: connection.exec_driver_sql("SELECT count(*) FROM secret").scalar()
    )
    assert rows == 2


@pytest.mark.parametrize("version", [1, 2])
async def test_a_version_that_is_not_newer_is_a_conflict(demo: Store, version: int) -> None:
    await demo.secrets.put(secret(version=2), ACT)
    with pytest.raises(Conflict, match="JIRA_TOKEN was set by somebody else"):
        await demo.secrets.put(secret(version=version), ACT)
    found = (await demo.configuration.load()).secrets["srv_ws_demo_jira"]
    assert found == {"JIRA_TOKEN": secret(version=2)}


async def test_a_secret_of_a_server_that_is_gone(demo: Store) -> None:
    with pytest.raises(NotFound):
        await demo.secrets.put(secret(server_id="srv_gone"), ACT)


async def test_removing(demo: Store) -> None:
    await demo.secrets.put(secret(), ACT)
    await demo.secrets.remove("srv_ws_demo_jira", "JIRA_TOKEN", ACT)
    assert (await demo.configuration.load()).secrets == {}
    with pytest.raises(NotFound):
        await demo.secrets.remove("srv_ws_demo_jira", "JIRA_TOKEN", ACT)
