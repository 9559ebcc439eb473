"""HTTP+SSE of 2024-11-05: found by trying, one conversation on one stream, and how it breaks."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcpgw.errors import UpstreamError, UpstreamTimeout
from mcpgw.protocol.capability import EVERYTHING
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Lane, Notification, Outgoing, Question, Reply
from mcpgw.upstream import place, watch
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.event_stream import EventStreamTransport
from mcpgw.upstream.pool import Upstreams
from tests.live import (
    PEERS,
    call,
    code_of,
    filled,
    http_server,
    nothing,
    open_upstreams,
    text_of,
)
from tests.peers.raw_http import RawHttp, Request, Script
from tests.peers.raw_news import TOOLS_CHANGED, UPDATED, RawEventStream, note
from tests.peers.scripted_transport import OK
from tests.process import until

ROOT = Path(__file__).parents[2]
LIMIT = 1 << 16
ANY = frozenset(Era)


async def ignore(request: Request) -> None:
    pass


@asynccontextmanager
async def talking(
    tmp_path: Path, on_message: Script = ignore
) -> AsyncIterator[tuple[Connection, RawEventStream, Upstreams]]:
    async with (
        RawEventStream(on_message) as peer,
        open_upstreams(tmp_path, max_message_bytes=LIMIT) as upstreams,
    ):
        connection = await upstreams.connect(http_server(peer.url), "f", nothing)
        yield connection, peer, upstreams


def progress_of(request: Request, step: int) -> dict[str, object]:
    token = request.message["params"]["_meta"]["progressToken"]
    return note("notifications/progress", progressToken=token, progress=step)


async def test_it_is_found_and_agreed_with(tmp_path: Path) -> None:
    fill = filled(("Authorization", "Bearer s3cret"))
    async with RawEventStream(ignore) as peer, open_upstreams(tmp_path) as upstreams:
        connection = await upstreams.connect(http_server(peer.url), "f", fill)
        assert (connection.era, connection.version) == ("legacy", "2025-11-25")
        assert connection.server_info.keys() == {"name", "version"}
        asked = [(request.method, request.path) for request in peer.requests]
        assert asked == [
            ("POST", "/sse?key=1"),  # server/discover
            ("POST", "/sse?key=1"),  # initialize
            ("GET", "/sse?key=1"),
            ("POST", "/messages?session=1"),
            ("POST", "/messages?session=1"),
        ]
        assert [message["method"] for message in peer.posted] == [
            "initialize",
            "notifications/initialized",
        ]
        assert {request.headers["authorization"] for request in peer.requests} == {"Bearer s3cret"}
        assert peer.requests[2].headers["accept"] == "text/event-stream"
        assert "mcp-method" not in peer.requests[3].headers


async def test_a_call_with_progress(tmp_path: Path) -> None:
    async def on_message(request: Request) -> None:
        for step in range(3):
            peer.stream.event(progress_of(request, step))
        peer.say(request, "done")

    steps: list[int] = []

    async def deliver(notification: Notification) -> None:
        steps.append(json.loads(bytes(notification.params))["progress"])

    async with talking(tmp_path, on_message) as (connection, peer, _):
        assert text_of(await call(connection, "progress", deliver=deliver)) == "done"
        assert steps == [0, 1, 2]
        assert not connection.is_busy


async def test_every_caller_gets_its_own_answer_and_no_other(tmp_path: Path) -> None:
    waiting: list[Request] = []

    async def on_message(request: Request) -> None:
        waiting.append(request)
        if len(waiting) < 20:
            return
        for one in reversed(waiting):
            for stranger in (one.message["id"] + 1000, str(one.message["id"]), None):
                peer.stream.event({"jsonrpc": "2.0", "id": stranger, "result": {}})
            peer.stream.chunk(b"data: no JSON\n\nevent: strange\ndata: {}\n\ndata:\n\n")
            text = one.message["params"]["arguments"]["text"]
            peer.say(one, text)
            peer.say(one, "a second answer")

    async with talking(tmp_path, on_message) as (connection, peer, _):
        texts = [f"text {number}" for number in range(20)]
        calls = [call(connection, "echo", {"text": text}) for text in texts]
        assert [text_of(reply) for reply in await asyncio.gather(*calls)] == texts
        transport = connection._transport
        assert isinstance(transport, EventStreamTransport)
        await until(lambda: transport.dropped == 20 * 6)


async def test_an_answer_that_is_too_large_fails_its_own_call(tmp_path: Path) -> None:
    async def on_message(request: Request) -> None:
        if request.message["params"]["name"] == "big":
            peer.say(request, "x" * LIMIT)
            request_id = request.message["id"]
            await until(lambda: request_id in finished)
            peer.say(neighbours[0], "mine")
        else:
            neighbours.append(request)

    neighbours: list[Request] = []
    finished: set[int] = set()
    async with talking(tmp_path, on_message) as (connection, peer, _):
        neighbour = asyncio.ensure_future(call(connection, "echo"))
        await until(lambda: len(neighbours) == 1)
        with pytest.raises(UpstreamError, match="more than 65536 bytes"):
            await call(connection, "big")
        finished.add(connection.next_id() - 1)
        assert text_of(await neighbour) == "mine"


async def test_a_large_message_that_names_no_call_fails_all(tmp_path: Path) -> None:
    async def on_message(request: Request) -> None:
        peer.stream.event(note("notifications/message", data="x" * LIMIT))

    async with talking(tmp_path, on_message) as (connection, peer, _):
        with pytest.raises(UpstreamError, match="more than 65536 bytes"):
            await call(connection, "echo")
        assert connection.is_alive


@pytest.mark.parametrize("how", ["timeout", "cancel"])
async def test_a_call_that_is_taken_back_is_cancelled_at_the_server(
    tmp_path: Path, how: str
) -> None:
    async with talking(tmp_path) as (connection, peer, _):
        timeout_s = 0.05 if how == "timeout" else 10.0
        running = asyncio.ensure_future(call(connection, "never", timeout_s=timeout_s))
        await until(lambda: len(peer.posted) == 3)
        if how == "cancel":
            running.cancel()
        await asyncio.wait([running])
        assert running.cancelled() or isinstance(running.exception(), UpstreamTimeout)
        await until(lambda: len(peer.posted) == 4)
        request_id = peer.posted[2]["id"]
        assert peer.posted[3]["params"] == {"requestId": request_id}
        assert connection.is_alive


async def test_questions_of_the_server_are_answered(tmp_path: Path) -> None:
    async def on_message(request: Request) -> None:
        calls.append(request)
        for method in ("ping", "elicitation/create"):
            peer.stream.event({"jsonrpc": "2.0", "id": method, "method": method, "params": {}})

    async def ask(question: Question) -> Reply:
        return OK if question.method == "elicitation/create" else Reply(None, None)

    calls: list[Request] = []
    async with talking(tmp_path, on_message) as (connection, peer, upstreams):
        lane = Lane(connection.era, b'{"elicitation":{}}')
        able = await upstreams.connect(http_server(peer.url), "f", nothing, lane)
        asking = asyncio.ensure_future(call(able, "ask", ask=ask))
        await until(lambda: len([one for one in peer.posted if "result" in one]) == 2)
        answers = {one["id"]: one["result"] for one in peer.posted if "result" in one}
        assert answers == {"ping": {}, "elicitation/create": {}}
        peer.say(calls[0], "asked")
        assert text_of(await asking) == "asked"
        offered = [one["params"]["capabilities"] for one in peer.posted if one.get("id") == 1]
        assert offered == [json.loads(EVERYTHING), {"elicitation": {}}]


async def broken(peer: RawEventStream) -> None:
    peer.stream.reset()


async def ended(peer: RawEventStream) -> None:
    peer.stream.end_stream()


@pytest.mark.parametrize("break_it", [broken, ended])
async def test_a_stream_that_ends_fails_what_runs_and_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, break_it: Any
) -> None:
    async def on_message(request: Request) -> None:
        if request.message["params"]["name"] == "echo":
            peer.say(request, "ok")

    monkeypatch.setattr(place, "FIRST_PAUSE_S", 0.0)
    async with talking(tmp_path, on_message) as (connection, peer, upstreams):
        running = [asyncio.ensure_future(call(connection, "never")) for _ in range(3)]
        await until(lambda: len(peer.posted) == 5)
        assert connection.is_busy
        await break_it(peer)
        for result in await asyncio.gather(*running, return_exceptions=True):
            assert isinstance(result, UpstreamError)
        assert not connection.is_alive
        with pytest.raises(UpstreamError, match="ended its event stream"):
            await call(connection, "echo")
        renewed = await upstreams.connect(http_server(peer.url), "f", nothing)
        assert text_of(await call(renewed, "echo")) == "ok"


@pytest.mark.parametrize(
    ("status", "message", "is_alive"),
    [
        (400, "refused the request", True),
        (500, "failed", True),
        (401, "refused our credential", True),
        (404, "ended its event stream", False),
    ],
)
async def test_a_message_that_is_not_taken(
    tmp_path: Path, status: int, message: str, is_alive: bool
) -> None:
    async with talking(tmp_path) as (connection, peer, _):
        peer.post_status = status
        with pytest.raises(UpstreamError, match=message):
            await call(connection, "echo")
        await asyncio.sleep(0.02)
        assert connection.is_alive is is_alive


ORIGIN = "http://127.0.0.1:{port}"
ENDPOINTS = [
    ("/messages?session=1", "/messages?session=1"),
    ("messages", "/messages"),
    ("?session=1", "/sse?session=1"),
    (ORIGIN + "/messages#part", "/messages"),
    ("HTTP://127.0.0.1:{port}/m", "/m"),
]


@pytest.mark.parametrize(("endpoint", "path"), ENDPOINTS)
async def test_an_endpoint_may_be_relative_or_absolute(
    tmp_path: Path, endpoint: str, path: str
) -> None:
    async with RawEventStream(ignore) as peer, open_upstreams(tmp_path) as upstreams:
        peer.endpoint = endpoint.format(port=peer.port)
        await upstreams.connect(http_server(peer.url), "f", nothing)
        assert peer.requests[-1].path == path


FOREIGN = [
    "http://localhost:{port}/messages",
    "https://127.0.0.1:{port}/messages",
    "//127.0.0.1:1/messages",
    "//127.0.0.1/messages",
    "http://key@127.0.0.1:{port}/messages",
    "http://127.0.0.1:port/messages",
    "http://[::1/messages",
    "file:///messages",
    "/messages with spaces",
    "/messages\N{SNOWMAN}",
]


@pytest.mark.parametrize("endpoint", FOREIGN)
async def test_another_origin_is_never_posted_to(tmp_path: Path, endpoint: str) -> None:
    async with RawEventStream(ignore) as peer, open_upstreams(tmp_path) as upstreams:
        peer.endpoint = endpoint.format(port=peer.port)
        with pytest.raises(UpstreamError, match=r"'web' (wants|says in no usable way)"):
            await upstreams.connect(http_server(peer.url), "f", nothing)
        assert peer.posted == []
        await peer.all_closed()


async def test_where_no_stream_is_the_first_refusal_is_told(tmp_path: Path) -> None:
    async with RawEventStream(ignore) as peer, open_upstreams(tmp_path) as upstreams:
        peer.get_status = 404
        with pytest.raises(UpstreamError, match="no MCP endpoint at its URL \\(405\\)"):
            await upstreams.connect(http_server(peer.url), "f", nothing)


async def test_a_credential_that_is_refused_at_the_stream_is_told(tmp_path: Path) -> None:
    async with RawEventStream(ignore) as peer, open_upstreams(tmp_path) as upstreams:
        peer.get_status = 401
        with pytest.raises(UpstreamError, match="refused our credential"):
            await upstreams.connect(http_server(peer.url), "f", nothing)


async def no_endpoint(request: Request) -> None:
    if request.method == "POST":
        request.error(-32601, 400)
        return
    request.begin_stream()
    request.event(note(TOOLS_CHANGED))


async def no_answer(request: Request) -> None:
    if request.method == "POST":
        request.answer(405)


async def nothing_on_it(request: Request) -> None:
    if request.method == "POST":
        request.answer(404)
        return
    request.begin_stream()
    request.end_stream()


@pytest.mark.parametrize("script", [no_endpoint, no_answer, nothing_on_it])
async def test_a_stream_without_an_endpoint_is_none(tmp_path: Path, script: Script) -> None:
    async with (
        RawHttp(script) as peer,
        open_upstreams(tmp_path, handshake_timeout_s=0.2) as upstreams,
    ):
        with pytest.raises(UpstreamError, match=r"no MCP endpoint|refused to initialize"):
            await upstreams.connect(http_server(peer.url), "f", nothing)
        await peer.all_closed()


@pytest.mark.parametrize("status", [401, 503])
async def test_a_refusal_or_an_outage_is_no_sign_of_a_stream(tmp_path: Path, status: int) -> None:
    async def script(request: Request) -> None:
        request.answer(status)

    async with RawHttp(script) as peer, open_upstreams(tmp_path) as upstreams:
        with pytest.raises(UpstreamError):
            await upstreams.connect(http_server(peer.url), "f", nothing)
        assert {request.method for request in peer.requests} == {"POST"}


@pytest.mark.parametrize("answer", [{"error": {"code": -32600, "message": "no"}}, {"result": 5}])
async def test_a_server_that_will_not_initialize(tmp_path: Path, answer: Any) -> None:
    async def script(request: Request) -> None:
        if request.path == "/messages":
            request.answer(202)
            streams[0].event({"jsonrpc": "2.0", "id": request.message["id"], **answer})
        elif request.method == "GET":
            request.begin_stream()
            request.chunk(b"event: endpoint\ndata: /messages\n\n")
            streams.append(request)
        else:
            request.answer(405)

    streams: list[Request] = []
    async with RawHttp(script) as peer, open_upstreams(tmp_path) as upstreams:
        with pytest.raises(UpstreamError, match="refused to initialize"):
            await upstreams.connect(http_server(peer.url), "f", nothing)
        await peer.all_closed()


async def test_it_is_watched_as_every_legacy_server_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def on_message(request: Request) -> None:
        peer.answer(request, {})

    monkeypatch.setattr(watch, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(place, "FIRST_PAUSE_S", 0.01)
    heard: list[str] = []
    async with talking(tmp_path, on_message) as (_, peer, upstreams):
        upstreams.on_change(lambda server_id, notification: heard.append(notification.method))
        server, uris = http_server(peer.url), frozenset({"a:b"})
        assert await upstreams.watch(server, "f", nothing, uris, ANY) == uris
        peer.stream.event(note(UPDATED, uri="a:b"))
        await until(lambda: heard == [UPDATED])
        peer.stream.reset()
        await until(lambda: len(heard) == 4)
        assert [one["method"] for one in peer.posted].count("resources/subscribe") == 2


async def test_closing_ends_the_stream(tmp_path: Path) -> None:
    async with talking(tmp_path) as (connection, peer, _):
        running = asyncio.ensure_future(call(connection, "never"))
        await until(lambda: len(peer.posted) == 3)
        await connection.close()
        with pytest.raises(UpstreamError):
            await running
        await peer.all_closed()


@pytest.fixture(scope="module")
def sdk_url() -> Iterator[str]:
    python = str(ROOT / ".venv-mcp1" / "bin" / "python")
    command = [python, str(PEERS / "fixture_mcp1.py"), "--sse", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


async def test_a_server_of_the_official_sdk(tmp_path: Path, sdk_url: str) -> None:
    steps: list[float] = []

    async def deliver(notification: Notification) -> None:
        steps.append(json.loads(bytes(notification.params))["progress"])

    async with open_upstreams(tmp_path) as upstreams:
        heard: list[str] = []
        upstreams.on_change(lambda server_id, notification: heard.append(notification.method))
        connection = await upstreams.connect(http_server(sdk_url), "f", nothing)
        texts = [f"grüße {number}" for number in range(20)]
        calls = [call(connection, "echo", {"text": text}) for text in texts]
        assert [text_of(reply) for reply in await asyncio.gather(*calls)] == texts
        assert text_of(await call(connection, "progress", {"steps": 3}, deliver=deliver)) == "done"
        assert steps == [1, 2, 3]
        unknown = Outgoing(connection.next_id(), "no/such-method", b"{}")
        assert code_of(await connection.exchange(unknown)) in (-32601, -32602)
        server = http_server(sdk_url)
        assert await upstreams.watch(server, "f", nothing, frozenset(), ANY) == set()
        await call(connection, "change_tools")
        await until(lambda: heard == [TOOLS_CHANGED])
