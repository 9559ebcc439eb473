"""The GET stream of a legacy session, and how the session is opened anew."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from mcpgw.cli.bridging.session import Session
from tests.cli.bridging.gateway import (
    SESSION,
    Do,
    bridged,
    event,
    in_turn,
    legacy,
    note,
    result,
    says,
    serving,
    streams,
    usual,
)

NEVER = asyncio.Event()
CHANGED = note("notifications/tools/list_changed")


@pytest.mark.parametrize(
    ("session", "headers"),
    [
        (Session("s", "2024-11-05"), {"Mcp-Session-Id": "s"}),
        (Session("s", "2025-03-26"), {"Mcp-Session-Id": "s"}),
        (
            Session("s", "2025-06-18"),
            {"Mcp-Session-Id": "s", "MCP-Protocol-Version": "2025-06-18"},
        ),
        (Session(None, "2025-11-25"), {"MCP-Protocol-Version": "2025-11-25"}),
        (Session(None, "a\nb"), {"MCP-Protocol-Version": "=?base64?YQpi?="}),
    ],
)
def test_headers_of_a_session(session: Session, headers: dict[str, str]) -> None:
    assert session.headers() == headers


async def test_what_belongs_to_no_request_comes_on_the_get_stream() -> None:
    question = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    get = streams(lambda _: [result({"id": 1}, "nobody's"), CHANGED, question], until=NEVER)
    async with serving(GET=get) as gateway, bridged(gateway.url) as client:
        await client.open()
        assert [await client.receive() for _ in range(2)] == [CHANGED, question]
        assert (await client.ask(legacy(1, "ask")))["id"] == 1
        assert await client.close() == []
    headers = gateway.of("GET")[0].headers
    assert (headers["accept"], headers["mcp-session-id"]) == ("text/event-stream", SESSION)
    assert len(gateway.of("GET")) == 1


@pytest.mark.parametrize("status", [400, 405])
async def test_a_gateway_without_such_a_stream_is_asked_once(status: int) -> None:
    async with serving(GET=says(b"", status)) as gateway, bridged(gateway.url) as client:
        await client.open()
        await gateway.met("GET")
        await asyncio.sleep(0.3)
    assert len(gateway.of("GET")) == 1


@pytest.mark.parametrize(
    "first",
    [
        says(b"", 409),
        says(b"", 503),
        streams(lambda _: [event("41"), event("42", CHANGED)]),
        streams(lambda _: [event("42", CHANGED)], is_cut=True),
    ],
)
async def test_a_stream_that_ends_is_opened_again(first: Do) -> None:
    again = streams(lambda _: [event("43", note("again"))], until=NEVER)
    async with serving(GET=in_turn(first, again)) as gateway, bridged(gateway.url) as client:
        await client.open()
        heard = [await client.receive()]
        if heard == [CHANGED]:
            heard.append(await client.receive())
        assert heard[-1] == note("again")
        assert await client.close() == []
    expected = "42" if len(heard) == 2 else None
    assert gateway.of("GET")[1].headers.get("last-event-id") == expected


async def test_the_stream_is_there_again_after_a_restart() -> None:
    get = streams(lambda _: [CHANGED], until=NEVER)
    async with serving(GET=get) as gateway, bridged(gateway.url) as client:
        await client.open()
        assert await client.receive() == CHANGED
        await gateway.stop()
        await asyncio.sleep(0.1)
        await gateway.start()
        assert await client.receive() == CHANGED
    assert len(gateway.of("initialize")) == 1


async def test_a_session_that_the_stream_finds_lost_is_opened_anew() -> None:
    get = in_turn(says(b"", 404), says(b"", 404), streams(lambda _: [CHANGED], until=NEVER))
    opening = in_turn(usual, says(b"", 500), usual)
    async with (
        serving(GET=get, initialize=opening) as gateway,
        bridged(gateway.url) as client,
    ):
        await client.open()
        assert await client.receive() == CHANGED
        assert await client.close() == []
    assert len(gateway.of("initialize")) == 3
    assert len(gateway.of("notifications/initialized")) == 2
    assert len(gateway.of("GET")) == 3


async def test_a_second_handshake_begins_a_second_session() -> None:
    get = streams(lambda _: [CHANGED], until=NEVER)
    async with serving(GET=get) as gateway, bridged(gateway.url) as client:
        await client.open()
        assert await client.receive() == CHANGED
        await client.open("2025-06-18")
        assert await client.receive() == CHANGED
    versions = [one.headers["mcp-protocol-version"] for one in gateway.of("GET")]
    assert versions == ["2025-11-25", "2025-06-18"]


@pytest.mark.parametrize("said", ["nonsense", {"protocolVersion": 7}, {}])
async def test_a_result_without_a_version_counts_as_an_old_one(said: Any) -> None:
    opening = says(lambda m: result(m, said))
    async with serving(initialize=opening) as gateway, bridged(gateway.url) as client:
        await client.open()
        await client.ask(legacy(1, "ask"))
    headers = gateway.of("ask")[0].headers
    assert "mcp-protocol-version" not in headers
    assert "mcp-session-id" not in headers
    assert gateway.of("DELETE") == []


async def test_a_session_may_be_opened_by_a_stream() -> None:
    async def opening(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Mcp-Session-Id": "streamed"}
        )
        await response.prepare(request)
        await response.write(event("1") + event("2", result(message, {"protocolVersion": "x"})))
        return response

    async with serving(initialize=opening) as gateway, bridged(gateway.url) as client:
        await client.open()
        await client.ask(legacy(1, "ask"))
    assert gateway.of("ask")[0].headers["mcp-session-id"] == "streamed"


async def test_a_gateway_that_is_gone_at_the_end_holds_nothing_up() -> None:
    async with serving() as gateway, bridged(gateway.url) as client:
        await client.open()
        await gateway.met("GET")
        await gateway.stop()
        assert await client.close() == []
    assert gateway.of("DELETE") == []
