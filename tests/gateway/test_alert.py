"""Alerts are made at the box, and say nothing of their webhooks but the host."""

import pytest

from mcpgw.errors import Forbidden, InvalidInput, NotFound, UpstreamError, VaultLocked
from mcpgw.model.alert import Alert
from mcpgw.model.secret import Secret
from mcpgw.model.token import OPERATOR, Role
from tests.world import World

URL = Secret("https://hooks.example/canary")
WHEN = "error_rate(server=git, 10m) > 0.2"


@pytest.fixture
async def made(world: World) -> Alert:
    await world.server("git", log="x")
    return await world.gateway.alerts.add(OPERATOR, "demo", WHEN, URL, 3600.0)


async def test_an_alert_is_made_listed_and_removed(world: World, made: Alert) -> None:
    alerts = world.gateway.alerts
    (seen,) = await alerts.list(OPERATOR, "demo")
    assert (seen.alert, seen.sent_at) == (made, None)
    assert (made.when, made.every_s, made.host) == (WHEN, 3600.0, "hooks.example")
    assert "canary" not in repr(seen)
    world.alert_log.marks = {(made.id, "a"): 5.0, (made.id, "b"): 7.0, ("other", ""): 9.0}
    assert [one.sent_at for one in await alerts.list(OPERATOR, "demo")] == [7.0]
    assert await alerts.remove(OPERATOR, "demo", made.id) == made
    assert await alerts.list(OPERATOR, "demo") == []
    with pytest.raises(NotFound, match="no alert"):
        await alerts.remove(OPERATOR, "demo", made.id)


async def test_a_test_is_posted(world: World, made: Alert) -> None:
    assert await world.gateway.alerts.test(OPERATOR, "demo", made.id) == made
    ((url, body),) = world.post.posted
    assert url == URL.reveal()
    assert body["text"] == f"mcpgw demo: {WHEN}: this is a test, nothing happened"
    assert world.alert_log.marks == {}


async def test_a_webhook_that_does_not_take_the_test(world: World, made: Alert) -> None:
    world.post.is_acknowledged = False
    with pytest.raises(UpstreamError, match="does not answer"):
        await world.gateway.alerts.test(OPERATOR, "demo", made.id)
    world.post.is_broken = True
    with pytest.raises(UpstreamError, match="cannot be reached"):
        await world.gateway.alerts.test(OPERATOR, "demo", made.id)


@pytest.mark.parametrize(
    ("when", "every_s", "message"),
    [
        ("weather > 3", 60.0, "nothing to watch"),
        ("calls > 3", 59.0, "once in 1m to 30d"),
        ("calls > 3", 31 * 86400.0, "once in 1m to 30d"),
    ],
)
async def test_what_cannot_be_watched(
    world: World, when: str, every_s: float, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        await world.gateway.alerts.add(OPERATOR, "demo", when, URL, every_s)


async def test_a_server_that_is_not_there(world: World) -> None:
    with pytest.raises(NotFound, match="no server"):
        await world.gateway.alerts.add(OPERATOR, "demo", WHEN, URL, 60.0)
    with pytest.raises(NotFound, match="no workspace"):
        await world.gateway.alerts.add(OPERATOR, "none", "calls > 3", URL, 60.0)


async def test_a_locked_vault_seals_nothing(world: World) -> None:
    world.vault.is_open = False
    world.store.change(slots=())
    with pytest.raises(VaultLocked):
        await world.gateway.alerts.add(OPERATOR, "demo", "calls > 3", URL, 60.0)
    assert await world.gateway.alerts.list(OPERATOR, "demo") == []


async def test_an_admin_over_the_network_may_only_look_and_remove(
    world: World, made: Alert
) -> None:
    admin = (await world.admission(Role.ADMIN, "adm")).principal
    developer = (await world.admission(Role.DEVELOPER, "dev")).principal
    alerts = world.gateway.alerts
    for principal in (admin, developer):
        with pytest.raises(Forbidden):
            await alerts.add(principal, "demo", "calls > 3", URL, 60.0)
        with pytest.raises(Forbidden):
            await alerts.test(principal, "demo", made.id)
    with pytest.raises(Forbidden):
        await alerts.list(developer, "demo")
    with pytest.raises(Forbidden):
        await alerts.remove(developer, "demo", made.id)
    assert len(await alerts.list(admin, "demo")) == 1
    await alerts.remove(admin, "demo", made.id)
