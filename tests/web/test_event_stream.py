"""A client of the first revision: one stream for everything, and a POST for each message."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from msgspec import Raw

from mcpgw.model.audit import Outcome
from mcpgw.model.token import OPERATOR
from mcpgw.protocol.exchange import Notification, Question
from mcpgw.protocol.legacy import SessionStart
from mcpgw.web import event_stream
from mcpgw.web.event_stream import Conversation
from mcpgw.web.stream import Stream
from tests.web.conftest import Answered, Client, Reading
from tests.world import World

PROGRESS = Notification("notifications/progress", Raw(b'{"progressToken":1,"progress":1}'))
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def initialize(**capabilities: object) -> dict[str, Any]:
    client_info = {"name": "first", "version": "1"}
    params = {"protocolVersion": "2024-11-05", "clientInfo": client_info}
    params |= {"capabilities": capabilities}
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}


def call(request_id: object = 3, **params: Any) -> dict[str, Any]:
    params = {"name": "git__log", **params}
    return {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}


@dataclass
class Talk:
    """A conversation: the stream, and where to POST."""

    client: Client
    stream: Reading
    path: str

    async def say(self, message: object, **headers: str) -> Answered:
        return await self.client.ask("POST", self.path, json=message, headers=headers)

    async def ask(self, message: object) -> Any:
        """Say something and return the next message of the stream."""
        assert (await self.say(message)).status == 202
        return await self.stream.message()

    async def start(self, **capabilities: object) -> None:
        await self.ask(initialize(**capabilities))
        assert (await self.say(READY)).status == 202


@asynccontextmanager
async def talking(client: Client) -> AsyncIterator[Talk]:
    async with client.stream(path="/ws/demo/sse") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        first = await stream.next()
        assert first is not None
        assert first.kind == "endpoint"
        yield Talk(client, stream, first.data)


async def test_from_first_to_last(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.notifications = [PROGRESS]
    async with talking(client) as talk:
        assert talk.path.startswith("/ws/demo/messages?session_id=")
        opened = await talk.ask(initialize())
        assert opened["result"]["protocolVersion"] == "2024-11-05"
        said = await talk.say(READY)
        assert (said.status, said.text) == (202, "")
        listed = await talk.ask({"jsonrpc": "2.0", "id": "a", "method": "tools/list"})
        assert [tool["name"] for tool in listed["result"]["tools"]] == ["git__log"]
        progress = await talk.ask(call(_meta={"progressToken": "p"}))
        assert progress["params"]["progressToken"] == "p"
        assert (await talk.stream.message())["result"]["content"]
    (row,) = client.world.journal.rows
    assert (row.client_name, row.protocol_version) == ("first", "2024-11-05")
    assert row.client_address == "127.0.0.1"


async def test_a_change_is_told(client: Client) -> None:
    async with talking(client) as talk:
        await talk.start()
        # The stream of news is open once the next request is answered behind it.
        assert (await talk.ask(PING))["result"] == {}
        await client.change("git")
        assert (await talk.stream.message())["method"] == "notifications/tools/list_changed"


async def test_a_server_asks_the_client(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.questions = [Question("roots/list", Raw(b"{}"))]
    async with talking(client) as talk:
        await talk.start(roots={})
        asked = await talk.ask(call())
        assert asked["method"] == "roots/list"
        answer = await talk.ask({"jsonrpc": "2.0", "id": asked["id"], "result": {"roots": []}})
        assert answer["result"]
    assert git.answered[0] is not None


async def test_calls_run_side_by_side_and_can_be_taken_back(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.gate = asyncio.Event()
    async with talking(client) as talk:
        await talk.start()
        await talk.say(call())
        await git.entered.wait()
        assert (await talk.ask(PING))["result"] == {}
        cancelled = {"method": "notifications/cancelled", "params": {"requestId": 3}}
        await talk.say({"jsonrpc": "2.0", **cancelled})
        await client.world.journal.recorded.wait()
        assert (await talk.ask(PING))["result"] == {}
    assert client.world.journal.rows[0].outcome is Outcome.CANCELLED


async def test_a_call_outlives_a_client_that_leaves(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.gate = asyncio.Event()
    async with talking(client) as talk:
        await talk.start()
        await talk.say(call())
        await git.entered.wait()
        talk.stream.leave()
    git.gate.set()
    await client.world.journal.recorded.wait()
    assert client.world.journal.rows[0].outcome is Outcome.OK
    assert (await talk.say(PING)).status == 404


async def test_more_calls_than_one_client_may_have(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "MAX_CALLS", 1)
    git = await client.world.server("git", log="x")
    git.gate = asyncio.Event()
    async with talking(client) as talk:
        await talk.start()
        await talk.say(call())
        await git.entered.wait()
        refused = await talk.ask(call(4))
        assert (refused["id"], refused["error"]["code"]) == (4, -32603)
        git.gate.set()
        assert (await talk.stream.message())["id"] == 3
        assert (await talk.ask(PING))["result"] == {}


async def test_more_clients_than_there_may_be(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "MAX_CONVERSATIONS", 1)
    async with talking(client) as talk:
        assert (await client.ask("GET", "/ws/demo/sse")).status == 503
        talk.stream.leave()
    for _ in range(100):
        if (await talk.say(PING)).status == 404:
            break
    async with talking(client) as talk:
        assert (await talk.ask(initialize()))["result"]


ERRORS = [
    # what, before a session or in it, message, code on the stream
    ("a request before the session", False, PING, -32600),
    ("a second initialize", True, initialize(), -32600),
    ("a malformed initialize", False, initialize() | {"params": {}}, -32602),
    ("unknown method", True, PING | {"method": "nothing"}, -32601),
    ("modern method", True, PING | {"method": "server/discover"}, -32601),
    ("unknown tool", True, call(1), -32602),
    ("foreign cursor", True, PING | {"method": "tools/list", "params": {"cursor": "x"}}, -32602),
]


@pytest.mark.parametrize(("what", "is_started", "message", "code"), ERRORS)
async def test_what_goes_wrong_with_a_request_is_said_on_the_stream(
    client: Client, what: str, is_started: bool, message: dict[str, Any], code: int
) -> None:
    async with talking(client) as talk:
        if is_started:
            await talk.ask(initialize())
        answered = await talk.ask(message)
    assert (answered["id"], answered["error"]["code"]) == (message["id"], code), what


REFUSED = [
    ("not JSON", b"{", 400),
    ("a batch", b"[]", 400),
    ("a notification before the session", b'{"jsonrpc":"2.0","method":"x"}', 400),
    ("too large", b"x" * 10_001, 413),
]


@pytest.mark.parametrize(("what", "body", "status"), REFUSED)
async def test_what_is_no_request_is_refused_at_once(
    client: Client, what: str, body: bytes, status: int
) -> None:
    async with talking(client) as talk:
        assert (await client.ask("POST", talk.path, data=body)).status == status, what


async def test_the_key_of_a_conversation_is_good_for_its_token_only(client: Client) -> None:
    async with talking(client) as talk:
        mine = client.token
        client.token = await client.token_of("bob")
        assert (await talk.say(PING)).status == 404
        client.token = "mgwu_nobody"
        assert (await talk.say(PING)).status == 401
        assert (await client.ask("GET", "/ws/demo/sse")).status == 401
        client.token = mine
        assert (await talk.say(PING, Origin="https://evil.example")).status == 403
        for path in ("/ws/demo/messages", "/ws/demo/messages?session_id=x"):
            assert (await client.ask("POST", path, json=PING)).status == 404
        assert (await talk.ask(initialize()))["result"]


async def test_the_revocation_of_its_token_ends_the_stream(client: Client) -> None:
    async with talking(client) as talk:
        await talk.start()
        await client.world.gateway.tokens.revoke_member(OPERATOR, "demo", "ana")
        assert (await talk.stream.message())["error"]["code"] == -31009
        assert await talk.stream.next() is None


async def test_a_revoked_token_ends_a_conversation_that_has_not_begun(client: Client) -> None:
    async with talking(client) as talk:
        await client.world.gateway.tokens.revoke_member(OPERATOR, "demo", "ana")
        assert (await talk.stream.message())["error"]["code"] == -31009
        assert await talk.stream.next() is None


async def test_a_stream_of_news_that_cannot_be_opened_ends_the_conversation(world: World) -> None:
    request = make_mocked_request("GET", "/")
    admission = await world.admission()
    lost = Conversation(world.gateway.dispatcher, admission, Stream(request))
    lost.session_id = "ended meanwhile"
    lost.begin()
    assert [message async for message in lost] == []
    lost.close()


async def test_a_conversation_may_end_while_its_stream_of_news_opens(world: World) -> None:
    request = make_mocked_request("GET", "/")
    admission = await world.admission()
    left = Conversation(world.gateway.dispatcher, admission, Stream(request))
    start = SessionStart("2024-11-05", "first", "1", b"{}")
    left.session_id = await world.sessions.start(admission, start)

    async def read() -> list[bytes]:
        return [message async for message in left]

    reading = asyncio.ensure_future(read())
    left.begin()
    for _ in range(2):
        await asyncio.sleep(0)
    left.end()
    assert await asyncio.wait_for(reading, 5) == []
    left.close()


async def test_a_bug_is_answered_without_its_text(
    client: Client,
) -> None:
    git = await client.world.server("git", log="x")

    def broken(_: object) -> object:
        raise ZeroDivisionError("secret")

    git.answers["tools/call"] = broken
    async with talking(client) as talk:
        await talk.start()
        answered = await talk.ask(call())
        assert answered["error"] == {"code": -32603, "message": "Internal error"}
