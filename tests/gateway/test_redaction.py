"""What a server says of the secrets that it was given reaches nobody, and is counted."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from mcpgw.gateway.redaction import Redactor
from mcpgw.model.secret import Secret
from mcpgw.model.server import HttpLaunch
from mcpgw.model.token import OPERATOR
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import PAUSED, Notification, Question, Reply
from tests.fakes import FakeUpstream, listing
from tests.world import Client, World

CANARY = 'canary-+/"-1234'
TAKEN_OUT = "[redacted:KEY]"


def raw(**members: object) -> Raw:
    return Raw(msgspec.json.encode(members))


@pytest.fixture
async def jira(world: World) -> FakeUpstream:
    """A server that was given a secret, and says so."""
    launch = HttpLaunch("http://127.0.0.1:1/", (("X-Key", "Key ${secret:KEY}"),))
    upstream = world.upstreams.by_name["jira"] = FakeUpstream(listing(ask="x"))
    await world.gateway.servers.add(OPERATOR, "demo", "jira", launch)
    await world.gateway.secrets.set(OPERATOR, "demo", "jira", "KEY", Secret(CANARY))
    text = f"{CANARY} and {CANARY}"
    upstream.answers["tools/call"] = lambda _: {"content": [{"type": "text", "text": text}]}
    return upstream


async def called(client: Client, **more: Any) -> dict[str, Any]:
    answer = await client.call(name=b'"jira__ask"', **more)
    assert CANARY not in json.dumps(answer, ensure_ascii=False)
    assert "canary" not in json.dumps(client.heard)
    return answer


def redactions(world: World) -> int:
    return world.journal.ends[-1][0].redactions


@pytest.mark.parametrize("era", Era)
async def test_a_result(world: World, jira: FakeUpstream, era: Era) -> None:
    client = await (world.modern() if era is Era.MODERN else world.legacy())
    answer = await called(client)
    assert answer["result"]["content"][0]["text"] == f"{TAKEN_OUT} and {TAKEN_OUT}"
    assert redactions(world) == 2


async def test_an_error(world: World, jira: FakeUpstream) -> None:
    error = raw(code=-32000, message=f"no such key: {CANARY}")
    jira.answers["tools/call"] = lambda _: Reply(None, error)
    answer = await called(await world.modern())
    assert TAKEN_OUT in answer["error"]["message"]
    assert redactions(world) == 1


async def test_notifications_and_questions(world: World, jira: FakeUpstream) -> None:
    progress = Notification("notifications/progress", raw(progress=1, message=CANARY))
    log = Notification("notifications/message", raw(level="error", data={"key": CANARY}))
    jira.notifications = [progress, log]
    jira.questions = [Question("roots/list", raw(why=CANARY))]
    client = await world.legacy(b'{"roots":{}}')
    client.answers["roots/list"] = {"roots": []}
    await called(client, progress_token=b"7")
    assert json.dumps(client.heard).count(TAKEN_OUT) == 3
    assert redactions(world) == 5


async def test_a_pause_is_no_word_of_the_server(world: World) -> None:
    heard = []

    async def deliver(notification: Notification) -> None:
        heard.append(notification)

    redacting = Redactor(lambda: {"KEY": CANARY}).deliver(deliver)
    assert redacting is not None
    await redacting(PAUSED)
    assert heard[0] is PAUSED


def test_where_nobody_listens() -> None:
    redactor = Redactor(dict)
    assert (redactor.deliver(None), redactor.ask(None)) == (None, None)


async def test_a_modern_server_that_asks_in_rounds(world: World, jira: FakeUpstream) -> None:
    jira.era, jira.version = Era.MODERN, "2026-07-28"
    asks = {"method": "roots/list", "params": {"why": CANARY}}
    results = [
        {"resultType": "input_required", "inputRequests": {"a": asks}, "requestState": "s"},
        {"resultType": "complete", "content": [{"type": "text", "text": CANARY}]},
    ]
    jira.answers["tools/call"] = lambda _: results.pop(0)
    client = await world.legacy(b'{"roots":{}}')
    client.answers["roots/list"] = {"roots": []}
    await called(client)
    assert redactions(world) == 2


async def test_a_server_without_secrets_may_say_anything(world: World) -> None:
    git = await world.server("git", log="x")
    said = {"content": [{"type": "text", "text": CANARY}]}
    git.answers["tools/call"] = lambda _: said
    answer = await (await world.legacy()).call(name=b'"git__log"')
    assert answer["result"] == said
    assert redactions(world) == 0
