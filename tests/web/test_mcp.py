"""The MCP endpoint as both eras see it: statuses, codes and headers of the specification."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from msgspec import Raw

from mcpgw.model.audit import Outcome
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


async def test_there_is_no_stream_to_get_yet(client: Client) -> None:
    session = (await client.initialize()).headers["Mcp-Session-Id"]
    answered = await client.ask("GET", "/ws/demo", headers={"Mcp-Session-Id": session})
    assert answered.status == 405
    assert "POST" in answered.headers["Allow"]


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
    assert answered.status == 400


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
