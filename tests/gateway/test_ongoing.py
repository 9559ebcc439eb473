"""What is under way ends with its token, and nothing of it leaves."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress

import pytest

from mcpgw.errors import GatewayError, Limited, StorageError, Unauthenticated
from mcpgw.gateway import ongoing as module
from mcpgw.gateway import throttle
from mcpgw.gateway.access import Admission
from mcpgw.model.audit import Outcome
from mcpgw.model.bounds import Bounds, Rate
from mcpgw.model.token import OPERATOR, Role
from mcpgw.model.workspace import WorkspaceSettings
from tests.world import World, asked, until

LOG = {"name": b'"git__log"'}


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "LOOK_S", 0.005)
    yield


async def revoke(world: World, admission: Admission) -> None:
    await world.gateway.tokens.revoke(OPERATOR, "demo", admission.principal.token_id)


async def test_a_call_under_way_is_ended_and_taken_back(world: World) -> None:
    git = await world.server("git", log="x")
    git.gate = asyncio.Event()
    leaver, other = await world.admission(member="leaver"), await world.admission()
    mine, theirs = (
        asyncio.ensure_future(world.gateway.dispatcher.answer(asked(one, "tools/call", LOG)))
        for one in (leaver, other)
    )
    await git.entered.wait()
    await revoke(world, leaver)
    with pytest.raises(Unauthenticated, match="revoked or has expired"):
        await asyncio.wait_for(mine, 1)
    assert git.was_cancelled
    assert world.upstreams.ended_clients == [leaver.principal.token_id]
    git.gate.set()
    assert b"result" in await theirs
    outcomes = {row.member: (row.outcome, row.error_class) for row in world.journal.rows}
    assert outcomes == {
        "leaver": (Outcome.REVOKED, "unauthenticated"),
        "ana": (Outcome.OK, ""),
    }
    assert not world.gateway.ongoing._entries


async def test_a_result_that_comes_after_the_revocation_is_withheld(world: World) -> None:
    git = await world.server("git", log="x")
    admission = await world.admission()

    def answer(_: object) -> object:
        world.store.change(tokens={})  # in the very moment of the answer
        return {"content": []}

    git.answers["tools/call"] = answer
    with pytest.raises(Unauthenticated):
        await world.gateway.dispatcher.answer(asked(admission, "tools/call", LOG))
    (row,) = world.journal.rows
    assert row.outcome is Outcome.REVOKED


async def test_a_list_that_comes_after_the_revocation_is_withheld(world: World) -> None:
    git = await world.server("git", log="x")
    admission = await world.admission()
    held = git.answers["tools/list"]

    def answer(message: object) -> object:
        world.store.change(tokens={})
        return held(message)  # type: ignore[arg-type]

    git.answers["tools/list"] = answer
    with pytest.raises(Unauthenticated):
        await world.gateway.dispatcher.answer(asked(admission, "tools/list"))


async def test_a_request_that_had_not_arrived_as_a_whole_is_refused(world: World) -> None:
    admission = await world.admission()
    await revoke(world, admission)
    for method in ("ping", "tools/list", "tools/call"):
        with pytest.raises(Unauthenticated):
            await world.gateway.dispatcher.answer(asked(admission, method))
    assert not world.journal.rows


async def test_expiry_ends_a_call_without_any_change_of_the_store(world: World) -> None:
    git = await world.server("git", log="x")
    git.gate = asyncio.Event()
    admission = await world.admission()  # for an hour
    call = asyncio.ensure_future(
        world.gateway.dispatcher.answer(asked(admission, "tools/call", LOG))
    )
    await git.entered.wait()
    world.clock.pass_s(3599)
    await asyncio.sleep(0.02)
    assert not call.done()
    world.clock.pass_s(1)
    with pytest.raises(Unauthenticated):
        await asyncio.wait_for(call, 1)


async def test_without_knowing_nothing_is_served(world: World) -> None:
    git = await world.server("git", log="x")
    admission = await world.admission()

    def answer(_: object) -> object:
        world.store.is_broken = True
        return {"content": []}

    git.answers["tools/call"] = answer
    with pytest.raises(StorageError):
        await world.gateway.dispatcher.answer(asked(admission, "tools/call", LOG))
    (row,) = world.journal.rows
    assert (row.outcome, row.error_class) == (Outcome.WITHHELD, "storage")


async def test_not_knowing_is_borne_for_a_moment_only(world: World) -> None:
    admission = await world.admission()
    ended = []
    entry = world.gateway.ongoing.enter(admission, lambda: ended.append(1))
    world.store.is_broken = True
    await asyncio.sleep(0.03)
    assert not ended
    world.store.is_broken = False
    await asyncio.sleep(0.03)
    world.store.is_broken = True
    await asyncio.sleep(0.03)
    world.clock.pass_s(module.BLIND_S + 0.1)
    await until(lambda: ended)
    assert entry.is_ended


async def test_what_left_by_itself_is_not_ended(world: World) -> None:
    admission = await world.admission()
    ended: list[str] = []
    ongoing = world.gateway.ongoing
    first = ongoing.enter(admission, lambda: ended.append("first"))
    ongoing.enter(admission, lambda: ended.append("second"))
    first.leave()
    first.leave()
    await revoke(world, admission)
    await until(lambda: ended)
    assert ended == ["second"]


async def test_who_comes_late_with_a_token_that_ended_is_ended_too(world: World) -> None:
    admission, other = await world.admission(), await world.admission(member="bob")
    ended: list[str] = []
    ongoing = world.gateway.ongoing
    kept = ongoing.enter(other, lambda: ended.append("bob"))
    await revoke(world, admission)
    await asyncio.sleep(0.03)
    ongoing.enter(admission, lambda: ended.append("ana"))
    await until(lambda: ended)
    assert ended == ["ana"]
    kept.leave()


async def test_the_operator_is_not_watched(world: World) -> None:
    operator = await world.operator()
    ongoing = world.gateway.ongoing
    ongoing.enter(operator, lambda: None).leave()
    assert not ongoing._entries
    await ongoing.check(operator)


async def test_a_cancellation_of_its_own_stays_one(world: World) -> None:
    admission = await world.admission()

    task = asyncio.ensure_future(
        world.gateway.ongoing.guard(admission, lambda: asyncio.Event().wait())
    )
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_token_that_calls_too_often_is_told_and_recorded(world: World) -> None:
    await world.server("git", log="x")
    admission = await world.admission(bounds=Bounds(rate=Rate(1, 60.0)))
    request = asked(admission, "tools/call", LOG)
    assert b"result" in await world.gateway.dispatcher.answer(request)
    with pytest.raises(Limited):
        await world.gateway.dispatcher.answer(request)
    assert [row.outcome for row in world.journal.rows] == [Outcome.OK, Outcome.LIMITED]


async def test_refusals_leave_the_collector_nothing_to_find(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cycle in each, and a flood of them stops everybody for 50 ms every few seconds."""
    monkeypatch.setattr(throttle, "PENALTY_S", 0.0)
    await world.server("git", log="x")
    admission = await world.admission(bounds=Bounds(rate=Rate(1, 60.0)))
    request = asked(admission, "tools/call", LOG)

    async def refused() -> None:
        with suppress(Limited):
            await world.gateway.dispatcher.answer(request)

    await refused()
    await refused()
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            await refused()
        assert gc.collect() < 10
    finally:
        gc.enable()
    assert [row.outcome for row in world.journal.rows].count(Outcome.LIMITED) == 11


async def test_other_settings_of_the_workspace_end_nobody(world: World) -> None:
    admission = await world.admission()
    ended: list[str] = []
    entry = world.gateway.ongoing.enter(admission, lambda: ended.append("ana"))
    settings = WorkspaceSettings(bounds=Bounds(concurrency=3))
    await world.gateway.workspaces.set(OPERATOR, "demo", settings)
    await asyncio.sleep(0.03)
    assert not ended
    renewed = world.gateway.ongoing.renewed(admission, await world.current.configuration())
    assert renewed.principal.bounds.concurrency == 3
    await world.gateway.ongoing.check(admission)
    entry.leave()


async def test_settings_written_past_us_let_nobody_in(world: World) -> None:
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.READONLY, None)
    held = world.store.held.workspaces["demo"]
    forged = held.with_settings(WorkspaceSettings(ttl_s=5.0), b"forged")
    world.store.change(workspaces={"demo": forged})
    with pytest.raises(GatewayError, match="changed past mcpgw") as caught:
        await world.gateway.access.authenticate("demo", issued.text)
    assert isinstance(caught.value, StorageError)
