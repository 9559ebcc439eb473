"""One call: every outcome, its answer and its row."""

import asyncio

import msgspec
import pytest
from msgspec import Raw

from mcpgw.errors import ProtocolError, StorageError, UpstreamTimeout
from mcpgw.model.audit import Outcome
from mcpgw.model.secret import Secret
from mcpgw.model.server import HttpLaunch
from mcpgw.model.token import OPERATOR
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Notification, Outgoing
from tests.fakes import FakeUpstream, listing
from tests.world import World, asked


async def call(world: World, method: str = "tools/call", **params: bytes) -> dict:  # type: ignore[type-arg]
    admission = await world.admission()
    response = await world.calls.forward(asked(admission, method, params))
    decoded: dict[str, object] = msgspec.json.decode(response)
    assert decoded["id"] == 7
    return decoded


def fail(error: Exception):  # type: ignore[no-untyped-def]
    def answer(_: Outgoing) -> object:
        raise error

    return answer


async def test_a_call_reaches_its_server_under_the_servers_own_name(world: World) -> None:
    git = await world.server("git", log="x")
    answer = await call(world, name=b'"git__log"', arguments=b'{"n":12345678901234567890123}')
    assert answer["result"]["resultType"] == "complete"
    sent = git.sent[-1]
    assert (sent.method, sent.name) == ("tools/call", "log")
    assert b'{"n":12345678901234567890123}' in sent.params
    (row,) = world.journal.rows
    assert (row.outcome, row.server, row.exposed, row.original, row.member) == (
        Outcome.OK,
        "git",
        "git__log",
        "log",
        "ana",
    )
    assert (row.request_bytes, row.error_class) == (100, "")
    assert row.result_bytes > 0
    assert row.call_id.startswith("call_")


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("prompts/get", {"name": b'"git__greet"'}, "greet"),
        ("resources/read", {"uri": b'"memo://one"'}, "memo://one"),
        ("resources/read", {"uri": b'"memo://5/text"'}, "memo://5/text"),
    ],
)
async def test_prompts_and_resources_take_the_same_way(
    world: World, method: str, params: dict[str, bytes], name: str
) -> None:
    git = await world.server("git", log="x")
    assert "result" in await call(world, method, **params)
    assert git.sent[-1].name == name
    assert world.journal.rows[0].method == method


@pytest.mark.parametrize(
    ("reference", "sent"),
    [
        (b'{"type":"ref/prompt","name":"git__greet"}', b'"name":"greet"'),
        (b'{"type":"ref/resource","uri":"memo://{id}/text"}', b"memo://{id}/text"),
    ],
)
async def test_completions_go_to_the_owner_of_the_reference(
    world: World, reference: bytes, sent: bytes
) -> None:
    git = await world.server("git", log="x")
    answer = await call(
        world, "completion/complete", ref=reference, argument=b'{"name":"a","value":"b"}'
    )
    assert "completion" in answer["result"]
    assert sent in git.sent[-1].params
    assert git.sent[-1].name is None


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/call", {"name": b'"git__nothing"'}),
        ("tools/call", {"name": b"7"}),
        ("tools/call", {}),
        ("prompts/get", {"name": b'"git__log"'}),
        ("resources/read", {"uri": b'"memo://nowhere"'}),
        ("completion/complete", {"ref": b'"no object"'}),
        ("completion/complete", {"ref": b'{"type":"ref/prompt","name":"no\\u0007ne"}'}),
    ],
)
async def test_what_is_not_offered_is_denied_and_recorded(
    world: World, method: str, params: dict[str, bytes]
) -> None:
    await world.server("git", log="x")
    answer = await call(world, method, **params)
    assert answer["error"]["code"] == -32602
    (row,) = world.journal.rows
    assert (row.outcome, row.error_class, row.server) == (Outcome.DENIED, "not_found", "")
    assert row.exposed.isprintable()


async def test_an_unknown_tool_names_the_servers_that_are_missing(world: World) -> None:
    await world.server("down", ask="y")
    del world.upstreams.by_name["down"]
    answer = await call(world, name=b'"down__ask"')
    assert "down is unavailable" in answer["error"]["message"]


async def test_a_tool_that_says_it_failed_is_a_result(world: World) -> None:
    git = await world.server("git", log="x")
    git.answers["tools/call"] = lambda _: {"content": [], "isError": True}
    assert (await call(world, name=b'"git__log"'))["result"]["isError"] is True
    assert world.journal.rows[0].outcome is Outcome.TOOL_ERROR


async def test_an_error_of_the_server_passes(world: World) -> None:
    git = await world.server("git", log="x")
    del git.answers["tools/call"]
    answer = await call(world, name=b'"git__log"')
    assert answer["error"]["message"] == "Method not found"
    row = world.journal.rows[0]
    assert (row.outcome, row.error_class) == (Outcome.UPSTREAM_ERROR, "rpc_error")


async def test_a_server_that_went_away_is_named_to_the_model(world: World) -> None:
    await world.server("git", log="x")
    await call(world, name=b'"git__log"')
    del world.upstreams.by_name["git"]
    answer = await call(world, name=b'"git__log"')
    assert answer["result"]["isError"] is True
    assert "git refused the connection" in answer["result"]["content"][0]["text"]
    assert world.journal.rows[1].outcome is Outcome.UPSTREAM_ERROR


async def test_for_prompts_an_outage_is_an_error(world: World) -> None:
    git = await world.server("git", log="x")
    git.answers["prompts/get"] = fail(UpstreamTimeout("git did not answer in 5 s"))
    answer = await call(world, "prompts/get", name=b'"git__greet"')
    assert answer["error"] == {"code": -32603, "message": "git did not answer in 5 s"}
    assert world.journal.rows[0].outcome is Outcome.TIMEOUT


async def test_a_broken_result_is_the_servers_fault(world: World) -> None:
    git = await world.server("git", log="x")
    git.answers["tools/call"] = lambda _: ["no object"]
    answer = await call(world, name=b'"git__log"')
    assert "error" in answer
    assert world.journal.rows[0].outcome is Outcome.UPSTREAM_ERROR


async def test_an_answer_that_cannot_be_recorded_is_withheld(world: World) -> None:
    await world.server("git", log="x")
    world.journal.is_broken = True
    with pytest.raises(StorageError):
        await call(world, name=b'"git__log"')


async def test_a_bug_is_recorded_too(world: World) -> None:
    git = await world.server("git", log="x")
    git.answers["tools/call"] = fail(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await call(world, name=b'"git__log"')
    assert world.journal.rows[0].error_class == "internal"


async def test_cancelled_is_cancelled_upstream_and_recorded(world: World) -> None:
    git = await world.server("git", log="x")
    git.gate = asyncio.Event()
    admission = await world.admission()
    task = asyncio.ensure_future(
        world.calls.forward(asked(admission, "tools/call", {"name": b'"git__log"'}))
    )
    await git.entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert git.was_cancelled
    assert world.journal.rows[0].outcome is Outcome.CANCELLED


async def test_progress_comes_back_under_the_clients_token(world: World) -> None:
    git = await world.server("git", log="x")
    git.notifications = [
        Notification("notifications/progress", Raw(b'{"progressToken":1,"progress":0.50}')),
        Notification("notifications/message", Raw(b'{"level":"info"}')),
    ]
    got: list[Notification] = []

    async def deliver(notification: Notification) -> None:
        got.append(notification)

    admission = await world.admission()
    await world.calls.forward(
        asked(
            admission,
            "tools/call",
            {"name": b'"git__log"'},
            deliver=deliver,
            progress_token=b'"tok"',
        )
    )
    assert [one.method for one in got] == ["notifications/progress"]
    assert b'"tok"' in bytes(got[0].params)
    assert b"0.50" in bytes(got[0].params)
    assert b"progressToken" in git.sent[-1].params
    await world.calls.forward(
        asked(admission, "tools/call", {"name": b'"git__log"'}, deliver=deliver)
    )
    assert len(got) == 1


async def test_a_secret_is_opened_only_when_sent(world: World) -> None:
    launch = HttpLaunch("http://127.0.0.1:1/", (("X-Key", "${secret:KEY}"),))
    world.upstreams.by_name["jira"] = FakeUpstream(listing(ask="x"))
    await world.gateway.servers.add(OPERATOR, "demo", "jira", launch)
    await world.gateway.secrets.set(OPERATOR, "demo", "jira", "KEY", Secret("one"))
    await call(world, name=b'"jira__ask"')
    await world.gateway.secrets.set(OPERATOR, "demo", "jira", "KEY", Secret("two"))
    await call(world, name=b'"jira__ask"')
    assert world.upstreams.filled[-1] == ("jira", [("X-Key", "two")])


async def test_legacy_clients_get_no_modern_fields(world: World) -> None:
    git = await world.server("git", log="x")
    git.era, git.version = Era.MODERN, "2026-07-28"
    git.answers["tools/call"] = lambda _: {"content": [], "resultType": "complete"}
    admission = await world.admission()
    request = asked(
        admission, "tools/call", {"name": b'"git__log"'}, era=Era.LEGACY, session_id="s"
    )
    answer = msgspec.json.decode(await world.calls.forward(request))
    assert answer["result"] == {"content": []}


async def test_a_protocol_error_keeps_its_code(world: World) -> None:
    git = await world.server("git", log="x")
    git.answers["tools/call"] = fail(ProtocolError("broken", -32603))
    assert (await call(world, name=b'"git__log"'))["error"]["code"] == -32603
