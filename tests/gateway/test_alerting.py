"""What is watched for is found, and told once in its time, whatever goes wrong."""

from dataclasses import replace

import pytest

from mcpgw.errors import NotFound, UpstreamError
from mcpgw.gateway.alerting import RETRY_S
from mcpgw.model.alert import Alert
from mcpgw.model.audit import AuditEvent, Outcome
from mcpgw.model.secret import Secret
from mcpgw.model.statistics import Dimension
from mcpgw.model.token import OPERATOR, Role
from tests.fakes import read
from tests.model.test_statistics import part
from tests.store.records import call_end
from tests.world import World

URL = "https://hooks.example/canary"


async def watch(world: World, when: str, every_s: float = 3600.0) -> Alert:
    return await world.gateway.alerts.add(OPERATOR, "demo", when, Secret(URL), every_s)


def told(world: World) -> list[tuple[object, object]]:
    """Return about what was told, and what, so far; and forget it."""
    posted = [(body["subject"], body["told"]) for _, body in world.post.posted]
    world.post.posted.clear()
    return posted


def recorded(world: World, number: int, outcome: Outcome, error_class: str = "") -> AuditEvent:
    """Return a call of now to the server `git` of `demo`."""
    workspace_id = world.store.held.workspaces["demo"].id
    end = call_end(
        number,
        workspace_id=workspace_id,
        server="git",
        outcome=outcome,
        error_class=error_class,
        started_at=world.clock.now() - 10 + number,
    )
    return read(end)


async def test_a_rate_of_errors(world: World) -> None:
    await world.server("git", log="x")
    alert = await watch(world, "error_rate(server=git, 10m) > 0.2")
    world.journal.parts = [part("", calls=8)]
    await world.alerting.look()
    assert told(world) == []
    world.journal.parts = [part("", calls=6), part("", calls=2, outcome=Outcome.TIMEOUT)]
    await world.alerting.look()
    ((url, body),) = world.post.posted
    assert url == URL
    assert body == {
        "text": "mcpgw demo: error_rate(server=git, 10m) > 0.2: 25% of 8 calls went wrong",
        "alert": alert.id,
        "workspace": "demo",
        "when": "error_rate(server=git, 10m) > 0.2",
        "subject": "",
        "told": "25% of 8 calls went wrong",
        "time": world.clock.now(),
    }
    wanted, by = world.journal.summed[-1]
    assert (wanted.server, by) == ("git", Dimension.STATUS)
    now = world.clock.now()
    assert (wanted.period.since, wanted.period.until) == (now - 600.0, now)


async def test_no_calls_are_no_errors(world: World) -> None:
    await watch(world, "error_rate(10m) > 0")
    await watch(world, "calls(10m) < 1")
    await world.alerting.look()
    assert told(world) == [("", "0 of 0 calls")]


async def test_it_is_told_once_in_its_time(world: World) -> None:
    await watch(world, "calls > 5", every_s=3600.0)
    world.journal.parts = [part("", calls=6)]
    for _ in range(3):
        await world.alerting.look()
        world.clock.pass_s(1000.0)
    assert told(world) == [("", "6 of 6 calls")]
    world.clock.pass_s(700.0)
    await world.alerting.look()
    assert len(told(world)) == 1


async def test_a_restart_does_not_tell_it_again(world: World) -> None:
    alert = await watch(world, "calls > 5")
    world.journal.parts = [part("", calls=6)]
    world.alert_log.marks = {(alert.id, ""): world.clock.now() - 60.0}
    await world.alerting.look()
    assert told(world) == []
    assert world.alert_log.marks == {(alert.id, ""): world.clock.now() - 60.0}


async def test_it_is_noted_before_it_is_told(world: World) -> None:
    alert = await watch(world, "calls > 5")
    world.journal.parts = [part("", calls=6)]
    world.post.is_acknowledged = False
    await world.alerting.look()
    assert world.alert_log.marks == {(alert.id, ""): world.clock.now()}
    assert len(told(world)) == 1
    world.clock.pass_s(RETRY_S)
    await world.alerting.look()
    assert told(world) == []


async def test_what_was_not_taken_is_told_later(world: World) -> None:
    alert = await watch(world, "calls > 5")
    world.journal.parts = [part("", calls=6)]
    world.post.is_broken = True
    with pytest.raises(UpstreamError, match=alert.id) as raised:
        await world.alerting.look()
    assert "canary" not in raised.value.message
    assert world.alert_log.marks == {}
    world.post.is_broken = False
    world.clock.pass_s(RETRY_S - 1)
    await world.alerting.look()
    assert told(world) == []
    world.clock.pass_s(1)
    await world.alerting.look()
    assert len(told(world)) == 1
    assert world.alert_log.marks == {(alert.id, ""): world.clock.now()}


async def test_one_that_fails_costs_the_others_nothing(world: World) -> None:
    await watch(world, "calls > 5")
    await watch(world, "calls > 4")
    world.journal.parts = [part("", calls=6)]
    first, second = world.store.held.alerts[world.store.held.workspaces["demo"].id]
    broken = replace(first, host="other")
    world.store.change(alerts={first.workspace_id: (broken, second)})
    with pytest.raises(UpstreamError, match=first.id):
        await world.alerting.look()
    assert [body["alert"] for _, body in world.post.posted] == [second.id]


async def test_a_disk_that_is_nearly_full(world: World) -> None:
    await watch(world, "disk_nearly_full")
    await world.alerting.look()
    assert told(world) == []
    world.reserve.free_bytes, world.alert_log.is_broken = 100 << 20, True
    await world.alerting.look()
    await world.alerting.look()
    assert told(world) == [("", "100 MiB are free")]
    world.alert_log.is_broken = False
    await world.alerting.look()
    assert told(world) == []


async def test_a_full_disk_and_a_webhook_that_is_gone(world: World) -> None:
    await watch(world, "disk_nearly_full")
    world.reserve.free_bytes, world.alert_log.is_broken, world.post.is_broken = 0, True, True
    with pytest.raises(UpstreamError):
        await world.alerting.look()
    world.post.is_broken = False
    world.clock.pass_s(RETRY_S)
    await world.alerting.look()
    assert told(world) == [("", "0 MiB are free")]


async def test_tokens_that_expire(world: World) -> None:
    ids = {}
    for member, ttl_s in (("ana", 3600.0), ("bob", 3600.0), ("eve", 30 * 86400.0)):
        issued = await world.gateway.tokens.issue(OPERATOR, "demo", member, Role.DEVELOPER, ttl_s)
        ids[member] = issued.token.id
    await watch(world, "token_expiring")
    await watch(world, "token_expiring(member=bob)")
    await world.alerting.look()
    soon = "it ends within a week"
    ana, bob = (f"{ids[member]} of {member}" for member in ("ana", "bob"))
    assert sorted(told(world)) == sorted([(ana, soon), (bob, soon), (bob, soon)])


@pytest.mark.parametrize(
    ("calls", "is_down"),
    [
        ([], False),
        ([(Outcome.UPSTREAM_ERROR, "upstream")], False),
        ([(Outcome.OK, ""), (Outcome.UPSTREAM_ERROR, "upstream")], False),
        ([(Outcome.OK, ""), (Outcome.UPSTREAM_ERROR, "upstream"), (Outcome.TIMEOUT, "x")], True),
        ([(Outcome.TIMEOUT, "upstream_timeout")] * 2, True),
        ([(Outcome.TIMEOUT, "x"), (Outcome.UPSTREAM_ERROR, "rpc_error")], False),
        ([(Outcome.TIMEOUT, "x"), (Outcome.UPSTREAM_ERROR, "rate_limited")], False),
        ([(Outcome.TIMEOUT, "x"), (Outcome.DENIED, "x"), (Outcome.TIMEOUT, "x")], True),
        ([(Outcome.TIMEOUT, "x"), (Outcome.TIMEOUT, "x"), (Outcome.TOOL_ERROR, "")], False),
    ],
)
async def test_a_server_that_does_not_answer(
    world: World, calls: list[tuple[Outcome, str]], is_down: bool
) -> None:
    await world.server("git", log="x")
    await watch(world, "server_down")
    world.journal.rows[:] = [recorded(world, number, *one) for number, one in enumerate(calls)]
    await world.alerting.look()
    said = [("server git", "the last 2 calls did not get through to it")]
    assert told(world) == (said if is_down else [])


async def test_calls_of_long_ago_say_nothing(world: World) -> None:
    await world.server("git", log="x")
    await watch(world, "server_down")
    world.journal.rows[:] = [recorded(world, number, Outcome.TIMEOUT) for number in range(2)]
    world.clock.pass_s(600.0)
    await world.alerting.look()
    assert told(world) == []


async def test_a_server_that_cannot_be_listed(world: World) -> None:
    await world.server("git", log="x")
    await world.server("jira", log="x")
    del world.upstreams.by_name["git"]
    await watch(world, "server_down(server=git)")
    await watch(world, "server_down(server=jira)")
    await world.alerting.look()
    assert told(world) == []  # nobody asked it yet, and watching asks nobody
    client = await world.modern()
    await client.call("tools/list")
    await world.alerting.look()
    assert told(world) == [("server git", "it cannot be listed")]


async def test_a_server_that_is_switched_off_is_not_down(world: World) -> None:
    await world.server("git", log="x")
    await watch(world, "server_down")
    world.journal.rows[:] = [recorded(world, number, Outcome.TIMEOUT) for number in range(2)]
    await world.gateway.servers.set_enabled(OPERATOR, "demo", "git", False)
    await world.alerting.look()
    assert told(world) == []


async def test_limits_of_both_sides(world: World) -> None:
    await watch(world, "limit_hit(member=ana, 5m)")
    world.journal.parts = [
        part("ana", calls=4, rate_limited=3),
        part("ana", calls=2, outcome=Outcome.LIMITED),
        part("", calls=1),
    ]
    await world.alerting.look()
    assert told(world) == [
        ("server ana", "3 calls were over its limit"),
        ("member ana", "2 calls were over a limit of mcpgw"),
    ]
    assert [by for _, by in world.journal.summed] == [Dimension.SERVER, Dimension.MEMBER]


async def test_nothing_is_watched_for_an_alert_that_is_gone(world: World) -> None:
    alert = await watch(world, "calls(10m) < 1")
    await world.gateway.alerts.remove(OPERATOR, "demo", alert.id)
    await world.alerting.look()
    assert told(world) == []
    with pytest.raises(NotFound):
        await world.gateway.alerts.test(OPERATOR, "demo", alert.id)
