"""Messages of a client through the bridge, and what comes back."""

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from mcpgw.cli.bridging import relay as module
from tests.cli.bridging.gateway import (
    META,
    SESSION,
    Do,
    bridged,
    cancelled,
    error,
    event,
    in_turn,
    legacy,
    modern,
    note,
    result,
    says,
    serving,
    streams,
    usual,
)

ACKNOWLEDGED = note("notifications/subscriptions/acknowledged")
CHANGED = note("notifications/tools/list_changed")


async def cut(request: web.BaseRequest, _: Any) -> web.StreamResponse:
    """Close the connection without a word."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def wait(request: web.BaseRequest, _: Any) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


def pretty(message: Any) -> bytes:
    big = b'{"n": 123456789012345678901234567890,\n "f": 1.10}'
    return b'{"jsonrpc": "2.0",\r\n"id": %d, "result": %b}\n' % (message["id"], big)


async def test_a_modern_request_is_a_post_of_its_own() -> None:
    async with serving() as gateway, bridged(gateway.url) as client:
        answer = await client.ask(modern("a", "tools/call", name="echo", arguments={"x": 1}))
        assert answer["id"] == "a"
        assert answer["result"]["echo"]["arguments"] == {"x": 1}
        assert (await client.ask(modern(1, "server/discover")))["id"] == 1
    seen = gateway.of("tools/call")[0].headers
    assert seen["mcp-protocol-version"] == "2026-07-28"
    assert (seen["mcp-method"], seen["mcp-name"]) == ("tools/call", "echo")
    assert "mcp-session-id" not in seen
    assert [one.kind for one in gateway.seen] == ["tools/call", "server/discover"]


async def test_a_legacy_client_has_a_session() -> None:
    async with serving() as gateway, bridged(gateway.url) as client:
        await client.open()
        assert (await client.ask(legacy(1, "tools/list")))["id"] == 1
        client.send({"jsonrpc": "2.0", "id": 7, "result": {}})
        await gateway.met("response")
        client.send(note("notifications/roots/list_changed"))
        await gateway.met("notifications/roots/list_changed")
    assert "mcp-session-id" not in gateway.of("initialize")[0].headers
    assert [one.kind for one in gateway.seen][:2] == ["initialize", "notifications/initialized"]
    for one in gateway.seen[1:]:
        assert one.headers["mcp-session-id"] == SESSION
        assert one.headers["mcp-protocol-version"] == "2025-11-25"
        assert "mcp-method" not in one.headers
    assert gateway.seen[-1].kind == "DELETE"


async def test_each_message_tells_its_own_era() -> None:
    async with serving() as gateway, bridged(gateway.url) as client:
        await client.ask(modern(1, "server/discover"))
        await client.open("2025-03-26")
        await client.ask(legacy(2, "tools/list"))
        await client.ask(modern(3, "tools/list"))
    first, second = gateway.of("tools/list")
    assert first.headers["mcp-session-id"] == SESSION
    assert "mcp-protocol-version" not in first.headers
    assert "mcp-session-id" not in second.headers


async def test_json_passes_verbatim_on_one_line() -> None:
    async with serving(ask=says(pretty)) as gateway, bridged(gateway.url) as client:
        client.send(modern(1, "ask", big=10**30))
        assert await client.receive_raw() == pretty({"id": 1}).translate(
            bytes.maketrans(b"\r\n", b"  ")
        )
    assert gateway.of("ask")[0].message["params"]["big"] == 10**30


@pytest.mark.parametrize(
    ("line", "request_id", "code"),
    [
        (b"nonsense", None, -32700),
        (b'{"jsonrpc":"2.0","id":1', None, -32700),
        (b"[]", None, -32600),
        (b'{"id":5,"method":"no version"}', 5, -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * 2000 + b'"}', 1, -32600),
    ],
)
async def test_what_is_no_message(line: bytes, request_id: int | None, code: int) -> None:
    async with serving() as gateway, bridged(gateway.url, 1000) as client:
        client.send(b"", b"  ")
        answer = await client.ask(line)
        assert (answer["id"], answer["error"]["code"]) == (request_id, code)
        assert (await client.ask(modern(2, "ask")))["id"] == 2
    assert len(gateway.seen) == 1


@pytest.mark.parametrize("make", [modern, legacy])
async def test_many_requests_at_once_get_their_own_answers(make: Any) -> None:
    let_go = asyncio.Event()
    waiting: list[Any] = []

    async def do(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        waiting.append(message)
        if len(waiting) == 100:
            let_go.set()
        await let_go.wait()
        return await usual(request, message)

    async with serving(ask=do) as gateway, bridged(gateway.url) as client:
        if make is legacy:
            await client.open()
        ids = [*range(64), *map(str, range(36))]
        client.send(*(make(one, "ask", mine=one) for one in ids))
        answers = [await client.receive() for _ in ids]
    assert {repr(one["id"]) for one in answers} == {repr(one) for one in ids}
    assert all(one["result"]["echo"]["mine"] == one["id"] for one in answers)


@pytest.mark.parametrize(
    ("do", "code", "said"),
    [
        (says(b"", 401), -31009, "refuses the token; issue one"),
        (says({"message": "not you", "hint": ""}, 403), -31010, "not you"),
        (says(b"<html>", 502), -31012, "HTTP status 502; see"),
        (says(b"", 202), -31012, "no gateway answers"),
        (says({"message": "too large", "hint": "less"}, 413), -31012, "too large; less"),
        (says(lambda m: error(m, -32602), 400), -32602, "no"),
        (says(lambda m: error(m, -32601), 200), -32601, "no"),
        (says(lambda m: error(m | {"id": None}, -32600), 400), -32600, "no"),
        (says(lambda m: result(m | {"id": "foreign"}, 1)), -31012, "no gateway answers"),
        (says(lambda m: result(m, "x" * 10**5)), -32603, "larger than 50000 bytes"),
        (streams(lambda m: []), -31012, "without a result"),
        (streams(lambda m: [result(m | {"id": "foreign"}, 1)]), -31012, "without a result"),
        (streams(lambda m: [error(m | {"id": None}, -32600)]), -32600, "no"),
        (cut, -31012, "broke; try again"),
    ],
)
@pytest.mark.parametrize("make", [modern, legacy])
async def test_every_request_gets_one_answer(do: Do, code: int, said: str, make: Any) -> None:
    async with serving(ask=do) as gateway, bridged(gateway.url, 50_000) as client:
        if make is legacy:
            await client.open()
        answer = await client.ask(make(1, "ask"))
        assert (answer["id"], answer["error"]["code"]) == (1, code)
        assert said in answer["error"]["message"]
        assert (await client.ask(make(2, "other")))["id"] == 2
        assert await client.close() == []


async def test_an_unknown_modern_method_is_no_lost_session() -> None:
    unknown = says(lambda m: error(m, -32601), 404)
    async with serving(ask=unknown) as gateway, bridged(gateway.url) as client:
        await client.open()
        assert (await client.ask(modern(1, "ask")))["error"]["code"] == -32601
    assert len(gateway.of("initialize")) == 1


async def test_a_legacy_request_before_the_handshake_is_answered_by_the_gateway() -> None:
    async with (
        serving(**{"tools/list": says(lambda m: error(m, -32600), 400)}) as gateway,
        bridged(gateway.url) as client,
    ):
        client.send(note("notifications/initialized"), note("notifications/x"))
        assert (await client.ask(legacy(1, "tools/list")))["error"]["code"] == -32600
        assert await client.close() == []
    assert [one.kind for one in gateway.seen] == ["tools/list"]


@pytest.mark.parametrize("make", [modern, legacy])
async def test_what_comes_before_the_answer_comes_before_it(make: Any) -> None:
    question = {"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {}}
    do = streams(lambda m: [event("1"), note(), question, result(m, 1), note("too late")])
    async with serving(ask=do) as gateway, bridged(gateway.url) as client:
        if make is legacy:
            await client.open()
        client.send(make(1, "ask"))
        assert [await client.receive() for _ in range(3)] == [
            note(),
            question,
            result({"id": 1}, 1),
        ]
        assert await client.close() == []


async def test_a_question_of_a_server_is_answered_by_the_client() -> None:
    answered = asyncio.Event()

    async def answer(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        answered.set()
        return await usual(request, message)

    async def ask(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        question = {"jsonrpc": "2.0", "id": 1, "method": "roots/list"}
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: %b\n\n" % json.dumps(question).encode())
        await answered.wait()
        await response.write(b"data: %b\n\n" % json.dumps(result(message, 1)).encode())
        return response

    async with serving(ask=ask, response=answer) as gateway, bridged(gateway.url) as client:
        await client.open()
        client.send(legacy(1, "ask"))
        assert (await client.receive())["method"] == "roots/list"
        client.send({"jsonrpc": "2.0", "id": 1, "result": {"roots": []}})
        assert (await client.receive()) == result({"id": 1}, 1)
    assert gateway.of("response")[0].message["result"] == {"roots": []}


async def test_a_batch_is_answered_message_by_message() -> None:
    def some(messages: Any) -> list[Any]:
        return [result(one, 1) for one in messages if one.get("id") in (1, 2)]

    async with serving(POST=says(some)) as gateway, bridged(gateway.url) as client:
        await client.open("2025-03-26")
        client.send([legacy(1, "a"), note(), legacy(2, "b")])
        assert sorted([(await client.receive())["id"] for _ in range(2)]) == [1, 2]
        client.send([legacy(1, "a"), legacy(3, "b")])
        assert (await client.receive()) == result({"id": 1}, 1)
        assert (await client.receive())["error"]["code"] == -31012
        client.send([note(), note()])
        while len(gateway.of("POST")) < 3:
            await gateway.met("POST", 3)
        assert await client.close() == []


async def test_a_modern_request_taken_back_closes_its_stream() -> None:
    left = asyncio.Event()

    async def ask(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        try:
            return await streams(lambda m: [note()], until=asyncio.Event())(request, message)
        finally:
            left.set()

    async with serving(ask=ask) as gateway, bridged(gateway.url) as client:
        assert await client.ask(modern("x", "ask")) == note()
        client.send(cancelled("x"))
        await left.wait()
        # Before it was sent at all.
        client.send(modern("y", "ask"), cancelled("y"))
        client.send(cancelled("unknown"))
        assert (await client.ask(modern(1, "other")))["id"] == 1
        assert await client.close() == []
    assert gateway.of("notifications/cancelled") == []


async def test_a_legacy_request_taken_back_is_told_and_never_answered() -> None:
    told = asyncio.Event()

    async def tell(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        if len(gateway.of("notifications/cancelled")) == 3:
            told.set()
        return await usual(request, message)

    async def ask(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        frames = (lambda m: [result(m, 1)]) if message["id"] == 2 else (lambda m: [])
        await told.wait()
        return await streams(frames)(request, message)

    does: dict[str, Do] = {"ask": ask, "notifications/cancelled": tell}
    async with serving(**does) as gateway, bridged(gateway.url) as client:
        await client.open()
        client.send(legacy(1, "ask"), legacy(2, "ask"))
        await gateway.met("ask", 2)
        client.send(cancelled(1), cancelled(2), cancelled("unknown"))
        await gateway.met("notifications/cancelled", 3)
        assert await client.close() == []
    assert [
        one.message["params"]["requestId"] for one in gateway.of("notifications/cancelled")
    ] == [
        1,
        2,
        "unknown",
    ]


SCHEMA = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}


def routed(request: web.BaseRequest, message: Any) -> Any:
    """Answer a call if its argument travels in the header too."""
    said = request.headers.get("Mcp-Param-Region")
    wanted = message["params"]["arguments"]["region"]
    return result(message, "called") if said == wanted else error(message, -32020)


async def call_routed(request: web.BaseRequest, message: Any) -> web.StreamResponse:
    answer = routed(request, message)
    return web.json_response(answer, status=200 if "result" in answer else 400)


def list_of(*names: str) -> Do:
    tools = [{"name": name, "inputSchema": SCHEMA} for name in names]
    return says(lambda m: result(m, {"tools": tools}))


CALL = modern(1, "tools/call", name="a", arguments={"region": "eu"})


async def test_arguments_travel_in_headers_once_the_list_passed() -> None:
    does = {"tools/list": list_of("a"), "tools/call": call_routed}
    async with serving(**does) as gateway, bridged(gateway.url) as client:
        await client.ask(modern(0, "tools/list"))
        assert (await client.ask(CALL))["result"] == "called"
    assert [one.kind for one in gateway.seen] == ["tools/list", "tools/call"]


async def test_a_call_refused_for_its_headers_learns_the_tools_and_is_sent_again() -> None:
    def page(message: Any) -> Any:
        if "cursor" not in message["params"]:
            return result(message, {"tools": [], "nextCursor": "2"})
        return result(message, {"tools": [{"name": "a", "inputSchema": SCHEMA}]})

    does = {"tools/list": says(page), "tools/call": call_routed}
    async with serving(**does) as gateway, bridged(gateway.url) as client:
        assert (await client.ask(CALL))["result"] == "called"
        assert (await client.ask(CALL | {"id": 2}))["result"] == "called"
    assert [one.kind for one in gateway.seen] == [
        "tools/call",
        "tools/list",
        "tools/list",
        "tools/call",
        "tools/call",
    ]
    assert gateway.of("tools/list")[1].message["params"] == {"_meta": META, "cursor": "2"}


@pytest.mark.parametrize(
    "listing",
    [
        list_of("b"),
        says(b"", 500),
        says(lambda m: result(m, {"tools": [], "nextCursor": "again"})),
        says(lambda m: result(m, "nonsense")),
    ],
)
async def test_a_call_refused_twice_is_refused(
    listing: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PAGES", 3)
    does = {"tools/list": listing, "tools/call": call_routed}
    async with serving(**does) as gateway, bridged(gateway.url) as client:
        assert (await client.ask(CALL))["error"]["code"] == -32020
        assert await client.close() == []
    assert len(gateway.of("tools/call")) == 2


@pytest.mark.parametrize("raw", [b"7", b'{"message":"x"}'])
async def test_an_error_without_a_code_is_an_answer(raw: bytes) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"error":%b}' % raw
    async with (
        serving(**{"tools/call": says(body)}) as gateway,
        bridged(gateway.url) as client,
    ):
        client.send(CALL)
        assert await client.receive_raw() == body


async def test_a_subscription_stays_open_beside_other_requests() -> None:
    more = asyncio.Event()
    left = asyncio.Event()

    async def listen(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        try:
            return await streams(lambda m: [ACKNOWLEDGED, CHANGED], until=more)(request, message)
        finally:
            left.set()

    async with (
        serving(**{"subscriptions/listen": listen}) as gateway,
        bridged(gateway.url) as client,
    ):
        assert await client.ask(modern("s", "subscriptions/listen")) == ACKNOWLEDGED
        assert await client.receive() == CHANGED
        assert (await client.ask(modern(1, "ask")))["id"] == 1
        assert await client.close() == []
        await left.wait()


async def test_a_subscription_outlives_a_restart_of_the_gateway() -> None:
    open_again = streams(lambda m: [ACKNOWLEDGED, CHANGED, result(m, "over")])
    listen = in_turn(
        streams(lambda m: [ACKNOWLEDGED, CHANGED], is_cut=True),
        streams(lambda m: [ACKNOWLEDGED]),
        open_again,
    )
    async with (
        serving(**{"subscriptions/listen": listen}) as gateway,
        bridged(gateway.url) as client,
    ):
        client.send(modern("s", "subscriptions/listen"))
        expected = [ACKNOWLEDGED, CHANGED, CHANGED, result({"id": "s"}, "over")]
        assert [await client.receive() for _ in expected] == expected
        assert await client.close() == []
    assert len(gateway.of("subscriptions/listen")) == 3


@pytest.mark.parametrize(
    ("listen", "code"), [(cut, -31012), (says(lambda m: error(m, -32601), 404), -32601)]
)
async def test_a_subscription_that_never_was(listen: Do, code: int) -> None:
    async with (
        serving(**{"subscriptions/listen": listen}) as gateway,
        bridged(gateway.url) as client,
    ):
        answer = await client.ask(modern("s", "subscriptions/listen"))
        assert answer["error"]["code"] == code


def resumed(gets: Iterator[Do]) -> Do:
    """Serve the client's own GET stream never, and resumptions in turn."""

    async def do(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        if "Last-Event-ID" not in request.headers:
            return web.Response(status=405)
        return await next(gets)(request, message)

    return do


def nothing_but_ids(number: int, _: Any) -> list[bytes]:
    return [event(str(number))]


ANSWER = result({"id": 1}, "rest")


@pytest.mark.parametrize(
    ("gets", "ids"),
    [
        ([streams(lambda m: [event("3", note()), event("4", ANSWER)])], ["2"]),
        ([cut, streams(lambda m: [ANSWER])], ["2", "2"]),
        (
            [streams(lambda m: [event("3", note())], is_cut=True), streams(lambda m: [ANSWER])],
            ["2", "3"],
        ),
        (
            [streams(partial(nothing_but_ids, n)) for n in range(3, 12)],
            [str(n) for n in range(2, 12)],
        ),
    ],
)
async def test_an_answer_that_broke_off_is_taken_up_again(gets: list[Do], ids: list[str]) -> None:
    last = streams(lambda m: [ANSWER])
    ask = streams(lambda m: [event("1"), event("2", note())], is_cut=True)
    async with (
        serving(ask=ask, GET=resumed(iter([*gets, last]))) as gateway,
        bridged(gateway.url) as client,
    ):
        await client.open()
        client.send(legacy(1, "ask"))
        while (answer := await client.receive()) == note():
            pass
        assert answer == ANSWER
        assert await client.close() == []
    seen = [one.headers.get("last-event-id") for one in gateway.of("GET")]
    assert [one for one in seen if one][: len(ids)] == ids
    assert len(gateway.of("ask")) == 1


@pytest.mark.parametrize("get", [says(b"", 404), says(b"", 405), cut, streams(lambda m: [])])
async def test_an_answer_that_cannot_be_taken_up_is_lost(get: Do) -> None:
    ask = streams(lambda m: [event("1")], is_cut=True)
    async with (
        serving(ask=ask, GET=resumed(iter([get] * 9))) as gateway,
        bridged(gateway.url) as client,
    ):
        await client.open()
        answer = await client.ask(legacy(1, "ask"))
        assert "broke; try again" in answer["error"]["message"]
        assert await client.close() == []


async def test_a_lost_session_is_opened_anew_and_the_request_sent_again() -> None:
    all_here = asyncio.Event()

    async def ask(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        if request.headers["Mcp-Session-Id"] != SESSION:
            return await usual(request, message)
        if len(gateway.of("ask")) == 3:
            all_here.set()
        await all_here.wait()
        return web.json_response(error(message, -32600), status=404)

    async def open_second(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        opened = result(message, {"protocolVersion": "2025-11-25"})
        return web.json_response(opened, headers={"Mcp-Session-Id": "second"})

    does = {"ask": ask, "initialize": in_turn(usual, open_second)}
    async with serving(**does) as gateway, bridged(gateway.url) as client:
        await client.open()
        client.send(*(legacy(n, "ask") for n in range(3)))
        answers = [await client.receive() for _ in range(3)]
        assert sorted(one["id"] for one in answers if "result" in one) == [0, 1, 2]
        assert await client.close() == []
    first, again = gateway.of("initialize")
    assert first.message == again.message
    assert len(gateway.of("notifications/initialized")) == 2
    assert len(gateway.of("ask")) == 6


async def test_a_session_that_stays_lost_is_said_to_be() -> None:
    does = {"ask": says(lambda m: error(m, -32600), 404)}
    async with serving(**does) as gateway, bridged(gateway.url) as client:
        await client.open()
        answer = await client.ask(legacy(1, "ask"))
        assert "does not know the session" in answer["error"]["message"]
        gateway.does["initialize"] = says(b"", 503)
        answer = await client.ask(legacy(2, "ask"))
        assert "503" in answer["error"]["message"]
        assert await client.close() == []


async def test_a_gateway_that_is_restarted_is_waited_for() -> None:
    async with serving() as gateway, bridged(gateway.url) as client:
        await client.open()
        await gateway.stop()
        client.send(legacy(1, "ask"), modern(2, "ask"))
        await asyncio.sleep(0.1)
        await gateway.start()
        assert sorted([(await client.receive())["id"] for _ in range(2)]) == [1, 2]
    assert len(gateway.of("ask")) == 2


async def test_a_handshake_that_is_refused_opens_no_session() -> None:
    does = {"initialize": in_turn(says(lambda m: error(m, -32602)), usual)}
    async with serving(**does) as gateway, bridged(gateway.url) as client:
        refused = await client.ask(legacy("init", "initialize", protocolVersion="2025-11-25"))
        assert refused["error"]["code"] == -32602
        await client.open()
    assert len(gateway.of("DELETE")) == 1
