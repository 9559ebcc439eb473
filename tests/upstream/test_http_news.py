"""The streams of an HTTP server on which arrives what belongs to no call."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mcpgw.errors import UpstreamError, UpstreamTimeout
from mcpgw.model.server import HttpLaunch
from mcpgw.protocol.exchange import Notification, Outgoing, Reply
from mcpgw.upstream.background import Background
from mcpgw.upstream.http_head import RequestWriter, modern_lines, session_lines
from mcpgw.upstream.http_news import HttpNews
from mcpgw.upstream.http_pool import HttpPool
from mcpgw.upstream.in_flight import InFlight, Running
from tests.live import code_of, nothing
from tests.peers.raw_http import RawHttp, Request, Script
from tests.peers.raw_news import TOOLS_CHANGED, UPDATED, note, stream
from tests.process import until

LINES = session_lines("2025-11-25", "s1")
PARAMS = b'{"notifications":{}}'
LIMIT = 1 << 16


class Way:
    """What the streams need of a transport."""

    server = "web"
    dropped = 0
    max_message_bytes = LIMIT

    def __init__(self) -> None:
        self.announced: list[str] = []

    def announce(self, notification: Notification) -> None:
        self.announced.append(notification.method)


@asynccontextmanager
async def talking(script: Script) -> AsyncIterator[tuple[HttpNews, RawHttp, Way]]:
    async with RawHttp(script) as peer:
        writer = RequestWriter("web", HttpLaunch(peer.url, ()), nothing)
        pool = HttpPool("web", peer.url, max_connections=1, max_body_bytes=LIMIT, trust=no_tls)
        way = Way()
        news = HttpNews(way, writer, pool)
        try:
            yield news, peer, way
        finally:
            news.close()
            assert not pool.is_busy
            pool.close()


def no_tls() -> Any:
    raise AssertionError("nobody speaks TLS here")


def listen(news: HttpNews, heard: list[str], timeout_s: float = 5.0) -> Coroutine[Any, Any, Reply]:
    message = Outgoing(7, "subscriptions/listen", PARAMS, timeout_s=timeout_s)
    lines = modern_lines("2026-07-28", message)
    return news.listen(message, lines, lambda notification: heard.append(notification.method))


async def test_a_subscription_brings_its_news_and_may_be_answered() -> None:
    async def script(request: Request) -> None:
        request.begin_stream()
        request.event(note(UPDATED, request, uri="a:b"))
        request.event({"jsonrpc": "2.0", "id": "q", "method": "ping"})
        request.event({"jsonrpc": "2.0", "id": 8, "result": {}})
        request.event({"jsonrpc": "2.0", "id": 7})
        request.chunk(b"data: no JSON\n\nid: 5\ndata:\n\ndata: " + b"x" * LIMIT + b"\n\n")
        request.event(note(TOOLS_CHANGED, request))
        request.event({"jsonrpc": "2.0", "id": 7, "result": {"resultType": "complete"}})

    heard: list[str] = []
    async with talking(script) as (news, peer, way):
        reply = await listen(news, heard)
        assert json.loads(bytes(reply.result or b"")) == {"resultType": "complete"}
        assert heard == [UPDATED, TOOLS_CHANGED]
        assert way.dropped == 5
        await peer.all_closed()
        request = peer.requests[0]
        assert request.headers["mcp-method"] == "subscriptions/listen"
        assert request.message == {
            "jsonrpc": "2.0",
            "id": 7,
            "method": "subscriptions/listen",
            "params": {"notifications": {}},
        }


def answering(status: int, message: object = None) -> Script:
    async def script(request: Request) -> None:
        if message is None:
            request.answer(status)
        else:
            request.answer_json(message, status)

    return script


REFUSAL = {"jsonrpc": "2.0", "id": 7, "error": {"code": -32602, "message": "no"}}


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (answering(200, REFUSAL), -32602),
        (answering(400, REFUSAL), -32602),
        (answering(404), -32601),
        (answering(405), -32601),
        (answering(404, {"jsonrpc": "2.0", "id": 7, "result": {}}), -32601),
    ],
)
async def test_a_server_without_subscriptions_says_so(script: Script, code: int) -> None:
    async with talking(script) as (news, _, _):
        assert code_of(await listen(news, [])) == code


@pytest.mark.parametrize("status", [200, 202, 400, 401, 503])
async def test_what_is_no_answer_to_a_subscription(status: int) -> None:
    async with talking(answering(status)) as (news, _, _):
        with pytest.raises(UpstreamError, match=str(status)):
            await listen(news, [])


async def silence(request: Request) -> None:
    pass


async def broken_off(request: Request) -> None:
    request.begin_stream()
    request.event(note(TOOLS_CHANGED))
    await request.writer.drain()
    request.reset()


async def ended(request: Request) -> None:
    request.begin_stream()
    request.event(note(TOOLS_CHANGED))
    request.end_stream()


async def test_a_subscription_that_does_not_begin() -> None:
    async with talking(silence) as (news, peer, _):
        with pytest.raises(UpstreamTimeout):
            await listen(news, [], timeout_s=0.05)
        await peer.all_closed()


@pytest.mark.parametrize("script", [broken_off, ended])
async def test_a_subscription_that_ends_without_an_answer(script: Script) -> None:
    async with talking(script) as (news, _, _):
        with pytest.raises(UpstreamError):
            await listen(news, [])


async def test_who_wants_no_more_closes_the_stream() -> None:
    async with talking(stream) as (news, peer, _):
        heard: list[str] = []
        listening = asyncio.ensure_future(listen(news, heard))
        await until(lambda: len(heard) > 0)
        listening.cancel()
        await asyncio.wait([listening])
        await peer.all_closed()


async def hear(
    news: HttpNews,
    opened: list[bool],
    lines: bytes = LINES,
    in_flight: InFlight[Running] | None = None,
) -> float | None:
    in_flight = in_flight or InFlight("web", lambda: None, Background(owner_is_gone), print)
    return await news.hear(lines, in_flight, lambda: opened.append(True))


def owner_is_gone(work: object) -> object:
    raise RuntimeError


async def test_the_standing_stream_is_asked_for_as_the_session_wants() -> None:
    async def script(request: Request) -> None:
        request.begin_stream()
        for method in (TOOLS_CHANGED, UPDATED, "notifications/message"):
            request.event(note(method))
        for method in ("ping", "elicitation/create", "sampling/createMessage"):
            request.event({"jsonrpc": "2.0", "id": method, "method": method})
        request.event({"jsonrpc": "2.0", "id": 1, "result": {}})

    opened: list[bool] = []
    sent: list[bytes] = []
    in_flight = InFlight[Running]("web", lambda: None, Background(owner_is_gone), sent.append)
    async with talking(script) as (news, peer, way):
        hearing = asyncio.ensure_future(hear(news, opened, in_flight=in_flight))
        await until(lambda: way.dropped == 2)
        assert opened == [True]
        assert way.announced == [TOOLS_CHANGED, UPDATED]
        answers = {answer["id"]: answer for answer in map(json.loads, sent)}
        assert answers["ping"]["result"] == {}
        assert answers["elicitation/create"]["result"] == {"action": "cancel"}
        assert answers["sampling/createMessage"]["error"]["code"] == -32601
        headers = peer.requests[0].headers
        assert peer.requests[0].method == "GET"
        assert headers["accept"] == "text/event-stream"
        assert headers["mcp-session-id"] == "s1"
        assert headers["mcp-protocol-version"] == "2025-11-25"
        assert "last-event-id" not in headers
        hearing.cancel()
        await asyncio.wait([hearing])
        await peer.all_closed()


@pytest.mark.parametrize("is_broken_off", [True, False])
@pytest.mark.parametrize(
    ("retry", "pause_s"), [(b"", 1.0), (b"retry: 200\n", 0.2), (b"retry: 99999999\n", 30.0)]
)
async def test_a_stream_with_ids_goes_on_where_it_ended(
    is_broken_off: bool, retry: bytes, pause_s: float
) -> None:
    async def script(request: Request) -> None:
        request.begin_stream()
        request.chunk(retry + b"id: e1\ndata:\n\n")
        await request.writer.drain()
        if is_broken_off:
            request.reset()
        else:
            request.end_stream()

    async with talking(script) as (news, peer, _):
        assert await hear(news, []) == pause_s
        assert await hear(news, []) == pause_s
        await hear(news, [], session_lines("2025-11-25", "s2"))
        resumed = [request.headers.get("last-event-id") for request in peer.requests]
        assert resumed == [None, "e1", None]  # Another session has other events.


@pytest.mark.parametrize("script", [broken_off, ended])
async def test_a_stream_without_ids_leaves_a_gap(script: Script) -> None:
    async with talking(script) as (news, _, way):
        with pytest.raises(UpstreamError):
            await hear(news, [])
        assert way.announced == [TOOLS_CHANGED]


async def test_a_session_that_is_no_more() -> None:
    async with talking(answering(404)) as (news, _, _):
        assert await hear(news, []) is None


@pytest.mark.parametrize("status", [301, 401, 409, 429, 500, 503])
async def test_a_stream_that_is_not_to_be_had_for_now(status: int) -> None:
    async with talking(answering(status)) as (news, _, _):
        with pytest.raises(UpstreamError):
            await hear(news, [])


@pytest.mark.parametrize(
    ("status", "lines"), [(405, LINES), (400, LINES), (200, LINES), (404, b"")]
)
async def test_a_server_without_a_stream_is_waited_for_in_silence(
    status: int, lines: bytes
) -> None:
    opened: list[bool] = []
    async with talking(answering(status)) as (news, peer, _):
        hearing = asyncio.ensure_future(hear(news, opened, lines))
        await until(lambda: opened == [True])
        await asyncio.sleep(0.02)
        assert len(peer.requests) == 1
        news.close()
        with pytest.raises(UpstreamError, match="ended"):
            await hearing


async def test_a_stream_that_begins_when_its_session_is_no_more_is_not_held() -> None:
    async def script(request: Request) -> None:
        news.leave_session()
        request.begin_stream()

    opened: list[bool] = []
    async with talking(script) as (news, peer, _):
        with pytest.raises(UpstreamError):
            await hear(news, opened)
        assert opened == []
        await peer.all_closed()


async def test_where_no_stream_is_the_next_session_may_have_one() -> None:
    opened: list[bool] = []
    async with talking(answering(405)) as (news, peer, _):
        for count in (1, 2):
            for _ in range(3):  # It is asked once in each.
                opened.clear()
                hearing = asyncio.ensure_future(hear(news, opened))
                await until(lambda: opened == [True])
                hearing.cancel()
                await asyncio.wait([hearing])
            assert len(peer.requests) == count
            hearing = asyncio.ensure_future(hear(news, opened))
            await asyncio.sleep(0)
            news.leave_session()
            with pytest.raises(UpstreamError, match="ended"):
                await hearing


async def test_the_stream_of_a_session_that_was_made_anew_ends() -> None:
    opened: list[bool] = []
    async with talking(stream) as (news, peer, _):
        news.leave_session()  # There is none yet.
        hearing = asyncio.ensure_future(hear(news, opened))
        await until(lambda: opened == [True])
        news.leave_session()
        with pytest.raises(UpstreamError):
            await hearing
        await peer.all_closed()
