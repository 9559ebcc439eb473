"""Streamable HTTP against servers that behave, and against every way not to."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from mcpgw.errors import HeadersRefused, UpstreamError, UpstreamTimeout
from mcpgw.gateway.ports import Fill
from mcpgw.protocol.capability import EVERYTHING
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Lane, Notification, Question, Reply
from mcpgw.upstream import http_standing, in_flight
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.pool import Upstreams
from tests.live import call, code_of, filled, http_server, nothing, open_upstreams, text_of
from tests.peers.raw_http import RawMcp, Request, Script
from tests.peers.raw_news import TOOLS_CHANGED, RawNews, note
from tests.process import until

CANARY = "canary-7f3a"
MEGABYTE = 1 << 20


@asynccontextmanager
async def talking(
    tmp_path: Path, era: str, on_call: Script, fill: Fill = nothing, version: str = "2025-11-25"
) -> AsyncIterator[tuple[Connection, RawMcp, Upstreams]]:
    async with RawMcp(era, on_call) as peer:
        peer.version = version
        async with open_upstreams(tmp_path, max_message_bytes=MEGABYTE) as upstreams:
            server = http_server(peer.url)
            yield await upstreams.connect(server, "f", fill), peer, upstreams


def result_of(request: Request, text: str = "ok", **changes: object) -> dict[str, object]:
    result = {"content": [{"type": "text", "text": text}], "isError": False}
    return {"jsonrpc": "2.0", "id": request.message["id"], "result": result, **changes}


def progress_of(request: Request, step: int, token: object = None) -> dict[str, object]:
    token = request.message["id"] if token is None else token
    params = {"progressToken": token, "progress": step}
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}


async def say_ok(request: Request) -> None:
    request.say("ok")


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_only_configured_and_mcp_headers_leave(tmp_path: Path, era: str) -> None:
    fill = filled(("Authorization", "Bearer s3cret"))
    async with talking(tmp_path, era, say_ok, fill) as (connection, peer, _):
        await call(connection, "add", {"a": 1})
        request = peer.requests[-1]
        host = peer.url.split("/")[2]
    wanted = {
        "host": host,
        "accept-encoding": "identity",
        "user-agent": request.headers["user-agent"],
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "authorization": "Bearer s3cret",
        "content-length": str(len(request.body)),
    }
    if era == "modern":
        wanted |= {
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": "add",
        }
    else:
        wanted |= {"mcp-protocol-version": "2025-11-25", "mcp-session-id": peer.sessions[0]}
    assert dict(request.headers) == wanted
    assert request.message["method"] == "tools/call"


async def test_secrets_are_opened_for_each_request(tmp_path: Path) -> None:
    values = iter(f"v{count}" for count in range(100))
    fill = lambda: (("X-Key", next(values)),)  # noqa: E731
    async with talking(tmp_path, "modern", say_ok, fill) as (connection, peer, _):
        await call(connection, "add")
        await call(connection, "add")
        assert [request.headers["x-key"] for request in peer.requests] == ["v0", "v1", "v2"]


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18"])
async def test_older_sessions_name_their_version_when_it_was_invented(
    tmp_path: Path, version: str
) -> None:
    async with talking(tmp_path, "legacy", say_ok, version=version) as (connection, peer, _):
        assert connection.version == version
        await call(connection, "add")
        named = peer.requests[-1].headers.get("mcp-protocol-version")
        assert named == ("2025-06-18" if version == "2025-06-18" else None)


async def in_one_chunk(request: Request) -> None:
    request.begin_stream()
    request.event(progress_of(request, 1))
    request.event(result_of(request))
    request.end_stream()


async def in_drips(request: Request) -> None:
    request.begin_stream()
    event = b": hello\n\nid: 1\ndata:\n\ndata: " + json.dumps(progress_of(request, 1)).encode()
    event += b"\r\n\r\nevent: message\r\ndata: " + json.dumps(result_of(request)).encode() + b"\n\n"
    for start in range(0, len(event), 7):
        request.chunk(event[start : start + 7])
        await asyncio.sleep(0)
    request.end_stream()


async def among_strangers(request: Request) -> None:
    request.begin_stream()
    request.event(progress_of(request, 9, token="another"))
    request.event({"jsonrpc": "2.0", "method": "notifications/unheard-of"})
    request.event(result_of(request, "not yours", id=request.message["id"] + 1000))
    request.event(result_of(request, "not yours", id=str(request.message["id"])))
    request.chunk(b"data: this is no JSON\n\n")
    request.event(progress_of(request, 1))
    request.event(result_of(request))
    request.event(result_of(request, "a second answer"))
    request.end_stream()


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("on_call", [in_one_chunk, in_drips, among_strangers])
async def test_a_stream_brings_progress_and_then_the_answer(
    tmp_path: Path, era: str, on_call: Script
) -> None:
    delivered: list[Notification] = []

    async def deliver(notification: Notification) -> None:
        delivered.append(notification)

    async with talking(tmp_path, era, on_call) as (connection, peer, _):
        for _ in range(3):
            assert text_of(await call(connection, "add", deliver=deliver)) == "ok"
        assert [json.loads(bytes(one.params))["progress"] for one in delivered] == [1, 1, 1]
        assert {one.method for one in delivered} == {"notifications/progress"}
        assert text_of(await call(connection, "add")) == "ok"
        assert peer.connections <= 2


async def test_log_messages_of_a_stream_are_delivered(tmp_path: Path) -> None:
    delivered: list[str] = []

    async def deliver(notification: Notification) -> None:
        delivered.append(notification.method)

    async def on_call(request: Request) -> None:
        request.begin_stream()
        request.event({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
        request.event(result_of(request))
        request.end_stream()

    async with talking(tmp_path, "modern", on_call) as (connection, _, _):
        await call(connection, "add", deliver=deliver)
    assert delivered == ["notifications/message"]


async def test_list_changes_reach_the_listeners(tmp_path: Path) -> None:
    changes: list[tuple[str, str]] = []

    async def on_call(request: Request) -> None:
        request.begin_stream()
        request.event({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        request.event(result_of(request))
        request.end_stream()

    async with talking(tmp_path, "legacy", on_call) as (connection, _, upstreams):
        upstreams.on_change(lambda server_id, change: changes.append((server_id, change.method)))
        await call(connection, "add")
    assert changes == [("web", "notifications/tools/list_changed")]


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_server_that_asks_us_is_answered_in_the_legacy_era_only(
    tmp_path: Path, era: str
) -> None:
    async def on_call(request: Request) -> None:
        request.begin_stream()
        request.event({"jsonrpc": "2.0", "id": "p", "method": "ping"})
        request.event({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {}})
        if era == "legacy":
            await until(lambda: len(peer.told) == 3)
        request.event(result_of(request))
        request.end_stream()

    async with talking(tmp_path, era, on_call) as (connection, peer, _):
        assert text_of(await call(connection, "add")) == "ok"
        answers = {answer.get("id"): answer for answer in peer.told if "method" not in answer}
        if era == "modern":
            assert answers == {}
        else:
            assert answers["p"]["result"] == {}
            assert answers[1]["result"] == {"action": "cancel"}


def status(number: int, headers: dict[str, str] | None = None) -> Script:
    async def script(request: Request) -> None:
        request.answer(number, CANARY.encode(), headers)

    return script


async def garbage(request: Request) -> None:
    request.answer(200, CANARY.encode(), {"Content-Type": "application/json"})


async def web_page(request: Request) -> None:
    request.answer(200, f"<html>{CANARY}".encode(), {"Content-Type": "text/html"})


async def wrong_id(request: Request) -> None:
    request.answer_json(result_of(request, CANARY, id=request.message["id"] + 1))


async def no_id(request: Request) -> None:
    request.answer_json(result_of(request, CANARY, id=None))


async def redirected_error(request: Request) -> None:
    request.error(-32602, 302)


async def failing_result(request: Request) -> None:
    request.answer_json(result_of(request, CANARY), 500)


async def neither(request: Request) -> None:
    request.answer_json({"jsonrpc": "2.0", "id": request.message["id"]})


async def too_large(request: Request) -> None:
    request.say("x" * 2 * MEGABYTE)


async def too_large_event(request: Request) -> None:
    request.begin_stream()
    request.event(result_of(request, "x" * 2 * MEGABYTE))


async def stream_without_answer(request: Request) -> None:
    request.begin_stream()
    request.event(progress_of(request, 1))
    request.end_stream()


async def cut_off(request: Request) -> None:
    request.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    request.close()


async def cut_off_stream(request: Request) -> None:
    request.begin_stream()
    request.event(progress_of(request, 1))
    request.reset()


FAILURES = [
    (status(401, {"WWW-Authenticate": CANARY}), "refused our credential \\(401\\)"),
    (status(403), "refused our credential \\(403\\)"),
    (status(302, {"Location": "http://evil/" + CANARY}), "redirects elsewhere"),
    (status(307, {"Location": "http://evil/" + CANARY}), "redirects elsewhere"),
    (status(400), "refused the request"),
    (status(429), "limits our requests"),
    (status(500), "failed \\(500\\)"),
    (status(202), "without answering"),
    (redirected_error, "redirects elsewhere"),
    (failing_result, "failed \\(500\\)"),
    (garbage, "not MCP"),
    (web_page, "not MCP"),
    (wrong_id, "another request"),
    (no_id, "another request"),
    (neither, "not MCP"),
    (too_large, "more than"),
    (too_large_event, "more than"),
    (stream_without_answer, "without a result"),
    (cut_off, "in the middle of its answer"),
    (cut_off_stream, "reset the connection|in the middle"),
]


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize(("on_call", "words"), FAILURES)
async def test_a_failure_is_told_once_and_costs_one_call(
    tmp_path: Path, era: str, on_call: Script, words: str
) -> None:
    is_failing = True

    async def script(request: Request) -> None:
        await (on_call if is_failing else say_ok)(request)

    async with talking(tmp_path, era, script) as (connection, peer, upstreams):
        before = len(peer.requests)
        with pytest.raises(UpstreamError, match=f"server 'web' .*({words})") as caught:
            await call(connection, "add")
        assert CANARY not in caught.value.message + caught.value.hint
        assert len(peer.requests) == before + 1
        is_failing = False
        connection = await upstreams.connect(http_server(peer.url), "f", nothing)
        assert text_of(await call(connection, "add")) == "ok"


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("http_status", [200, 400, 404, 500])
async def test_the_error_of_a_server_is_a_reply(tmp_path: Path, era: str, http_status: int) -> None:
    if (era, http_status) == ("legacy", 404):
        return  # That is a lost session, below.

    async def on_call(request: Request) -> None:
        request.error(-32602, http_status)

    async with talking(tmp_path, era, on_call) as (connection, _, _):
        assert code_of(await call(connection, "add")) == -32602
        assert connection.is_alive


@pytest.mark.parametrize("request_id", ["server-error", None])
async def test_an_error_may_come_without_our_id(tmp_path: Path, request_id: object) -> None:
    async def on_call(request: Request) -> None:
        error = {"code": -32600, "message": "no"}
        request.answer_json({"jsonrpc": "2.0", "id": request_id, "error": error}, 400)

    async with talking(tmp_path, "modern", on_call) as (connection, _, _):
        assert code_of(await call(connection, "add")) == -32600


@pytest.mark.parametrize(
    ("era", "code"), [("modern", -32022), ("legacy", -32022), ("legacy", -32020)]
)
async def test_errors_about_our_own_speech_are_not_passed_on(
    tmp_path: Path, era: str, code: int
) -> None:
    async def on_call(request: Request) -> None:
        request.error(code, 400)

    async with talking(tmp_path, era, on_call) as (connection, _, _):
        with pytest.raises(UpstreamError, match="how we speak"):
            await call(connection, "add")
        assert not connection.is_alive


async def test_refused_headers_cost_no_connection(tmp_path: Path) -> None:
    async def on_call(request: Request) -> None:
        request.error(-32020, 400)

    async with talking(tmp_path, "modern", on_call) as (connection, _, _):
        with pytest.raises(HeadersRefused, match=r"server .web. .*its tools may have changed"):
            await call(connection, "add")
        assert connection.is_alive


async def test_a_lost_session_is_made_anew_once_for_everybody(tmp_path: Path) -> None:
    async with talking(tmp_path, "legacy", say_ok) as (connection, peer, _):
        assert text_of(await call(connection, "add")) == "ok"
        peer.forget_sessions()
        replies = await asyncio.gather(*[call(connection, "add") for _ in range(10)])
        assert {text_of(reply) for reply in replies} == {"ok"}
        assert len(peer.sessions) == 1
        methods = [one.message["method"] for one in peer.requests if one.message]
        assert methods.count("initialize") == 2
        assert methods.count("notifications/initialized") == 2


async def test_a_session_that_is_lost_again_is_an_error(tmp_path: Path) -> None:
    async with talking(tmp_path, "legacy", status(404)) as (connection, peer, _):
        with pytest.raises(UpstreamError, match="session"):
            await call(connection, "add")
        calls = [
            one for one in peer.requests if one.message and one.message["method"] == "tools/call"
        ]
        assert len(calls) == 2


async def test_a_session_that_cannot_be_made_anew_is_an_error(tmp_path: Path) -> None:
    async with talking(tmp_path, "legacy", say_ok) as (connection, peer, _):
        peer.forget_sessions()
        peer.era = "gone"
        with pytest.raises(UpstreamError, match="refused to initialize"):
            await call(connection, "add")
        assert not connection.is_alive


async def test_without_a_session_none_is_lost(tmp_path: Path) -> None:
    async def stateless(request: Request) -> None:
        method = request.message["method"]
        if method == "initialize":
            request.result({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}})
        elif method == "tools/call":
            request.error(-32602, 404)
        else:
            request.answer(202)

    async with RawMcp("legacy", say_ok) as peer, open_upstreams(tmp_path) as upstreams:
        peer.script = stateless
        connection = await upstreams.connect(http_server(peer.url), "f", nothing)
        assert "mcp-session-id" not in peer.requests[-1].headers
        assert code_of(await call(connection, "add")) == -32602
        assert [one.message["method"] for one in peer.requests].count("initialize") == 1


async def never(request: Request) -> None:
    pass


async def never_ending(request: Request) -> None:
    request.begin_stream()
    request.event(progress_of(request, 1))


@pytest.mark.parametrize("on_call", [never, never_ending])
@pytest.mark.parametrize("how", ["timeout", "cancel"])
@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_request_is_taken_back(tmp_path: Path, era: str, how: str, on_call: Script) -> None:
    async with talking(tmp_path, era, on_call) as (connection, peer, _):
        if how == "timeout":
            with pytest.raises(UpstreamTimeout):
                await call(connection, "add", timeout_s=0.05)
        else:
            running = asyncio.ensure_future(call(connection, "add"))
            await asyncio.sleep(0.05)
            running.cancel()
            await asyncio.wait([running])
            assert running.cancelled()
        request = next(one for one in peer.requests if one.message.get("method") == "tools/call")
        await until(request.writer.transport.is_closing)
        if era == "legacy":
            wanted = {"requestId": request.message["id"]}
            await until(lambda: any(one.get("params") == wanted for one in peer.told))
        else:
            assert peer.told == []


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_progress_without_end_costs_its_own_call(tmp_path: Path, era: str) -> None:
    heard = 0

    async def deliver(notification: Notification) -> None:
        nonlocal heard
        heard += 1

    async def on_call(request: Request) -> None:
        if request.message["params"]["name"] == "echo":
            await asyncio.sleep(0.3)
            request.say("fine")
            return
        request.begin_stream()
        for step in count():
            request.event(progress_of(request, step))
            await request.writer.drain()
            await asyncio.sleep(0)

    async with talking(tmp_path, era, on_call) as (connection, _, _):
        neighbour = asyncio.ensure_future(call(connection, "echo"))
        with pytest.raises(UpstreamTimeout):
            await call(connection, "flood", deliver=deliver, timeout_s=0.2)
        assert text_of(await neighbour) == "fine"
        assert heard > 10


async def test_who_takes_progress_too_slowly_runs_out_of_time(tmp_path: Path) -> None:
    async def deliver(notification: Notification) -> None:
        await asyncio.sleep(60)

    async with talking(tmp_path, "modern", in_one_chunk) as (connection, _, _):
        with pytest.raises(UpstreamTimeout):
            await call(connection, "add", deliver=deliver, timeout_s=0.05)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_an_error_of_who_takes_progress_takes_the_request_back(
    tmp_path: Path, era: str
) -> None:
    async def deliver(notification: Notification) -> None:
        raise ConnectionResetError("the client left")

    async with talking(tmp_path, era, never_ending) as (connection, peer, _):
        with pytest.raises(ConnectionResetError):
            await call(connection, "add", deliver=deliver)
        if era == "legacy":
            await until(lambda: peer.told[-1]["method"] == "notifications/cancelled")
        request = next(one for one in peer.requests if one.message.get("method") == "tools/call")
        await until(request.writer.transport.is_closing)


async def test_closing_ends_the_session(tmp_path: Path) -> None:
    async with talking(tmp_path, "legacy", say_ok) as (_, peer, upstreams):
        session = peer.sessions[0]
        await upstreams.close()
        assert peer.ended == [session]
        await peer.all_closed()


async def test_closing_does_not_need_the_server(tmp_path: Path) -> None:
    async with talking(tmp_path, "legacy", say_ok) as (connection, peer, _):
        await peer.__aexit__(None, None, None)
        await connection.close()
        with pytest.raises(UpstreamError):
            await call(connection, "add")


# What a legacy server asks and says on its session's own stream.

ABLE = b'{"elicitation":{"form":{}}}'


class Asker:
    """A server whose calls are answered when the test says so. Its `gets` are the streams."""

    def __init__(self, peer: RawNews, upstreams: Upstreams) -> None:
        self.peer = peer
        self.upstreams = upstreams
        self.server = http_server(peer.url)
        self.calls: list[Request] = []
        peer.on_call = self._on_call

    async def connect(self, client: str, capabilities: bytes = ABLE) -> Connection:
        lane = Lane(Era.LEGACY, capabilities, client)
        return await self.upstreams.connect(self.server, "f", nothing, lane)

    async def begin(self, connection: Connection, client: str, **given: Any) -> "Calling":
        """Begin a call and wait until the server has it."""
        calling = Calling(client)
        count = len(self.calls)
        doing = call(connection, "it", ask=calling.ask, client=client, **given)
        calling.task = asyncio.ensure_future(doing)
        await until(lambda: len(self.calls) > count)
        return calling

    def ask(self, request_id: object = "q", method: str = "elicitation/create") -> None:
        self.peer.gets[-1].event({"jsonrpc": "2.0", "id": request_id, "method": method})

    async def answer(self, request_id: object = "q") -> Any:
        """Wait for the answer to a question."""
        await until(lambda: any(one.get("id") == request_id for one in self.peer.told))
        (answer,) = [one for one in self.peer.told if one.get("id") == request_id]
        self.peer.told.remove(answer)
        return answer.get("result", answer.get("error"))

    async def _on_call(self, request: Request) -> None:
        self.calls.append(request)


class Calling:
    """A call of a client that answers with its name when its gate is open."""

    def __init__(self, client: str) -> None:
        self.client = client
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.task: asyncio.Future[Reply]

    async def ask(self, question: Question) -> Reply:
        self.asked += 1
        await self.gate.wait()
        return Reply(Raw(json.dumps({"by": self.client}).encode()), None)


@asynccontextmanager
async def asking(tmp_path: Path, **settings: Any) -> AsyncIterator[Asker]:
    async with RawNews("legacy") as peer, open_upstreams(tmp_path, **settings) as upstreams:
        yield Asker(peer, upstreams)


async def test_a_question_on_the_sessions_stream_is_put_to_the_call_that_runs(
    tmp_path: Path,
) -> None:
    async with asking(tmp_path, max_connections=1) as asker:
        connection = await asker.connect("a")
        assert asker.peer.gets == []
        calling = await asker.begin(connection, "a")
        (get,) = asker.peer.gets
        assert get.headers["mcp-session-id"] == asker.calls[0].headers["mcp-session-id"]
        assert connection.is_busy
        asker.ask()
        assert await asker.answer() == {"by": "a"}
        asker.calls[0].say("done")
        assert text_of(await calling.task) == "done"
        await until(lambda: not connection.is_busy)  # The stream is no call.
        asker.ask("late")  # Nobody is there any more.
        assert await asker.answer("late") == {"action": "cancel"}
        assert len(asker.peer.gets) == 1


@pytest.mark.parametrize("answers_with", ["body", "stream"])
async def test_a_client_may_take_longer_than_the_server_may(
    tmp_path: Path, answers_with: str
) -> None:
    async with asking(tmp_path) as asker:
        calling = await asker.begin(await asker.connect("a"), "a", timeout_s=0.3)
        calling.gate.clear()
        if answers_with == "stream":
            asker.calls[0].begin_stream()
        asker.ask()
        await until(lambda: calling.asked == 1)
        await asyncio.sleep(0.4)
        assert not calling.task.done()
        calling.gate.set()
        assert await asker.answer() == {"by": "a"}
        if answers_with == "stream":
            asker.calls[0].event(result_of(asker.calls[0], "done"))
        else:
            asker.calls[0].say("done")
        assert text_of(await calling.task) == "done"


async def test_clients_that_share_a_connection_are_told_apart_or_not_asked(tmp_path: Path) -> None:
    async with asking(tmp_path) as asker:
        shared = await asker.connect("a")
        assert await asker.connect("b") is shared
        a, b = await asker.begin(shared, "a"), await asker.begin(shared, "b")
        asker.ask()
        assert await asker.answer() == {"action": "cancel"}
        assert a.asked == b.asked == 0
        # From here on each has a session for itself.
        mine, other = await asker.connect("a"), await asker.connect("b")
        assert len({id(one) for one in (shared, mine, other)}) == 3
        again = await asker.begin(mine, "a")
        asker.ask()
        assert await asker.answer() == {"by": "a"}
        assert (again.asked, b.asked) == (1, 0)
        plain = await asker.connect("a", b"{}")
        assert await asker.connect("b", b"{}") is plain
        for request in asker.calls:
            request.say("done")
        await asyncio.gather(a.task, b.task, again.task)


async def test_nobody_is_asked_for_another_who_left(tmp_path: Path) -> None:
    async with asking(tmp_path) as asker:
        shared = await asker.connect("a")
        left = await asker.begin(shared, "a")
        left.task.cancel()
        await asyncio.wait([left.task])
        b = await asker.begin(shared, "b")
        asker.ask()
        assert await asker.answer() == {"action": "cancel"}
        asker.calls[1].say("done")
        await b.task
        assert b.asked == 0


async def test_what_is_said_on_the_sessions_stream_reaches_whom_it_concerns(
    tmp_path: Path,
) -> None:
    heard: list[Any] = []
    gate = asyncio.Event()

    async def deliver(notification: Notification) -> None:
        await gate.wait()
        heard.append(json.loads(bytes(notification.params)).get("data", "progress"))

    async with asking(tmp_path) as asker:
        changed: list[str] = []
        asker.upstreams.on_change(lambda _, notification: changed.append(notification.method))
        calling = await asker.begin(await asker.connect("a"), "a", deliver=deliver)
        get = asker.peer.gets[0]
        many = in_flight.MAX_NOTIFICATIONS + 2
        get.event(note(TOOLS_CHANGED))
        get.event(note("notifications/message", data=-1))
        await until(lambda: len(changed) == 1)
        await asyncio.sleep(0.02)
        for number in range(many):
            get.event(note("notifications/message", data=number))
        token = asker.calls[0].message["id"]
        get.event(note("notifications/progress", progressToken=token, progress=1))
        get.event(note(TOOLS_CHANGED))
        await until(lambda: len(changed) == 2)
        gate.set()
        await until(lambda: heard[-1:] == ["progress"])
        assert heard == [-1, *range(3, many), "progress"]
        asker.calls[0].say("done")
        await calling.task


@pytest.mark.parametrize("leaves", ["after", "before"])
async def test_what_its_client_does_not_take_is_lost_without_harm(
    tmp_path: Path, leaves: str
) -> None:
    async def deliver(notification: Notification) -> None:
        taken.append(notification)
        if leaves == "before":
            raise ConnectionResetError("the client left")
        await asyncio.sleep(60)

    taken: list[Notification] = []
    async with asking(tmp_path) as asker:
        calling = await asker.begin(await asker.connect("a"), "a", deliver=deliver)
        for _ in range(2):
            asker.peer.gets[0].event(note("notifications/message", data="x"))
        await until(lambda: len(taken) > 0)
        asker.calls[0].say("done")
        assert text_of(await calling.task) == "done"
        silent = await asker.begin(await asker.connect("a"), "a")
        asker.peer.gets[0].event(note("notifications/message", data="x"))
        asker.ask()
        assert await asker.answer() == {"by": "a"}
        asker.calls[1].say("done")
        await silent.task


async def test_who_cannot_be_asked_costs_no_stream(tmp_path: Path) -> None:
    async with asking(tmp_path) as asker:
        plain = await asker.begin(await asker.connect("a", b"{}"), "a")
        able = await asker.connect("a")
        own = asyncio.ensure_future(call(able, "list", client=""))
        await until(lambda: len(asker.calls) == 2)
        for request in asker.calls:
            request.say("done")
        await asyncio.gather(plain.task, own)
        assert asker.peer.gets == []


async def test_a_watch_and_calls_share_the_sessions_stream(tmp_path: Path) -> None:
    async with asking(tmp_path) as asker:
        wanted = frozenset({"a:b"}), frozenset({Era.LEGACY})
        await asker.upstreams.watch(asker.server, "f", nothing, *wanted)
        connection = await asker.connect("a", EVERYTHING)
        calling = await asker.begin(connection, "a")
        asker.ask()
        assert await asker.answer() == {"by": "a"}
        asker.upstreams.unwatch("web")
        await until(lambda: asker.peer.subscribed == [])
        asker.ask()
        assert await asker.answer() == {"by": "a"}
        await asker.upstreams.watch(asker.server, "f", nothing, *wanted)
        asker.calls[0].say("done")
        await calling.task
        assert len(asker.peer.gets) == 1


async def test_a_call_that_finds_its_session_lost_is_asked_in_the_new_one(tmp_path: Path) -> None:
    async with asking(tmp_path) as asker:
        connection = await asker.connect("a")
        first = await asker.begin(connection, "a")
        asker.calls[0].say("done")
        await first.task
        asker.peer.forget_sessions()
        second = await asker.begin(connection, "a")
        assert len(asker.peer.gets) == 2
        assert asker.peer.gets[1].headers["mcp-session-id"] == asker.peer.sessions[0]
        asker.ask()
        assert await asker.answer() == {"by": "a"}
        asker.calls[1].say("done")
        await second.task
        assert len(asker.peer.still_open(asker.peer.gets)) == 1


@pytest.mark.parametrize("http_status", [401, 404, 405, 409, 500])
async def test_calls_go_on_without_a_stream(tmp_path: Path, http_status: int) -> None:
    async def refuse(request: Request) -> None:
        request.answer(http_status)

    async with asking(tmp_path) as asker:
        asker.peer.on_get = refuse
        connection = await asker.connect("a")
        for number in range(2):
            calling = await asker.begin(connection, "a")
            asker.calls[number].say("done")
            assert text_of(await calling.task) == "done"
        assert len(asker.peer.gets) == 1
        assert len(asker.peer.sessions) == 2  # The primary connection's, and this one's.


async def test_a_stream_that_does_not_begin_holds_no_call_up_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_standing, "CALL_WAITS_S", 0.05)
    async with asking(tmp_path) as asker:
        asker.peer.on_get = never
        calling = await asker.begin(await asker.connect("a"), "a")
        asker.calls[0].say("done")
        assert text_of(await calling.task) == "done"


async def test_a_stream_that_breaks_is_resumed_while_a_call_runs(tmp_path: Path) -> None:
    async def brief(request: Request) -> None:
        request.begin_stream()
        request.chunk(b"retry: 100\nid: e%d\ndata:\n\n" % len(asker.peer.gets))
        if not asker.peer.gets:
            request.end_stream()

    async with asking(tmp_path) as asker:
        asker.peer.on_get = brief
        calling = await asker.begin(await asker.connect("a"), "a")
        await until(lambda: len(asker.peer.gets) == 2)
        assert asker.peer.gets[1].headers["last-event-id"] == "e0"
        asker.ask()
        assert await asker.answer() == {"by": "a"}
        asker.calls[0].say("done")
        await calling.task
