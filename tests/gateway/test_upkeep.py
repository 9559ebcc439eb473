"""What is done beside calls, and what is told when it cannot be."""

import logging

import pytest

from mcpgw.errors import Forbidden, StorageError
from mcpgw.gateway import upkeep as module
from mcpgw.model.audit import Outcome
from mcpgw.model.secret import Secret
from mcpgw.model.token import OPERATOR
from tests.store.records import call_end, call_start
from tests.world import World, stranger, until

HEAD = "mcpgw-anchor calls-00 1 " + "0" * 32


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MEND_S", "ANCHOR_S", "TALLY_S", "DAILY_S", "ALERT_S", "SIGN_S"):
        monkeypatch.setattr(module, name, 0.0)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == module.__name__]


async def test_a_crash_is_closed_before_anything_is_served(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.journal.crashed = [(3, call_start())]
    await world.gateway.upkeep.begin(OPERATOR)
    ((end, seq),) = world.journal.ends
    assert (end.outcome, seq) == (Outcome.UNKNOWN_CRASH, 3)
    assert messages(caplog) == ["1 calls were under way when the gateway died"]


async def test_every_chore_is_done(world: World) -> None:
    when, url = "disk_nearly_full", Secret("https://hooks.example/x")
    await world.gateway.alerts.add(OPERATOR, "demo", when, url, 60.0)
    world.reserve.free_bytes = 0
    await world.gateway.upkeep.begin(OPERATOR)
    await until(lambda: world.post.posted)
    await world.journal.end(call_end())
    await until(lambda: len(world.notes.noted) > 1)
    await until(lambda: world.journal.tallied)
    await until(lambda: world.reserve.filled > 1)
    world.acts.unsigned = 1
    await until(lambda: world.acts.unsigned == 0)
    assert {note for note, _ in world.notes.noted} >= {HEAD}
    assert world.journal.forgotten_before == world.clock.now() - module.TALLIES_KEPT_S


async def test_a_full_disk_keeps_nobody_from_serving(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.journal.crashed = [(3, call_start())]
    world.journal.is_broken = True
    upkeep = world.gateway.upkeep
    await upkeep.begin(OPERATOR)
    assert upkeep.problem == "the journal cannot be written"
    told = "journal: the journal cannot be written"
    await until(lambda: messages(caplog).count(told) == 1)
    world.journal.is_broken = False
    await until(lambda: world.journal.ends)
    await until(lambda: "journal: works again" in messages(caplog))
    assert upkeep.problem == ""
    assert messages(caplog).count(told) == 1


async def test_an_anchor_that_nobody_took_is_sent_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await world.journal.end(call_end())
    world.notes.is_broken = True
    upkeep = world.gateway.upkeep
    await upkeep.end(OPERATOR)
    await upkeep.end(OPERATOR)
    assert messages(caplog) == ["anchor: the webhook cannot be reached"]
    world.notes.is_broken = False
    await upkeep.end(OPERATOR)
    assert len(world.notes.noted) == 2
    assert messages(caplog)[1:] == ["anchor: works again"]


async def test_only_who_serves_looks_after_it(world: World) -> None:
    for work in (world.gateway.upkeep.begin, world.gateway.upkeep.end):
        with pytest.raises(Forbidden):
            await work(stranger("w"))


async def test_what_is_withheld_is_written_as_soon_as_it_can_be(world: World) -> None:
    await world.gateway.upkeep.begin(OPERATOR)
    world.journal.is_broken = True
    with pytest.raises(StorageError):
        await world.journal.end(call_end())
    world.recording._withhold(call_end())
    world.journal.is_broken = False
    await until(lambda: world.journal.ends)
    assert world.journal.ends[0][0].outcome is Outcome.WITHHELD
