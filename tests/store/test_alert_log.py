"""When which alert was sent, across restarts."""

from mcpgw.config import Config
from mcpgw.store.alert_log import FORGOTTEN_S
from mcpgw.store.opened import Store, open_store
from tests.store.records import NOW


async def test_marks_outlive_the_process(config: Config, store: Store) -> None:
    before = store.configuration.version()
    await store.alert_log.mark("alert_1", "server jira", NOW)
    await store.alert_log.mark("alert_1", "server jira", NOW + 5)
    await store.alert_log.mark("alert_1", "", NOW + 9)
    assert store.configuration.version() == before
    again = await open_store(config, create=False, is_server=False)
    try:
        marks = await again.alert_log.sent()
        assert marks == {("alert_1", "server jira"): NOW + 5, ("alert_1", ""): NOW + 9}
    finally:
        await again.close()


async def test_a_mark_is_taken_back(store: Store) -> None:
    await store.alert_log.mark("alert_1", "a", NOW)
    await store.alert_log.mark("alert_1", "b", NOW)
    await store.alert_log.take_back("alert_1", "a")
    assert await store.alert_log.sent() == {("alert_1", "b"): NOW}


async def test_very_old_marks_go(store: Store) -> None:
    await store.alert_log.mark("alert_1", "old", NOW)
    await store.alert_log.mark("alert_2", "new", NOW + FORGOTTEN_S + 1)
    assert await store.alert_log.sent() == {("alert_2", "new"): NOW + FORGOTTEN_S + 1}
