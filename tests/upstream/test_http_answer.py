"""Streams over HTTP: what a server asks, says, and where it breaks off and goes on."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from mcpgw.errors import UpstreamError, UpstreamTimeout
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import PAUSED, Lane, Notification, Question, Reply
from mcpgw.upstream import http_answer, question
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.http import HttpTransport
from tests.live import call, http_server, nothing, open_upstreams, text_of
from tests.peers.raw_http import RawMcp, Request, Script
from tests.process import until

ELICITATION = b'{"elicitation":{}}'
MEGABYTE = 1 << 20


@asynccontextmanager
async def talking(
    tmp_path: Path, on_call: Script, era: str = "legacy", **settings: Any
) -> AsyncIterator[tuple[Connection, RawMcp]]:
    async with (
        RawMcp(era, on_call) as peer,
        open_upstreams(tmp_path, **{"max_message_bytes": MEGABYTE, **settings}) as upstreams,
    ):
        lane = Lane(Era(era), ELICITATION)
        yield await upstreams.connect(http_server(peer.url), "f", nothing, lane), peer


def request_of(request_id: object, method: str = "elicitation/create") -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": {"message": "who?"}}


def result_of(request: Request, text: str = "ok") -> dict[str, object]:
    result = {"content": [{"type": "text", "text": text}], "isError": False}
    return {"jsonrpc": "2.0", "id": request.message["id"], "result": result}


class Client:
    """Answers when its gate opens."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[Question] = []
        self.cancelled = 0

    async def ask(self, asked: Question) -> Reply:
        self.asked.append(asked)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Reply(Raw(b'{"action":"accept","content":{"n":1.0}}'), None)


def answers(peer: RawMcp) -> dict[object, Any]:
    return {answer["id"]: answer for answer in peer.told if "method" not in answer}


@pytest.mark.parametrize("request_id", [1, "server-1", -5])
async def test_a_question_on_a_stream_is_that_calls(tmp_path: Path, request_id: object) -> None:
    async def on_call(request: Request) -> None:
        if request.message["params"]["name"] == "ask":
            request.begin_stream()
            request.event(request_of(request_id))
            await until(lambda: request_id in answers(peer))
            request.event(result_of(request, json.dumps(answers(peer)[request_id])))
            request.end_stream()
        else:
            request.say("plain")

    asker, neighbour = Client(), Client()
    async with talking(tmp_path, on_call) as (connection, peer):
        asking = asyncio.ensure_future(call(connection, "ask", ask=asker.ask))
        assert text_of(await call(connection, "plain", ask=neighbour.ask)) == "plain"
        answer = json.loads(text_of(await asking))
        told = next(one for one in peer.requests if one.message and one.message.get("result"))
    assert answer == {
        "jsonrpc": "2.0",
        "id": request_id,
        "result": {"action": "accept", "content": {"n": 1.0}},
    }
    assert told.headers["mcp-session-id"]
    assert asker.asked == [Question("elicitation/create", Raw(b'{"message": "who?"}'))]
    assert neighbour.asked == []


async def test_several_questions_wait_side_by_side_with_all_connections_in_use(
    tmp_path: Path,
) -> None:
    async def on_call(request: Request) -> None:
        request.begin_stream()
        for number in (1, 2):
            request.event(request_of(number))
        await until(lambda: answers(peer).keys() >= {1, 2})
        request.event(result_of(request))
        request.end_stream()

    client = Client()
    async with talking(tmp_path, on_call, max_connections=1) as (connection, peer):
        assert text_of(await call(connection, "ask", ask=client.ask)) == "ok"
        assert len(client.asked) == 2


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_what_nobody_can_be_asked_is_answered_by_us_or_ignored(
    tmp_path: Path, era: str
) -> None:
    methods = ("ping", "elicitation/create", "roots/list", "sampling/createMessage", "odd/one")

    async def on_call(request: Request) -> None:
        request.begin_stream()
        for method in methods:
            request.event(request_of(method, method))
        if era == "legacy":
            await until(lambda: answers(peer).keys() >= set(methods))
        request.event(result_of(request))
        request.end_stream()

    client = Client()
    async with talking(tmp_path, on_call, era) as (connection, peer):
        ask = client.ask if era == "modern" else None
        assert text_of(await call(connection, "ask", ask=ask)) == "ok"
        found = answers(peer)
    assert client.asked == []
    if era == "modern":
        assert found == {}
        return
    results = [found[method].get("result") for method in methods]
    assert results == [{}, {"action": "cancel"}, {"roots": []}, None, None]
    assert found["sampling/createMessage"]["error"]["code"] == -32601


@pytest.mark.parametrize("how", ["cancel", "answer", "withdraw"])
async def test_a_question_ends_with_its_call(tmp_path: Path, how: str) -> None:
    async def on_call(request: Request) -> None:
        request.begin_stream()
        request.event(request_of(7))
        if how == "cancel":
            return
        await until(lambda: len(client.asked) == 1)
        if how == "withdraw":
            params = {"requestId": 7}
            request.event({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})
        request.event(result_of(request))
        request.end_stream()

    client = Client()
    client.gate.clear()
    async with talking(tmp_path, on_call) as (connection, peer):
        calling = asyncio.ensure_future(call(connection, "ask", ask=client.ask))
        if how == "cancel":
            await until(lambda: len(client.asked) == 1)
            calling.cancel()
            await asyncio.wait([calling])
            assert calling.cancelled()
        else:
            assert text_of(await calling) == "ok"
        await until(lambda: client.cancelled == 1)
        if how == "withdraw":
            assert answers(peer) == {}
        else:
            await until(lambda: 7 in answers(peer))
            assert answers(peer)[7]["result"] == {"action": "cancel"}


async def test_a_client_may_take_longer_than_its_server_may(tmp_path: Path) -> None:
    async def on_call(request: Request) -> None:
        request.begin_stream()
        request.event(request_of(7))
        await until(lambda: 7 in answers(peer))
        if request.message["params"]["name"] == "quick":
            request.event(result_of(request))
            request.end_stream()

    client = Client()
    client.gate.clear()
    async with talking(tmp_path, on_call) as (connection, peer):
        for tool in ("quick", "never"):
            calling = asyncio.ensure_future(call(connection, tool, ask=client.ask, timeout_s=0.15))
            await asyncio.sleep(0.3)
            assert not calling.done()
            client.gate.set()
            if tool == "quick":
                assert text_of(await calling) == "ok"
                peer.told.clear()
                client.gate.clear()
            else:
                with pytest.raises(UpstreamTimeout):
                    await calling


async def test_no_client_may_take_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def on_call(request: Request) -> None:
        request.begin_stream()
        request.event(request_of(7))

    monkeypatch.setattr(question, "QUESTION_S", 0.1)
    client = Client()
    client.gate.clear()
    async with talking(tmp_path, on_call) as (connection, peer):
        with pytest.raises(UpstreamTimeout):
            await call(connection, "ask", ask=client.ask)
        await until(lambda: client.cancelled == 1)
        await until(lambda: 7 in answers(peer))


# Where a stream breaks off and goes on.


class Resuming:
    """A server that ends its streams early: `streams` are what it says on one after another."""

    def __init__(self, *streams: bytes, is_reset: bool = False) -> None:
        self.streams = list(streams)
        self.is_reset = is_reset
        self.calls = 0
        self.resumed: list[str] = []
        self.times: list[float] = []
        self.call: Request

    async def on_call(self, request: Request) -> None:
        self.calls += 1
        self.call = request
        await self._stream(request)

    async def script(self, request: Request) -> None:
        """Serve GET requests; a `RawMcp` serves the others."""
        if "last-event-id" not in request.headers:
            request.answer(405)
            return
        self.resumed.append(request.headers["last-event-id"])
        assert request.headers["accept"] == "text/event-stream"
        assert request.headers["mcp-session-id"]
        await self._stream(request)

    async def _stream(self, request: Request) -> None:
        self.times.append(asyncio.get_running_loop().time())
        text = self.streams.pop(0)
        if not text:
            request.answer(405)
            return
        answer = json.dumps(result_of(self.call)).encode()
        request.begin_stream()
        request.chunk(text.replace(b"ANSWER", answer))
        if self.is_reset and self.streams:
            await asyncio.sleep(0.01)
            request.reset()
        else:
            request.end_stream()


@asynccontextmanager
async def resuming(tmp_path: Path, server: Resuming) -> AsyncIterator[Connection]:
    async with talking(tmp_path, server.on_call) as (connection, peer):
        dispatch = peer.script

        async def script(request: Request) -> None:
            await (server.script if request.method == "GET" else dispatch)(request)

        peer.script = script
        yield connection


PRIMING = b"id: a1\ndata: \nretry: 10\n\n"
ANSWER = b"data: ANSWER\n\n"
OTHER = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"x"}}\n\n'


@pytest.mark.parametrize("is_reset", [False, True])
@pytest.mark.parametrize(
    ("streams", "resumed"),
    [
        ([PRIMING, ANSWER], ["a1"]),
        ([PRIMING, b"id: a2\n" + ANSWER], ["a1"]),
        ([PRIMING, b"id: a2\n" + OTHER, ANSWER], ["a1", "a2"]),
        ([b"retry: 10\nid: a1\n\n", b"id: a2\ndata:\n\n", ANSWER], ["a1", "a2"]),
        ([PRIMING, OTHER, OTHER, ANSWER], ["a1", "a1", "a1"]),
        ([PRIMING + ANSWER], []),
    ],
)
async def test_an_answer_is_read_on_where_its_stream_ended(
    tmp_path: Path, streams: list[bytes], resumed: list[str], is_reset: bool
) -> None:
    heard: list[Notification] = []

    async def deliver(notification: Notification) -> None:
        heard.append(notification)

    server = Resuming(*streams, is_reset=is_reset)
    async with resuming(tmp_path, server) as connection:
        assert text_of(await call(connection, "slow", deliver=deliver)) == "ok"
    assert server.resumed == resumed
    assert server.calls == 1
    told = [one for one in heard if one is not PAUSED]
    assert len(told) == sum(OTHER in stream for stream in streams)
    assert len(heard) - len(told) == (0 if is_reset else len(resumed))


@pytest.mark.parametrize(
    ("streams", "words"),
    [
        ([OTHER], "without a result"),
        ([PRIMING, b""], "without a result"),
        ([PRIMING, OTHER, OTHER, OTHER], "without a result"),
        ([b"id: \xc3\xa9\ndata:\n\n"], "without a result"),
        ([b"id: " + b"x" * 2000 + b"\ndata:\n\n"], "without a result"),
        ([PRIMING, b"data: " + b"x" * 2 * MEGABYTE], "more than"),
    ],
)
async def test_what_cannot_be_resumed_is_an_error(
    tmp_path: Path, streams: list[bytes], words: str
) -> None:
    server = Resuming(*streams)
    async with resuming(tmp_path, server) as connection:
        with pytest.raises(UpstreamError, match=words):
            await call(connection, "slow")
        assert connection.is_alive
    assert server.calls == 1
    assert server.streams == []


async def test_the_pause_before_is_the_servers_within_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_answer, "MAX_RETRY_S", 0.2)
    long_retry = b"id: a2\ndata:\nretry: 60000\n\n"
    server = Resuming(b"id: a1\ndata:\nretry: 100\n\n", long_retry, ANSWER)
    async with resuming(tmp_path, server) as connection:
        await call(connection, "slow")
    pauses = [later - earlier for earlier, later in pairwise(server.times)]
    assert pauses[0] >= 0.09
    assert pauses[1] >= 0.19


async def test_a_call_that_pauses_is_busy_and_has_its_time(tmp_path: Path) -> None:
    server = Resuming(b"id: a1\ndata:\nretry: 60000\n\n")
    async with resuming(tmp_path, server) as connection:
        calling = asyncio.ensure_future(call(connection, "slow", timeout_s=0.2))
        await until(lambda: server.calls == 1)
        transport = connection._transport
        assert isinstance(transport, HttpTransport)
        await until(lambda: not transport._pool.is_busy)
        assert connection.is_busy
        with pytest.raises(UpstreamTimeout):
            await calling
        await until(lambda: not connection.is_busy)  # The server is told, too.


async def test_a_modern_stream_is_not_resumed(tmp_path: Path) -> None:
    async def on_call(request: Request) -> None:
        request.begin_stream()
        request.chunk(PRIMING)
        request.end_stream()

    async with talking(tmp_path, on_call, "modern") as (connection, peer):
        with pytest.raises(UpstreamError, match="without a result"):
            await call(connection, "slow")
        assert [one.method for one in peer.requests if one.method == "GET"] == []


async def test_a_question_answered_while_its_stream_is_away(tmp_path: Path) -> None:
    question_event = b"id: a1\nretry: 100\ndata: " + json.dumps(request_of(7)).encode() + b"\n\n"
    server = Resuming(question_event, ANSWER)
    client = Client()
    async with resuming(tmp_path, server) as connection:
        assert text_of(await call(connection, "slow", ask=client.ask)) == "ok"
    assert len(client.asked) == 1
