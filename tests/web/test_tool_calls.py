"""Function calls over HTTP: every shape and URL, JSON or events, and what goes wrong."""

import asyncio
import json
from typing import Any

import pytest
from msgspec import Raw

from mcpgw.model.audit import Outcome
from mcpgw.model.bounds import Bounds, Rate
from mcpgw.model.token import OPERATOR, Role
from mcpgw.protocol.exchange import Notification, Question
from tests.formats.test_call import SHAPES
from tests.web.conftest import Answered, Client
from tests.world import until

CALLS = "/ws/demo/v1/tool-calls"

CHAT = {
    "role": "assistant",
    "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "git__log", "arguments": '{"a":1}'}},
        {"id": "2", "type": "function", "function": {"name": "no__thing", "arguments": "{}"}},
    ],
}


async def post(client: Client, body: Any, path: str = CALLS, **headers: str) -> Answered:
    return await client.ask("POST", path, json=body, headers=headers)


@pytest.mark.parametrize("path", [CALLS, "/ws/demo", "/ws/demo/mcp"])
async def test_one_url_is_enough_for_every_application(client: Client, path: str) -> None:
    await client.world.server("git", log="x")
    answered = await post(client, CHAT, path)
    assert answered.status == 200
    said, missing = answered.json["messages"]
    assert said["tool_call_id"] == "1"
    assert json.loads(said["content"])["arguments"] == {"a": 1}
    assert json.loads(missing["content"])["code"] == "tool_not_found"
    assert [one["code"] for one in answered.json["results"]] == ["", "tool_not_found"]
    assert [row.outcome for row in client.world.journal.rows] == [Outcome.OK, Outcome.DENIED]


@pytest.mark.parametrize(
    ("agent", "name", "version"),
    [
        ("python-httpx/0.28.1", "python-httpx", "0.28.1"),
        ("OpenAI/Python 3.57.0", "OpenAI/Python", ""),
        ("", "", ""),
        (f"{'x' * 100}/1 (Linux)", "x" * 64, "1"),
    ],
)
async def test_the_journal_knows_who_sent_it_in_which_shape(
    client: Client, agent: str, name: str, version: str
) -> None:
    await client.world.server("git", log="x")
    body = {"calls": [{"id": "1", "name": "git__log", "arguments": {}}]}
    headers = {"User-Agent": agent}
    await client.ask("POST", CALLS, json=body, headers=headers)
    await client.ask("POST", CALLS, json=CHAT, headers=headers)
    await client.ask("POST", "/ws/demo/v1/tools/git__log", json={}, headers=headers)
    rows = client.world.journal.rows
    assert [row.surface for row in rows] == ["function", "openai", "openai", "openapi"]
    assert {(row.client_name, row.client_version) for row in rows} == {(name, version)}


@pytest.mark.parametrize(("what", "body", "family", "calls"), SHAPES)
@pytest.mark.parametrize("path", [CALLS, "/ws/demo"])
async def test_every_shape_is_answered_in_its_own(
    client: Client, path: str, what: str, body: Any, family: str, calls: list[Any]
) -> None:
    place = {
        "openai": "messages",
        "openai-responses": "items",
        "anthropic": "message",
        "gemini": "content",
        "mcp": "results",
    }
    answered = await post(client, body, path)
    assert answered.status == 200
    assert place[family] in answered.json
    assert [one["id"] for one in answered.json["results"]] == [call_id for call_id, *_ in calls]


async def test_what_is_mcp_stays_mcp(client: Client) -> None:
    """A body that holds no calls is answered as ever, whatever is wrong with it."""
    for body in ({"x": 1}, [], [1], {"jsonrpc": "2.0", "id": 1, "method": "ping"}, "x"):
        answered = await post(client, body, "/ws/demo")
        assert answered.status == 400
        assert answered.json["jsonrpc"] == "2.0"


BAD = [
    ({"x": 1}, "", "no calls in any shape"),
    ([{"functionCall": {"name": "x"}}, {"type": "tool_use", "name": "x"}], "", "mixes"),
    ({"calls": [{"id": "1", "name": "a"}] * 2}, "", "stands twice"),
    ({"calls": [{"id": str(n), "name": "a"} for n in range(150)]}, "", "128 are the most"),
    (CHAT, "?format=gemini", "the shape of openai, and format says gemini"),
    (CHAT, "?format=openapi", "format is one of"),
    (CHAT, "?paralel=0", "'paralel' is unknown"),
    (CHAT, "?max_characters=0", "max_characters is a number"),
    (CHAT, "?structured=never", "structured is one of"),
]


@pytest.mark.parametrize(("body", "query", "problem"), BAD)
async def test_bad_input_is_a_clear_error_and_nothing_is_run(
    client: Client, body: Any, query: str, problem: str
) -> None:
    await client.world.server("git", log="x")
    answered = await post(client, body, CALLS + query)
    assert answered.status == 400
    assert problem in answered.json["message"]
    assert answered.json["hint"] or "is one of" in problem or "number" in problem
    assert client.world.journal.rows == []


async def test_mistakes_in_a_shape_are_told_at_the_base_url_too(client: Client) -> None:
    answered = await post(client, {"calls": [{"id": "1", "name": "a"}] * 2}, "/ws/demo")
    assert (answered.status, answered.json["error"]) == (400, "invalid")


async def test_what_is_not_json(client: Client) -> None:
    for data in (b"{", b"\xff", b""):
        headers = {"Content-Type": "application/json"}
        answered = await client.ask("POST", CALLS, data=data, headers=headers)
        assert answered.status == 400
        assert "not JSON" in answered.json["message"]
    typed = {"Content-Type": "text/plain"}
    assert (await client.ask("POST", CALLS, data=b"{}", headers=typed)).status == 415


async def test_invalid_json_in_arguments_is_the_models_to_mend(client: Client) -> None:
    await client.world.server("git", log="x")
    call = {"id": "1", "function": {"name": "git__log", "arguments": "{broken"}}
    answered = await post(client, {"tool_calls": [call]})
    assert answered.status == 200
    assert answered.json["results"][0]["code"] == "invalid_arguments"
    assert client.world.journal.rows[0].outcome is Outcome.DENIED


async def test_unpaired_surrogates_cost_nothing(client: Client) -> None:
    await client.world.server("git", log="x")
    body = b'{"calls":[{"id":"1\\ud800","name":"git__log","arguments":{"a":"\\udfff"}}]}'
    headers = {"Content-Type": "application/json"}
    answered = await client.ask("POST", CALLS, data=body, headers=headers)
    assert answered.status == 200
    assert answered.json["results"][0]["id"] == "1\ufffd"


async def test_texts_are_cut_where_the_caller_wants(client: Client) -> None:
    upstream = await client.world.server("git", log="x")
    upstream.answers["tools/call"] = lambda _: {
        "content": [{"type": "text", "text": "x" * 50}],
        "structuredContent": {"a": 1},
    }
    cut = await post(client, CHAT, f"{CALLS}?max_characters=10")
    assert cut.json["messages"][0]["content"] == (
        "x" * 10 + "\n[mcpgw: cut after 10 of 50 characters; ask for less]"
    )
    structured = await post(client, CHAT, f"{CALLS}?structured=prefer&format=openai")
    assert structured.json["messages"][0]["content"] == '{"a":1}'


async def test_images_come_as_attachments_or_in_a_message(client: Client) -> None:
    upstream = await client.world.server("git", log="x")
    image = {"type": "image", "mimeType": "image/png", "data": "AAAA"}
    upstream.answers["tools/call"] = lambda _: {"content": [image]}
    attached = await post(client, CHAT)
    assert attached.json["attachments"] == [
        {"tool_call_id": "1", "mime_type": "image/png", "data": "AAAA"}
    ]
    shown = await post(client, CHAT, f"{CALLS}?images=message")
    assert [one["role"] for one in shown.json["messages"]] == ["tool", "tool", "user"]


async def test_one_tool_is_an_operation(client: Client) -> None:
    upstream = await client.world.server("git", log="x")
    path = "/ws/demo/v1/tools/git__log"
    assert json.loads((await post(client, {"a": 1}, path)).json["content"])["arguments"] == {"a": 1}
    missing = await post(client, {}, "/ws/demo/v1/tools/no__thing")
    assert (missing.status, missing.json["code"]) == (200, "tool_not_found")
    upstream.answers["tools/call"] = lambda _: {
        "content": [{"type": "image", "mimeType": "image/png", "data": "AAAA"}],
        "isError": True,
    }
    failed = await post(client, {}, path)
    assert (failed.status, failed.json["code"]) == (200, "tool_error")
    assert (await post(client, {}, f"{path}?errors=http")).status == 502
    upstream.answers["tools/call"] = lambda _: {
        "content": [{"type": "image", "mimeType": "image/png", "data": "AAAA"}]
    }
    shown = await post(client, {}, f"{path}?media=1&errors=http")
    assert (shown.status, shown.json["media"][0]["data"]) == (200, "AAAA")
    assert (await post(client, [], path)).json["code"] == "invalid_arguments"
    assert (await client.ask("GET", path)).status == 405


async def limited(client: Client) -> dict[str, str]:
    """Return the header of a token that may call once an hour."""
    bounds = Bounds(rate=Rate(1, 3600))
    issued = await client.world.gateway.tokens.issue(
        OPERATOR, "demo", "ana", Role.DEVELOPER, None, bounds
    )
    return {"Authorization": f"Bearer {issued.text}"}


async def test_a_limit_is_per_call_and_429_when_nothing_was_made(client: Client) -> None:
    await client.world.server("git", log="x")
    headers = await limited(client)
    first = await post(client, CHAT, **headers)
    assert [one["code"] for one in first.json["results"]] == ["", "rate_limited"]
    second = await post(client, CHAT, **headers)
    assert second.status == 429
    assert int(second.headers["Retry-After"]) > 0
    one = await post(client, {}, "/ws/demo/v1/tools/git__log", **headers)
    assert one.status == 429


async def test_a_journal_that_cannot_be_written_serves_nothing(client: Client) -> None:
    await client.world.server("git", log="x")
    client.world.journal.is_broken = True
    answered = await post(client, CHAT)
    assert answered.status == 503
    assert "content" not in answered.text


async def test_events_tell_of_calls_as_they_go_on(client: Client) -> None:
    upstream = await client.world.server("git", log="x")
    progress = b'{"progressToken":1,"progress":1,"total":2,"message":"half"}'
    upstream.notifications.append(Notification("notifications/progress", Raw(progress)))
    path = f"{CALLS}?parallel=0"
    async with client.stream("POST", path, json=CHAT) as reading:
        assert reading.status == 200
        events = await reading.rest()
    assert [one.kind for one in events] == [
        "call.started",
        "call.progress",
        "call.completed",
        "call.started",
        "call.completed",
        "done",
    ]
    assert events[1].json == {
        "id": "1",
        "name": "git__log",
        "progress": 1,
        "total": 2,
        "message": "half",
    }
    assert events[2].json["messages"][0]["tool_call_id"] == "1"
    assert events[2].json["server"] == "git"
    assert [one["tool_call_id"] for one in events[5].json["messages"]] == ["1", "2"]


async def test_an_error_before_the_first_event_keeps_its_status(client: Client) -> None:
    headers = await limited(client)
    await client.world.server("git", log="x")
    await post(client, CHAT, **headers)
    events = {"Accept": "text/event-stream", **headers}
    async with client.stream("POST", CALLS, json={"x": 1}, headers=events) as reading:
        assert reading.status == 400
    async with client.stream("POST", CALLS, json=CHAT, headers=events) as reading:
        said = await reading.rest()
    assert said[-1].kind == "error"
    assert said[-1].json["error"] == "limited"


@pytest.mark.usefixtures("brisk")
async def test_silence_is_broken(client: Client) -> None:
    upstream = await client.world.server("git", log="x")
    upstream.gate = asyncio.Event()
    async with client.stream("POST", CALLS, json={"calls": [{"name": "git__log"}]}) as reading:
        first = await reading.next()
        assert first is not None
        assert first.kind == "call.started"
        comment = await asyncio.wait_for(reading._response.content.readline(), 5)
        assert comment == b":\n"
        upstream.gate.set()
        assert [one.kind for one in await reading.rest()] == ["call.completed", "done"]


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_who_leaves_takes_the_calls_back(client: Client, accept: str) -> None:
    upstream = await client.world.server("git", log="x")
    upstream.gate = asyncio.Event()
    asking = asyncio.ensure_future(post(client, CHAT, Accept=accept))
    await until(upstream.entered.is_set)
    asking.cancel()
    await asyncio.wait_for(client.world.journal.recorded.wait(), 5)
    await until(lambda: upstream.was_cancelled)
    assert Outcome.CANCELLED in {row.outcome for row in client.world.journal.rows}


async def test_a_call_that_needs_input_can_be_taken_up(client: Client) -> None:
    upstream = await client.world.server("git", log="x")
    params = Raw(b'{"message":"Which?","requestedSchema":{"type":"object","properties":{}}}')
    upstream.questions.append(Question("elicitation/create", params))
    calls = [{"type": "tool_use", "id": "1", "name": "git__log", "input": {}}]
    first = await post(client, {"content": calls}, f"{CALLS}?questions=1")
    (block,) = first.json["message"]["content"]
    assert block["is_error"] is True
    assert "needs user input: Which?" in block["content"][0]["text"]
    (asked,) = first.json["mcpgw"]["input_requests"]
    (key,) = asked["inputRequests"]
    answers = {key: {"action": "accept", "content": {}}}
    resume = {"1": {"inputResponses": answers, "requestState": asked["requestState"]}}
    body = {"content": calls, "mcpgw": {"resume": resume}}
    second = await post(client, body, f"{CALLS}?questions=1")
    assert second.json["message"]["content"][0]["is_error"] is False
