"""Streamable HTTP against servers that behave, and against every way not to."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mcpgw.errors import UpstreamError, UpstreamTimeout
from mcpgw.gateway.ports import Fill
from mcpgw.protocol.exchange import Notification
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.pool import Upstreams
from tests.live import call, code_of, filled, http_server, nothing, open_upstreams, text_of
from tests.peers.raw_http import RawMcp, Request, Script
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
        upstreams.on_change(lambda server_id, method: changes.append((server_id, method)))
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
            assert answers[1]["error"]["code"] == -32601


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


@pytest.mark.parametrize("code", [-32020, -32022])
async def test_errors_about_our_own_speech_are_not_passed_on(tmp_path: Path, code: int) -> None:
    async def on_call(request: Request) -> None:
        request.error(code, 400)

    async with talking(tmp_path, "modern", on_call) as (connection, _, _):
        with pytest.raises(UpstreamError, match="how we speak"):
            await call(connection, "add")
        assert not connection.is_alive


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
