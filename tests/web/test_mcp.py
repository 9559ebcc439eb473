"""The MCP endpoint as both eras see it: statuses, codes and headers of the specification."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from mcpgw.model.audit import Outcome
from mcpgw.model.token import OPERATOR
from mcpgw.protocol.exchange import Notification
from tests.web.conftest import Client, modern_body, modern_headers

PROGRESS = Notification("notifications/progress", Raw(b'{"progressToken":1,"progress":1}'))


async def test_modern_list_and_call(client: Client) -> None:
    await client.world.server("git", log="x")
    listed = await client.modern("tools/list")
    assert [tool["name"] for tool in listed.json["result"]["tools"]] == ["git__log"]
    called = await client.modern("tools/call", "git__log", name="git__log", arguments={"a": 1})
    assert called.status == 200
    assert called.json["result"]["resultType"] == "complete"
    assert "Mcp-Session-Id" not in called.headers
    (row,) = client.world.journal.rows
    assert (row.client_name, row.protocol_version) == ("probe", "2026-07-28")
    assert row.client_address == "127.0.0.1"


async def test_legacy_session_from_first_to_last(client: Client) -> None:
    await client.world.server("git", log="x")
    opened = await client.initialize()
    session = opened.headers["Mcp-Session-Id"]
    assert opened.json["result"]["protocolVersion"] == "2025-11-25"
    noted = await client.legacy(session, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (noted.status, noted.text) == (202, "")
    called = await client.legacy(
        session,
        {"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "git__log"}},
    )
    assert called.json["id"] == "a"
    assert "resultType" not in called.json["result"]
    assert client.world.journal.rows[0].client_name == "old"
    ended = await client.ask("DELETE", "/ws/demo", headers={"Mcp-Session-Id": session})
    assert ended.status == 204
    for attempt in (
        client.legacy(session, {"jsonrpc": "2.0", "id": 2, "method": "ping"}),
        client.legacy(session, {"jsonrpc": "2.0", "method": "notifications/initialized"}),
        client.ask("DELETE", "/ws/demo", headers={"Mcp-Session-Id": session}),
    ):
        assert (await attempt).status == 404


async def test_a_session_whose_end_cannot_be_stored_goes_on(client: Client) -> None:
    session = (await client.initialize()).headers["Mcp-Session-Id"]
    client.world.session_store.is_broken = True
    refused = await client.ask("DELETE", "/ws/demo", headers={"Mcp-Session-Id": session})
    assert refused.status == 503
    client.world.session_store.is_broken = False
    assert (await client.legacy(session, PING)).status == 200
    ended = await client.ask("DELETE", "/ws/demo", headers={"Mcp-Session-Id": session})
    assert ended.status == 204
    assert (await client.legacy(session, PING)).status == 404


PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

LADDER = [
    # what, body, headers, status, code
    ("not JSON", b"{", {}, 400, -32700),
    ("no object", b"7", {}, 400, -32600),
    ("no session", PING, {}, 400, None),
    ("unknown session", PING, {"Mcp-Session-Id": "none"}, 404, -32600),
    ("header without meta", PING, {"MCP-Protocol-Version": "2026-07-28"}, 400, -32602),
    ("meta without header", modern_body("tools/list"), {}, 400, -32020),
    (
        "another method in the header",
        modern_body("tools/list"),
        modern_headers("tools/call"),
        400,
        -32020,
    ),
    (
        "removed method",
        modern_body("ping"),
        modern_headers("ping"),
        404,
        -32601,
    ),
    (
        "unknown tool",
        modern_body("tools/call", name="nothing"),
        modern_headers("tools/call", "nothing"),
        200,
        -32602,
    ),
    (
        "foreign cursor",
        modern_body("tools/list", cursor="x"),
        modern_headers("tools/list"),
        200,
        -32602,
    ),
]


@pytest.mark.parametrize(("what", "body", "headers", "status", "code"), LADDER)
async def test_the_ladder(
    client: Client,
    what: str,
    body: object,
    headers: dict[str, str],
    status: int,
    code: int | None,
) -> None:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    answered = await client.ask("POST", "/ws/demo", data=data, headers=headers)
    assert answered.status == status, what
    if code is not None:
        assert answered.json["error"]["code"] == code


async def test_a_modern_notification_is_taken_and_dropped(client: Client) -> None:
    body = {"jsonrpc": "2.0", "method": "notifications/x"}
    headers = {"MCP-Protocol-Version": "2026-07-28"}
    answered = await client.ask("POST", "/ws/demo", json=body, headers=headers)
    assert (answered.status, answered.text) == (202, "")


GET_LADDER = [
    # what, headers, status
    ("modern", {"MCP-Protocol-Version": "2026-07-28"}, 405),
    ("modern, in a session", {"MCP-Protocol-Version": "2026-07-28", "Mcp-Session-Id": "s"}, 405),
    ("no session", {}, 400),
    ("unknown session", {"Mcp-Session-Id": "none"}, 404),
    ("no event stream wanted", {"Mcp-Session-Id": "s", "Accept": "application/json"}, 406),
    ("unknown version", {"MCP-Protocol-Version": "1999-01-01", "Mcp-Session-Id": "s"}, 400),
    ("no token", {"Authorization": "", "Mcp-Session-Id": "s"}, 401),
    ("foreign page", {"Origin": "https://evil.example", "Mcp-Session-Id": "s"}, 403),
]


@pytest.mark.parametrize(("what", "headers", "status"), GET_LADDER)
async def test_the_ladder_of_get(
    client: Client, what: str, headers: dict[str, str], status: int
) -> None:
    answered = await client.ask(
        "GET", "/ws/demo", headers={"Accept": "text/event-stream"} | headers
    )
    assert answered.status == status, what
    assert ("POST" in answered.headers.get("Allow", "")) is (status == 405)


async def test_a_session_hears_of_changes(client: Client) -> None:
    session = {"Mcp-Session-Id": await client.open("2025-06-18")}
    async with client.stream(headers=session) as stream:
        assert stream.status == 200
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert stream.headers["X-Accel-Buffering"] == "no"
        await client.change("git")
        event = await stream.next()
        assert event is not None
        assert event.json["method"] == "notifications/tools/list_changed"
        assert (event.id, event.retry) == (None, None)


async def test_a_session_that_can_come_back_is_told_how(client: Client) -> None:
    session = {"Mcp-Session-Id": await client.open()}
    async with client.stream(headers=session) as stream:
        priming = await stream.next()
        assert priming is not None
        assert (priming.data, priming.retry) == ("", "1000")
        await client.change("git")
        event = await stream.next()
        assert event is not None
        assert event.id is not None
        stream.leave()
    await client.change("hg")
    async with client.stream(headers=session | {"Last-Event-ID": event.id}) as stream:
        fresh = await stream.next()
        assert fresh is not None
        assert fresh.id is not None
        assert fresh.id.partition("-")[0] != event.id.partition("-")[0]
        kinds = {(await stream.message())["method"] for _ in range(2)}
        assert "notifications/tools/list_changed" in kinds


async def test_a_newer_stream_of_a_session_ends_the_older(client: Client) -> None:
    session = {"Mcp-Session-Id": await client.open("2025-06-18")}
    async with client.stream(headers=session) as older, client.stream(headers=session):
        assert await older.next() is None


async def test_the_end_of_its_session_ends_a_stream(client: Client) -> None:
    session = {"Mcp-Session-Id": await client.open("2025-06-18")}
    async with client.stream(headers=session) as stream:
        await client.ask("DELETE", "/ws/demo", headers=session)
        assert await stream.next() is None


async def test_the_revocation_of_its_token_ends_a_stream(client: Client) -> None:
    world = client.world
    session = {"Mcp-Session-Id": await client.open("2025-06-18")}
    async with client.stream(headers=session) as stream:
        await world.gateway.tokens.revoke_member(OPERATOR, "demo", "ana")
        assert (await stream.message())["error"]["code"] == -31009
        assert await stream.next() is None


LISTENING: dict[str, dict[str, Any]] = {"notifications": {"toolsListChanged": True}}


async def test_listening(client: Client) -> None:
    body = modern_body("subscriptions/listen", **LISTENING) | {"id": "mine"}
    headers = modern_headers("subscriptions/listen")
    async with client.stream("POST", headers=headers, json=body) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        first = await stream.next()
        assert first is not None
        assert first.json["method"] == "notifications/subscriptions/acknowledged"
        assert first.json["params"]["notifications"] == {"toolsListChanged": True}
        await client.change("git")
        second = await stream.next()
        assert second is not None
        assert second.json["method"] == "notifications/tools/list_changed"
        meta = second.json["params"]["_meta"]
        assert meta["io.modelcontextprotocol/subscriptionId"] == "mine"
        assert (first.id, first.retry, second.id) == (None, None, None)


LISTEN_LADDER = [
    # what, params, headers, status, code
    ("no event stream wanted", LISTENING, {"Accept": "application/json"}, 406, -32600),
    ("says nothing", {}, {}, 200, -32602),
    ("other method in the header", LISTENING, {"Mcp-Method": "tools/list"}, 400, -32020),
]


@pytest.mark.parametrize(("what", "params", "headers", "status", "code"), LISTEN_LADDER)
async def test_the_ladder_of_listening(
    client: Client,
    what: str,
    params: dict[str, Any],
    headers: dict[str, str],
    status: int,
    code: int,
) -> None:
    body = modern_body("subscriptions/listen", **params)
    headers = modern_headers("subscriptions/listen") | headers
    answered = await client.ask("POST", "/ws/demo", json=body, headers=headers)
    assert answered.status == status, what
    assert (answered.json["id"], answered.json["error"]["code"]) == (1, code)


async def test_listening_with_a_revoked_token_ends_with_an_error(client: Client) -> None:
    world = client.world
    body = modern_body("subscriptions/listen", **LISTENING)
    headers = modern_headers("subscriptions/listen")
    async with client.stream("POST", headers=headers, json=body) as stream:
        await stream.next()
        await world.gateway.tokens.revoke_member(OPERATOR, "demo", "ana")
        last = await stream.message()
        assert (last["id"], last["error"]["code"]) == (1, -31009)
        assert await stream.next() is None


async def test_a_version_that_was_not_agreed_on(client: Client) -> None:
    session = (await client.initialize()).headers["Mcp-Session-Id"]
    answered = await client.legacy(session, PING, **{"MCP-Protocol-Version": "1999-01-01"})
    assert answered.status == 400


async def test_a_malformed_initialize(client: Client) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    answered = await client.ask("POST", "/ws/demo", json=body)
    assert answered.json["error"]["code"] == -32602


async def test_a_batch_of_the_revision_that_had_them(client: Client) -> None:
    session = (await client.initialize("2025-03-26")).headers["Mcp-Session-Id"]
    noted = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answered = await client.legacy(session, [PING, noted, PING | {"id": 2}])
    assert [one["id"] for one in answered.json] == [1, 2]
    foreign = {"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {"cursor": "x"}}
    mixed = (await client.legacy(session, [foreign, PING])).json
    assert (mixed[0]["id"], mixed[0]["error"]["code"], mixed[1]["result"]) == (3, -32602, {})
    assert (await client.legacy(session, [noted])).status == 202
    assert (await client.legacy("none", [PING])).status == 404


async def test_a_batch_of_a_later_revision_is_refused(client: Client) -> None:
    session = (await client.initialize("2025-06-18")).headers["Mcp-Session-Id"]
    answered = await client.legacy(session, [PING])
    assert (answered.status, answered.json["error"]["code"]) == (400, -32600)


async def test_a_call_of_a_batch_that_was_taken_back_has_no_answer(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.gate = asyncio.Event()
    session = (await client.initialize("2025-03-26")).headers["Mcp-Session-Id"]
    call = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "git__log"}}
    task = asyncio.ensure_future(client.legacy(session, [call, PING]))
    await git.entered.wait()
    await client.legacy(
        session,
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}},
    )
    assert [one["id"] for one in (await task).json] == [1]


async def test_progress_turns_the_answer_into_a_stream(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.notifications = [PROGRESS]
    answered = await client.modern(
        "tools/call", "git__log", name="git__log", _meta={"progressToken": "p"}
    )
    assert answered.headers["Content-Type"] == "text/event-stream"
    first, second = (
        msgspec.json.decode(line.removeprefix("data: "))
        for line in answered.text.splitlines()
        if line.startswith("data: ")
    )
    assert first["params"]["progressToken"] == "p"
    assert second["result"]["resultType"] == "complete"


async def test_who_takes_no_stream_gets_plain_json(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.notifications = [PROGRESS]
    headers = modern_headers("tools/call", "git__log") | {"Accept": "application/json"}
    body = modern_body("tools/call", name="git__log", _meta={"progressToken": "p"})
    answered = await client.ask("POST", "/ws/demo", json=body, headers=headers)
    assert "result" in answered.json


async def test_a_modern_client_that_leaves_takes_its_call_back(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.gate = asyncio.Event()
    task = asyncio.ensure_future(client.modern("tools/call", "git__log", name="git__log"))
    await git.entered.wait()
    task.cancel()
    await client.world.journal.recorded.wait()
    assert git.was_cancelled
    assert client.world.journal.rows[0].outcome is Outcome.CANCELLED


async def test_a_legacy_client_that_leaves_does_not(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.gate = asyncio.Event()
    session = (await client.initialize()).headers["Mcp-Session-Id"]
    call = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "git__log"}}
    task = asyncio.ensure_future(client.legacy(session, call))
    await git.entered.wait()
    task.cancel()
    await asyncio.sleep(0.05)
    git.gate.set()
    await client.world.journal.recorded.wait()
    assert client.world.journal.rows[0].outcome is Outcome.OK


@pytest.mark.parametrize("accept", ["application/json, text/event-stream", "application/json"])
async def test_a_legacy_client_takes_a_call_back_by_name(client: Client, accept: str) -> None:
    git = await client.world.server("git", log="x")
    git.gate = asyncio.Event()
    session = (await client.initialize()).headers["Mcp-Session-Id"]
    call = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "git__log"}}
    task = asyncio.ensure_future(client.legacy(session, call, Accept=accept))
    await git.entered.wait()
    await client.legacy(
        session,
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}},
    )
    answered = await task
    assert "result" not in answered.text
    assert client.world.journal.rows[0].outcome is Outcome.CANCELLED


async def test_what_cannot_be_recorded_is_not_answered(client: Client) -> None:
    git = await client.world.server("git", log="x")
    client.world.journal.is_broken = True
    answered = await client.modern("tools/call", "git__log", name="git__log")
    assert answered.status == 503
    assert "result" not in answered.json
    git.notifications = [PROGRESS]
    streamed = await client.modern(
        "tools/call", "git__log", name="git__log", _meta={"progressToken": "p"}
    )
    assert '"error"' in streamed.text
    assert '"result"' not in streamed.text


async def test_an_encoded_body_is_refused(client: Client) -> None:
    answered = await client.ask("POST", "/ws/demo", data=b"x", headers={"Content-Encoding": "gzip"})
    assert answered.status == 415


async def test_a_body_that_comes_in_pieces(client: Client) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        body = msgspec.json.encode(modern_body("tools/list"))
        yield body[:20]
        await asyncio.sleep(0.05)
        yield body[20:]

    answered = await client.ask(
        "POST", "/ws/demo", data=pieces(), headers=modern_headers("tools/list")
    )
    assert answered.status == 200
