"""One call: every outcome, its answer and its row."""

import asyncio
from dataclasses import replace

import msgspec
import pytest
from msgspec import Raw
from multidict import CIMultiDict

from mcpgw.errors import ProtocolError, StorageError, UpstreamTimeout
from mcpgw.model.audit import Outcome
from mcpgw.model.secret import Secret
from mcpgw.model.server import HttpLaunch
from mcpgw.model.token import OPERATOR
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Notification, Outgoing, Reply
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
    got: list[bytes] = []

    async def send(message: bytes) -> None:
        got.append(message)

    admission = await world.admission()
    await world.calls.forward(
        asked(
            admission,
            "tools/call",
            {"name": b'"git__log"'},
            send=send,
            progress_token=b'"tok"',
        )
    )
    (message,) = got
    assert b'"method":"notifications/progress"' in message
    assert b'"tok"' in message
    assert b"0.50" in message
    assert b"progressToken" in git.sent[-1].params
    await world.calls.forward(asked(admission, "tools/call", {"name": b'"git__log"'}, send=send))
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


def linking(git: FakeUpstream, *uris: str) -> None:
    """Have the tool hand out links to resources that no list holds."""
    blocks = [{"type": "resource_link", "uri": uri, "name": "a"} for uri in uris]
    git.answers["tools/call"] = lambda _: {"content": blocks}


async def test_a_link_that_a_tool_returned_can_be_read_by_who_got_it(world: World) -> None:
    git, jira = await world.server("git", log="x"), await world.server("jira", ask="y")
    linking(git, "file:///tmp/log")
    one, other = await world.modern(), await world.modern(member="bob")
    refused = await one.call("resources/read", uri=b'"file:///tmp/log"')
    assert refused["error"]["code"] == -32602
    assert refused["error"]["data"] == {"uri": "file:///tmp/log"}
    await one.call(name=b'"git__log"')
    assert "result" in await one.call("resources/read", uri=b'"file:///tmp/log"')
    assert git.sent[-1].name == "file:///tmp/log"
    assert "error" in await other.call("resources/read", uri=b'"file:///tmp/log"')
    assert all(one.method != "resources/read" for one in jira.sent)


async def test_a_link_of_a_server_that_is_gone_leads_nowhere(world: World) -> None:
    git = await world.server("git", log="x")
    linking(git, "file:///tmp/log")
    one = await world.modern()
    await one.call(name=b'"git__log"')
    await world.gateway.servers.remove(OPERATOR, "demo", "git")
    one.admission = replace(one.admission, configuration=await world.current.configuration())
    assert "error" in await one.call("resources/read", uri=b'"file:///tmp/log"')


async def test_a_legacy_client_is_told_of_a_missing_resource_by_its_own_code(world: World) -> None:
    await world.server("git", log="x")
    answer = await (await world.legacy()).call("resources/read", uri=b'"memo://nowhere"')
    assert answer["error"]["code"] == -32002
    assert answer["error"]["data"] == {"uri": "memo://nowhere"}
    answer = await (await world.legacy()).call("tools/call", name=b'"nothing"')
    assert answer["error"]["code"] == -32602


SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
    },
}


@pytest.mark.parametrize(
    ("headers", "arguments", "fits"),
    [
        ({"Mcp-Param-Region": "eu"}, b'{"region":"eu"}', True),
        ({"mcp-param-region": "=?base64?w6k=?="}, b'{"region":"\xc3\xa9"}', True),
        ({"Mcp-Param-Count": "42.0"}, b'{"count":42}', True),
        ({}, b'{"region":null}', True),
        ({}, b"{}", True),
        ({}, b'{"region":"eu"}', False),
        ({"Mcp-Param-Region": "us"}, b'{"region":"eu"}', False),
        ({"Mcp-Param-Region": "eu"}, b"{}", False),
        ({"Mcp-Param-Region": "=?base64?!?="}, b'{"region":"eu"}', False),
    ],
)
async def test_headers_of_arguments_are_held_against_them(
    world: World, headers: dict[str, str], arguments: bytes, fits: bool
) -> None:
    git = await world.server("git", "", log="x")
    git.answers["tools/list"] = lambda _: {"tools": [{"name": "log", "inputSchema": SCHEMA}]}
    one = await world.modern()
    asking = one.call(name=b'"log"', arguments=arguments, headers=CIMultiDict(headers))
    if fits:
        assert "result" in await asking
        return
    with pytest.raises(ProtocolError) as caught:
        await asking
    assert caught.value.rpc_code == -32020
    assert all(one.method != "tools/call" for one in git.sent)
    (row,) = world.journal.rows
    assert (row.outcome, row.error_class, row.server) == (Outcome.DENIED, "-32020", "git")


async def test_a_refusal_is_only_told_once_it_is_recorded(world: World) -> None:
    git = await world.server("git", "", log="x")
    git.answers["tools/list"] = lambda _: {"tools": [{"name": "log", "inputSchema": SCHEMA}]}
    one = await world.modern()
    world.journal.is_broken = True
    with pytest.raises(StorageError):
        await one.call(name=b'"log"', arguments=b'{"region":"eu"}', headers=CIMultiDict())


@pytest.mark.parametrize("era", list(Era))
async def test_arguments_of_a_legacy_request_or_a_plain_tool_need_no_headers(
    world: World, era: Era
) -> None:
    git = await world.server("git", "", log="x", plain="y")
    git.answers["tools/list"] = lambda _: {
        "tools": [
            {"name": "log", "inputSchema": SCHEMA},
            {"name": "plain", "inputSchema": {"type": "object"}},
        ]
    }
    if era is Era.LEGACY:
        answer = await (await world.legacy()).call(name=b'"log"', arguments=b'{"region":"eu"}')
    else:
        answer = await (await world.modern()).call(name=b'"plain"', headers=CIMultiDict())
    assert "result" in answer


@pytest.mark.parametrize("is_modern", [True, False])
async def test_a_server_that_completes_nothing_is_not_asked(world: World, is_modern: bool) -> None:
    git = await world.server("git", "", log="x")
    git.capabilities = {"prompts": Raw(b"{}")}
    one = await (world.modern() if is_modern else world.legacy())
    answer = await one.call(
        "completion/complete",
        ref=b'{"type":"ref/prompt","name":"greet"}',
        argument=b'{"name":"a","value":"b"}',
    )
    assert answer["result"]["completion"] == {"values": []}
    assert all(one.method != "completion/complete" for one in git.sent)
    assert [row.outcome for row in world.journal.rows] == [Outcome.OK]


@pytest.mark.parametrize("code", [-32020, -32022])
async def test_errors_about_how_we_spoke_do_not_reach_the_client(world: World, code: int) -> None:
    git = await world.server("git", log="x")
    error = Raw(b'{"code":%d,"message":"you"}' % code)
    git.answers["tools/call"] = lambda _: Reply(None, error)
    assert (await call(world, name=b'"git__log"'))["error"]["code"] == -32603
