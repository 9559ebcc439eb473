"""What a broken connection missed is told to its own session, for a while, and to nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Raw

from mcpgw.model.audit import Outcome
from mcpgw.protocol.exchange import PAUSED, Notification
from mcpgw.web import replay
from mcpgw.web.replay import Marks, Reader, Recording, Replays, is_resumable, lost_answer
from tests.fakes import FakeUpstream
from tests.web.conftest import Client, Event, Reading

PROGRESS = Notification("notifications/progress", Raw(b'{"progressToken":1,"progress":1}'))
BOTH = "application/json, text/event-stream"


def call(request_id: object = 3) -> dict[str, Any]:
    params = {"name": "git__log", "_meta": {"progressToken": "p"}}
    return {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}


async def held(client: Client) -> FakeUpstream:
    """Add a server whose call reports progress and then waits."""
    git = await client.world.server("git", log="x")
    git.notifications = [PROGRESS]
    git.gate = asyncio.Event()
    return git


def release(git: FakeUpstream) -> None:
    assert git.gate is not None
    git.gate.set()


@asynccontextmanager
async def posting(client: Client, session: str) -> AsyncIterator[Reading]:
    headers = {"Mcp-Session-Id": session, "Accept": BOTH}
    async with client.stream("POST", json=call(), headers=headers) as stream:
        yield stream


@asynccontextmanager
async def resuming(client: Client, session: str, last: Event | str) -> AsyncIterator[Reading]:
    last_id = last if isinstance(last, str) else last.id
    assert last_id is not None
    async with client.stream(
        headers={"Mcp-Session-Id": session, "Last-Event-ID": last_id}
    ) as stream:
        yield stream


async def event(stream: Reading) -> Event:
    found = await stream.next()
    assert found is not None
    return found


async def test_an_answer_that_streams_begins_with_an_id(client: Client) -> None:
    release(await held(client))
    async with posting(client, await client.open()) as stream:
        priming, progress, answer = await stream.rest()
    assert (priming.data, priming.retry) == ("", "1000")
    assert progress.json["method"] == "notifications/progress"
    assert answer.json["result"]
    ids = [one.id or "" for one in (priming, progress, answer)]
    assert len(set(ids)) == 3
    assert len({one.split("-")[0] for one in ids}) == 1


@pytest.mark.parametrize("version", ["2025-03-26", "2025-06-18"])
async def test_older_clients_get_no_ids(client: Client, version: str) -> None:
    release(await held(client))
    async with posting(client, await client.open(version)) as stream:
        events = await stream.rest()
    assert [(one.id, one.retry, one.data != "") for one in events] == [(None, None, True)] * 2


async def test_a_client_that_left_comes_back_for_its_answer(client: Client) -> None:
    git = await held(client)
    session = await client.open()
    async with posting(client, session) as stream:
        priming = await event(stream)
        stream.leave()
    async with resuming(client, session, priming) as stream:
        progress = await event(stream)
        assert progress.json["method"] == "notifications/progress"
        release(git)
        (answer,) = await stream.rest()
    assert answer.json["result"]
    assert client.world.journal.rows[0].outcome is Outcome.OK
    async with resuming(client, session, progress) as stream:
        assert [one.id for one in await stream.rest()] == [answer.id]
    async with resuming(client, session, answer) as stream:
        assert await stream.rest() == []


async def test_a_client_is_sent_away_as_its_server_sends_us(client: Client) -> None:
    """A server that ends its stream early wants no connections held: neither are ours."""
    git = await held(client)
    git.notifications = [PROGRESS, PAUSED]
    session = await client.open()
    async with posting(client, session) as stream:
        priming, progress = await stream.rest()
    release(git)
    async with resuming(client, session, progress) as stream:
        assert (await stream.message())["result"]
    assert priming.retry == "1000"


async def test_who_cannot_come_back_is_not_sent_away(client: Client) -> None:
    git = await held(client)
    git.notifications = [PAUSED]
    release(git)
    answered = await client.legacy(await client.open("2025-06-18"), call(), Accept=BOTH)
    assert answered.json["result"]


async def test_who_comes_back_gets_the_stream_alone(client: Client) -> None:
    """MCP: each message goes to one stream, also while the first connection seems alive."""
    git = await held(client)
    session = await client.open()
    async with posting(client, session) as first:
        priming = await event(first)
        progress = await event(first)
        async with resuming(client, session, priming) as second:
            assert (await event(second)).id == progress.id
            async with resuming(client, session, progress) as third:
                assert await second.next() is None
                release(git)
                assert (await third.message())["result"]
                assert await third.next() is None
        assert await first.next() is None


async def test_a_silent_call_can_be_come_back_to(client: Client) -> None:
    """Well before any proxy would give up on it."""
    git = await held(client)
    git.notifications = []
    session = await client.open()
    async with posting(client, session) as stream:
        priming = await event(stream)
        assert (priming.data, priming.retry) == ("", "1000")
        stream.leave()
    release(git)
    async with resuming(client, session, priming) as stream:
        assert (await stream.message())["result"]


async def test_a_foreign_event_id_shows_nothing(client: Client) -> None:
    """Of another session of the same member, and of another member."""
    git = await held(client)
    session = await client.open()
    mine = client.token
    async with posting(client, session) as stream:
        await event(stream)
        progress = await event(stream)
        stream.leave()
    release(git)
    await client.world.journal.recorded.wait()
    for token in (mine, await client.token_of("bob")):
        client.token = token
        async with resuming(client, await client.open(), progress) as stream:
            (said,) = await stream.rest()
        assert "result" not in said.json
        assert said.json["error"]["code"] == -32603
    async with client.stream(
        headers={"Mcp-Session-Id": session, "Last-Event-ID": progress.id or ""}
    ) as stream:
        assert stream.status == 404


async def test_a_call_taken_back_leaves_nothing_to_come_back_to(client: Client) -> None:
    await held(client)
    session = await client.open()
    async with posting(client, session) as stream:
        await event(stream)
        progress = await event(stream)
        cancelled = {"method": "notifications/cancelled", "params": {"requestId": 3}}
        await client.legacy(session, {"jsonrpc": "2.0", **cancelled})
        assert await stream.next() is None
    async with resuming(client, session, progress) as stream:
        assert "error" in await stream.message()


async def test_a_bug_ends_the_stream_of_who_came_back(client: Client) -> None:
    git = await held(client)

    def broken(_: object) -> object:
        raise ZeroDivisionError

    git.answers["tools/call"] = broken
    session = await client.open()
    async with posting(client, session) as first:
        progress = await event(first)
        async with resuming(client, session, progress) as second:
            release(git)
            assert [one.json["method"] for one in await second.rest()] == ["notifications/progress"]


@pytest.mark.parametrize("last", ["", "x", "0" * 32 + "-1", "0" * 32 + "-1-a", "0" * 32 + "-1-e30"])
async def test_an_id_that_means_nothing_is_a_fresh_stream(client: Client, last: str) -> None:
    session = await client.open()
    async with resuming(client, session, last) as stream:
        assert (await event(stream)).retry == "1000"
        await client.change("git")
        assert (await stream.message())["method"] == "notifications/tools/list_changed"


async def test_after_a_minute_the_answer_is_said_to_be_lost(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "KEPT_S", 0.0)
    release(await held(client))
    session = await client.open()
    async with posting(client, session) as stream:
        priming, *_ = await stream.rest()
    async with resuming(client, session, priming) as stream:
        (said,) = await stream.rest()
    assert said.json["id"] == 3
    assert "not kept" in said.json["error"]["message"]


VERSIONS = [("2024-11-05", False), ("2025-06-18", False), ("2025-11-25", True)]


@pytest.mark.parametrize(("version", "expected"), VERSIONS)
def test_who_is_told_how_to_come_back(version: str, expected: bool) -> None:
    assert is_resumable(version) is expected


@pytest.mark.parametrize("request_id", [b"1", b'"a-b"', '"é"'.encode(), b'"\\"]"', b"-7"])
def test_an_id_says_whose_answer_is_lost(request_id: bytes) -> None:
    marks = Marks(request_id)
    frame = marks.frame(b"{}").decode()
    event_id = frame.split("id: ")[1].split("\n")[0]
    lost = lost_answer(event_id)
    assert lost is not None
    assert b'"id":' + request_id + b"," in lost


def test_a_long_request_id_is_in_no_event_id() -> None:
    frame = Marks(b'"' + b"x" * 64 + b'"').frame(b"{}").decode()
    assert len(frame.split("id: ")[1].split("\n")[0]) < 40


def kept(recording: Recording) -> list[int]:
    return [number for number, _ in recording.events_after(0)]


async def read(reader: Reader | None) -> list[bytes]:
    assert reader is not None
    return [frame async for frame in reader]


async def test_one_stream_keeps_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MAX_EVENTS", 3)
    monkeypatch.setattr(replay, "MAX_STREAM_BYTES", 500)
    recording = Replays().start("s", b"1")
    for _ in range(5):
        recording.add(b"{}")
    assert kept(recording) == [3, 4, 5]
    recording.add(b"x" * 400)
    assert kept(recording) == [6]
    recording.add(b"x" * 600)
    assert kept(recording) == []
    sent = recording.add(b"x" * 600, is_answer=True)
    assert b"x" * 600 in sent
    ((_, answer),) = recording.events_after(0)
    assert b"not kept" in answer


async def test_all_streams_together_keep_no_more_than_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "MAX_STREAMS", 2)
    monkeypatch.setattr(replay, "MAX_BYTES", 1000)
    replays = Replays()
    first, second, third = (replays.start("s", b"1") for _ in range(3))
    last_ids = [f"{one.marks.stream}-0" for one in (first, second, third)]
    assert [replays.resume("s", one) is not None for one in last_ids] == [False, True, True]
    assert b"{}" in first.add(b"{}")
    assert kept(first) == []
    second.add(b"x" * 600)
    waiting = asyncio.ensure_future(read(replays.resume("s", last_ids[1])))
    await asyncio.sleep(0)
    third.add(b"x" * 600, is_answer=True)
    assert (kept(second), kept(third)) == ([], [1])
    assert len(await asyncio.wait_for(waiting, 5)) == 1
    assert replays.resume("s", last_ids[1]) is None
    assert len(await read(replays.resume("s", last_ids[2]))) == 1
