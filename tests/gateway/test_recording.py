"""Two rows a call, or one; nothing is made or answered that is not written."""

import asyncio

import msgspec
import pytest
from msgspec import Raw

from mcpgw.errors import HeadersRefused, NotFound, StorageError
from mcpgw.gateway.counters import Counters
from mcpgw.gateway.recording import MOST_SORTED_BYTES, Recording
from mcpgw.model.audit import Outcome, Surface
from mcpgw.model.token import OPERATOR
from mcpgw.protocol.exchange import Outgoing
from tests.fakes import FakeClock, FakeJournal, FakeStore, FakeTracing, FakeVault
from tests.store.records import call_start
from tests.world import World, asked, until

LOG = {"name": b'"git__log"', "arguments": b'{"b": 1, "a": [2]}'}


async def test_a_call_is_recorded_before_its_server_hears_of_it(world: World) -> None:
    git = await world.server("git", log="x")
    seen: list[int] = []

    def answer(_: Outgoing) -> object:
        seen.append(len(world.journal.starts))
        world.clock.pass_s(0.25)
        return {"content": []}

    git.answers["tools/call"] = answer
    admission = await world.admission()
    await world.calls.forward(asked(admission, "tools/call", LOG))
    assert seen == [1]
    ((end, seq),) = world.journal.ends
    assert seq is None
    assert [end.start] == world.journal.starts
    assert (end.outcome, end.duration_us, end.upstream_us) == (Outcome.OK, 250_000, 250_000)
    caller = end.start.caller
    assert (caller.member, caller.role, caller.surface, caller.era) == (
        *("ana", "developer", Surface.MCP, "modern"),
    )


async def test_what_never_got_to_a_server_is_one_row(world: World) -> None:
    await world.server("git", log="x")
    admission = await world.admission()
    await world.calls.forward(asked(admission, "tools/call", {"name": b'"nothing"'}))
    assert world.journal.starts == []
    ((end, _),) = world.journal.ends
    assert (end.outcome, end.start.caller.member) == (Outcome.DENIED, "ana")


async def test_a_call_that_cannot_be_recorded_is_not_made(world: World) -> None:
    git = await world.server("git", log="x")
    admission = await world.admission()
    await world.listings.offer(admission.configuration, admission.workspace)
    before = len(git.sent)
    world.journal.is_broken = True
    with pytest.raises(StorageError):
        await world.calls.forward(asked(admission, "tools/call", LOG))
    world.journal.is_broken = False
    assert len(git.sent) == before
    await world.recording.mend()
    assert not world.journal.ends


async def test_an_answer_that_cannot_be_recorded_is_withheld(world: World) -> None:
    git = await world.server("git", log="x")

    def answer(_: Outgoing) -> object:
        world.journal.is_broken = True
        return {"content": [], "isError": True}

    git.answers["tools/call"] = answer
    admission = await world.admission()
    with pytest.raises(StorageError):
        await world.calls.forward(asked(admission, "tools/call", LOG))
    assert world.recording.problem is not None
    assert not world.journal.ends
    for _ in range(2):
        with pytest.raises(StorageError):
            await world.recording.mend()
    world.journal.is_broken = False
    await world.recording.mend()
    await world.recording.mend()
    ((end, _),) = world.journal.ends
    assert (end.outcome, end.error_class) == (Outcome.WITHHELD, "tool_error")
    assert [end.start] == world.journal.starts


async def test_a_call_taken_back_has_its_end_too(world: World) -> None:
    git = await world.server("git", log="x")
    git.gate = asyncio.Event()
    admission = await world.admission()
    running = asyncio.ensure_future(world.calls.forward(asked(admission, "tools/call", LOG)))
    await git.entered.wait()
    world.journal.is_broken = True
    running.cancel()
    await asyncio.wait([running])
    world.journal.is_broken = False
    await until(lambda: world.recording._withheld)
    await world.recording.mend()
    ((end, _),) = world.journal.ends
    assert (end.outcome, end.error_class) == (Outcome.WITHHELD, "cancelled")


async def test_starts_of_the_server_for_a_call_are_counted(world: World) -> None:
    git = await world.server("git", log="x")
    admission = await world.admission()
    (server,) = world.store.held.servers[admission.workspace.id]
    world.upstreams.begun[server.id] = 3

    def answer(_: Outgoing) -> object:
        world.upstreams.begun[server.id] += 2
        return {"content": []}

    git.answers["tools/call"] = answer
    await world.calls.forward(asked(admission, "tools/call", LOG))
    git.answers["tools/call"] = lambda _: {"content": []}
    await world.calls.forward(asked(admission, "tools/call", LOG))
    assert [end.restarts for end, _ in world.journal.ends] == [2, 0]


async def test_a_call_sent_again_has_one_start(world: World) -> None:
    git = await world.server("git", log="x")
    refusals = [True]

    def answer(_: Outgoing) -> object:
        if refusals:
            refusals.pop()
            raise HeadersRefused("the server git refused the call's headers")
        return {"content": []}

    git.answers["tools/call"] = answer
    admission = await world.admission()
    await world.calls.forward(asked(admission, "tools/call", LOG))
    assert len(world.journal.starts) == 1
    ((end, _),) = world.journal.ends
    assert (end.outcome, end.retries) == (Outcome.OK, 1)


async def test_what_a_crash_left_open_gets_an_end(world: World) -> None:
    world.journal.crashed = [(7, call_start(1)), (9, call_start(2))]
    assert await world.recording.close_crashed() == 2
    assert [(end.outcome, end.start.number, seq) for end, seq in world.journal.ends] == [
        (Outcome.UNKNOWN_CRASH, 1, 7),
        (Outcome.UNKNOWN_CRASH, 2, 9),
    ]
    world.journal.is_broken = True
    with pytest.raises(StorageError):
        await world.recording.close_crashed()


async def test_fingerprints_compare_arguments_and_never_show_them(world: World) -> None:
    await world.gateway.installation.unlock(OPERATOR)
    fingerprint = world.recording.fingerprint
    assert fingerprint(b'{"a":[2],"b":1}') == fingerprint(LOG["arguments"])
    assert fingerprint(b'{"a":[2],"b":2}') != fingerprint(LOG["arguments"])
    assert fingerprint(b"") == b""
    assert fingerprint(b'{"a":1e999}') == fingerprint(b'{"a":1e999}') != b""
    long = msgspec.json.encode({"a": "x" * MOST_SORTED_BYTES, "b": 1})
    assert len(fingerprint(long)) == len(fingerprint(b"{}")) == 16
    assert fingerprint(long) != fingerprint(long.replace(b",", b", "))


def test_without_keys_there_is_nothing_to_arm_with() -> None:
    recording = Recording(FakeJournal(), FakeVault(), Counters(), FakeTracing(), FakeClock())
    assert recording.fingerprint(b"{}") == b""
    with pytest.raises(NotFound):
        recording.arm(FakeStore().held)


async def test_a_trace_goes_through_the_gateway(world: World) -> None:
    """The server is told of our span, not of the client's."""
    git = await world.server("git", log="x")
    admission = await world.admission()
    for told, sent in (({}, "of the client"), ({"traceparent": Raw(b'"ours"')}, "ours")):
        world.tracing.meta = told
        meta = {"traceparent": b'"of the client"', "other": b"1"}
        await world.calls.forward(asked(admission, "tools/call", LOG, meta=meta))
        got = msgspec.json.decode(git.sent[-1].params)["_meta"]
        assert (got["traceparent"], got["other"]) == (sent, 1)
    assert world.tracing.told[-3:] == ["tools/call git__log", "to server", "back"]
    assert [end.outcome for end in world.tracing.ended] == [Outcome.OK, Outcome.OK]


async def test_what_is_not_written_is_in_no_trace_and_no_count(world: World) -> None:
    await world.server("git", log="x")
    admission = await world.admission()
    world.journal.is_broken = True
    with pytest.raises(StorageError):
        await world.calls.forward(asked(admission, "tools/call", LOG))
    counted = await world.gateway.metrics.read(OPERATOR, "demo")
    assert (world.tracing.ended, counted.calls, counted.under_way) == ([], [], 0)
