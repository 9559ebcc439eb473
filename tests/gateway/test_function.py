"""Function calls: side by side, each with an outcome, a row, and what the journal says of it."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from msgspec import Raw

from mcpgw.errors import Limited, StorageError, Unauthenticated, UpstreamTimeout
from mcpgw.formats.answer import Done
from mcpgw.formats.call import FunctionCall
from mcpgw.gateway import function
from mcpgw.gateway.access import Admission
from mcpgw.gateway.function import SIDE_BY_SIDE, Manner, Sender, Visible, Written
from mcpgw.model.audit import Outcome, Surface
from mcpgw.model.bounds import Bounds, Rate
from mcpgw.model.token import OPERATOR, Role
from mcpgw.model.tool_class import ToolClass
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Notification, Outgoing, Question, Reply
from tests.fakes import FakeUpstream
from tests.world import World, until

SENDER = Sender("probe", "1.2", "192.0.2.7")
MANNER = Manner(SENDER, Surface.ANTHROPIC)

LIMITED_SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "text": {"type": "string"}},
    "required": ["n"],
}


def call(name: str = "git__log", arguments: str = "{}", call_id: str = "c", **more: Any) -> Any:
    return FunctionCall(call_id, name, arguments.encode(), **more)


def many(count: int, name: str = "git__log") -> list[FunctionCall]:
    return [call(name, json.dumps({"i": n}), f"c{n}") for n in range(count)]


def text_of(done: Done) -> str:
    return str(json.loads(done.result)["content"][0]["text"])


async def run(
    world: World, *calls: FunctionCall, manner: Manner = MANNER, admission: Admission | None = None
) -> Sequence[Done]:
    admitted = admission or await world.admission()
    return await world.gateway.functions.run(admitted, calls, manner)


async def one(world: World, asked: FunctionCall, manner: Manner = MANNER) -> Done:
    (done,) = await run(world, asked, manner=manner)
    return done


def listing_with(upstream: FakeUpstream, **tools: Any) -> None:
    """Let a server list tools with these members."""
    items = [{"name": name, **members} for name, members in tools.items()]
    upstream.answers["tools/list"] = lambda _: {"tools": items}


async def test_the_tools_are_those_that_mcp_clients_see_and_whose_they_are(world: World) -> None:
    await world.server("git", log="x", push="y")
    await world.server("jira", get_issue="z")
    visible = await world.gateway.functions.tools(await world.admission())
    tools, unreadable = visible.read()
    assert [(one.name, one.server, one.kind) for one in tools] == [
        ("git__log", "git", ToolClass.WRITE),
        ("git__push", "git", ToolClass.WRITE),
        ("jira__get_issue", "jira", ToolClass.READ),
    ]
    assert unreadable == []
    read = await world.gateway.functions.tools(await world.admission(Role.READONLY))
    assert [one.name for one in read.read()[0]] == ["jira__get_issue"]
    assert read.digest != visible.digest


async def test_more_tools_than_one_page_holds(world: World) -> None:
    await world.server("git", **{f"t{n}": "x" for n in range(1500)})
    visible = await world.gateway.functions.tools(await world.admission())
    assert len(visible.read()[0]) == 1500


async def test_a_token_that_ended_sees_nothing(world: World) -> None:
    await world.server("git", log="x")
    admission = await world.admission()
    await world.gateway.tokens.revoke(OPERATOR, "demo", admission.principal.token_id)
    with pytest.raises(Unauthenticated):
        await world.gateway.functions.tools(admission)


def visible(*names: str, server: str = "git") -> Visible:
    items = {name: json.dumps({"name": name}).encode() for name in names}
    return Visible({n: Written(item, server, ToolClass.READ) for n, item in items.items()})


def test_the_order_in_which_a_server_lists_changes_nothing() -> None:
    for names in (("a", "b"), ("b", "a")):
        assert [one.name for one in visible(*names).read()[0]] == ["a", "b"]
        assert visible(*names).digest == visible("a", "b").digest
    others = {visible("a").digest, visible("b").digest, visible("a", server="other").digest}
    assert len(others) == 3


def test_a_tool_that_cannot_be_read_costs_no_other_tool() -> None:
    deep = b'{"name":"deep","inputSchema":' + b'{"a":' * 3000 + b"1" + b"}" * 3001
    both = {**visible("a").tools, "deep": Written(deep, "git", ToolClass.READ)}
    tools, unreadable = Visible(both).read()
    assert [one.name for one in tools] == ["a"]
    assert [name for name, _ in unreadable] == ["deep"]


async def test_a_call_has_its_row_and_its_server(world: World) -> None:
    upstream = await world.server("git", log="x")
    done = await one(world, call(arguments='{"n":1.0}'))
    assert (done.code, done.server) == ("", "git")
    assert b'"arguments":{"n":1.0}' in upstream.sent[-1].params
    (row,) = world.journal.rows
    assert (row.exposed, row.outcome, row.member) == ("git__log", Outcome.OK, "ana")
    assert (row.client_name, row.client_version) == ("probe", "1.2")
    assert (row.client_address, row.surface) == ("192.0.2.7", "anthropic")
    assert row.request_bytes == len('{"n":1.0}')


async def test_calls_run_side_by_side_bounded_and_are_answered_in_order(world: World) -> None:
    upstream = await world.server("git", log="x")
    running, most = 0, 0

    async def act(message: Outgoing, deliver: object, ask: object) -> Reply:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        number = json.loads(message.params)["arguments"]["i"]
        for _ in range(50 - number):
            await asyncio.sleep(0)
        running -= 1
        return Reply(Raw(b'{"content":[{"type":"text","text":"%d"}]}' % number), None)

    upstream.acts["tools/call"] = act
    done = await run(world, *many(40))
    assert [text_of(one) for one in done] == [str(n) for n in range(40)]
    assert most == SIDE_BY_SIDE
    most = 0
    done = await run(world, *many(5), manner=replace(MANNER, is_parallel=False))
    assert ([text_of(one) for one in done], most) == (["0", "1", "2", "3", "4"], 1)
    assert len(world.journal.rows) == 45


async def test_a_dead_server_costs_only_its_own_calls(world: World) -> None:
    await world.server("git", log="x")
    down = await world.server("down", log="x")
    await world.gateway.functions.tools(await world.admission())

    def fail(_: Outgoing) -> object:
        raise UpstreamTimeout("down does not answer")

    down.answers["tools/call"] = fail
    good, bad = await run(world, call(call_id="1"), call("down__log", call_id="2"))
    assert good.code == ""
    assert (bad.code, bad.server, text_of(bad)) == (
        "upstream_timeout",
        "down",
        "down does not answer",
    )


OUTCOMES = [
    ({"content": [], "isError": True}, "tool_error", Outcome.TOOL_ERROR),
    (Reply(None, Raw(b'{"code":-32000,"message":"no"}')), "upstream_error", Outcome.UPSTREAM_ERROR),
    (7, "upstream_unavailable", Outcome.UPSTREAM_ERROR),
    ({"content": []}, "", Outcome.OK),
]


@pytest.mark.parametrize(("answer", "code", "outcome"), OUTCOMES)
async def test_what_is_said_of_a_call_is_what_the_journal_says(
    world: World, answer: object, code: str, outcome: Outcome
) -> None:
    upstream = await world.server("git", log="x")
    upstream.answers["tools/call"] = lambda _: answer
    done = await one(world, call())
    assert done.code == code
    assert world.journal.rows[0].outcome is outcome
    assert done.result or done.problem


async def test_an_unknown_tool_and_a_hidden_one_are_the_same(world: World) -> None:
    await world.server("git", push="x")
    admission = await world.admission(Role.READONLY)
    unknown, hidden = await run(
        world, call("no__thing", call_id="1"), call("git__push", call_id="2"), admission=admission
    )
    assert unknown.code == hidden.code == "tool_not_found"
    assert hidden.problem == unknown.problem.replace("no__thing", "git__push")
    assert [row.outcome for row in world.journal.rows] == [Outcome.DENIED] * 2


async def test_arguments_that_do_not_fit_never_reach_the_server(world: World) -> None:
    upstream = await world.server("git", log="x")
    listing_with(upstream, log={"inputSchema": LIMITED_SCHEMA})
    calls = [call(arguments=text, call_id=text) for text in ('{"n":"x"}', "{", "[]", "")]
    for done in await run(world, *calls):
        assert done.code == "invalid_arguments"
        assert "correct the arguments and call again" in done.problem
    assert [row.outcome for row in world.journal.rows] == [Outcome.DENIED] * 4
    assert {row.server for row in world.journal.rows} == {"git"}
    assert all(message.method != "tools/call" for message in upstream.sent)


async def test_arguments_in_a_vendors_terms_reach_the_server_in_its_own(world: World) -> None:
    upstream = await world.server("git", log="x")
    listing_with(upstream, log={"inputSchema": LIMITED_SCHEMA, "outputSchema": {"type": "object"}})
    done = await one(world, call(arguments='{"n":1,"text":null}'))
    assert (done.code, done.has_output) == ("", True)
    assert b'"arguments":{"n":1}' in upstream.sent[-1].params


async def test_arguments_of_a_hidden_tool_say_nothing_of_its_schema(world: World) -> None:
    upstream = await world.server("git", push="x")
    listing_with(upstream, push={"inputSchema": LIMITED_SCHEMA})
    admission = await world.admission(Role.READONLY)
    (done,) = await run(world, call("git__push", '{"n":"x"}'), admission=admission)
    assert done.code == "tool_not_found"


async def test_calls_of_another_kind_are_answered_without_being_made(world: World) -> None:
    done = await one(world, call("sh", is_custom=True))
    assert (done.code, done.problem) == ("tool_not_found", "no such tool is served here")
    assert world.journal.rows == []


async def test_a_call_that_takes_too_long_is_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function, "CALL_S", 0.05)
    upstream = await world.server("git", log="x")
    upstream.gate = asyncio.Event()
    done = await one(world, call())
    assert done.code == "upstream_timeout"
    assert "what the tool did by then stands" in done.problem
    assert upstream.was_cancelled
    assert world.journal.rows[0].outcome is Outcome.CANCELLED


async def test_calls_beyond_the_time_of_all_are_not_made(world: World) -> None:
    upstream = await world.server("git", log="x")

    def take_long(_: Outgoing) -> object:
        world.clock.pass_s(function.ALL_CALLS_S + 1)
        return {"content": [{"type": "text", "text": "x"}]}

    upstream.answers["tools/call"] = take_long
    first, second = await run(world, *many(2), manner=replace(MANNER, is_parallel=False))
    assert (first.code, first.duration_ms) == ("", 301_000)
    assert second.code == "upstream_timeout"
    assert second.problem.startswith("not run")
    assert len(world.journal.rows) == 1


async def bounded(world: World, calls: int) -> Admission:
    """Come in with a token that may make so many calls in an hour."""
    bounds = Bounds(rate=Rate(calls, 3600))
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", Role.DEVELOPER, None, bounds)
    return await world.gateway.access.authenticate("demo", issued.text)


async def test_calls_beyond_the_limit_are_answered_and_all_of_them_refused(world: World) -> None:
    await world.server("git", log="x")
    admission = await bounded(world, 2)
    done = await run(world, *many(3), admission=admission)
    assert [one.code for one in done] == ["", "", "rate_limited"]
    with pytest.raises(Limited):
        await run(world, *many(3), admission=admission)
    assert [row.outcome for row in world.journal.rows].count(Outcome.LIMITED) == 4


async def test_a_journal_that_cannot_be_written_serves_nothing(world: World) -> None:
    await world.server("git", log="x")
    world.journal.is_broken = True
    with pytest.raises(StorageError):
        await run(world, *many(2))


async def test_a_row_that_cannot_be_written_withholds_its_answer_only(world: World) -> None:
    upstream = await world.server("git", log="x")

    def break_after(_: Outgoing) -> object:
        world.journal.is_broken = True
        return {"content": []}

    await run(world, call())
    manner = replace(MANNER, is_parallel=False)
    upstream.answers["tools/call"] = break_after
    done = await run(world, call("no__thing", call_id="1"), call(call_id="2"), manner=manner)
    assert [one.code for one in done] == ["tool_not_found", "unavailable"]
    assert "journal" in done[1].problem
    assert done[1].result == b""


async def test_a_token_that_ends_meanwhile_gets_no_answer_at_all(world: World) -> None:
    upstream = await world.server("git", log="x")
    admission = await world.admission()
    upstream.gate = asyncio.Event()
    running = asyncio.ensure_future(run(world, *many(2), admission=admission))
    await until(upstream.entered.is_set)
    token_id = admission.principal.token_id
    await world.gateway.tokens.revoke(OPERATOR, "demo", token_id)
    upstream.gate.set()
    with pytest.raises(Unauthenticated):
        await running


ASKS = {"q1": {"method": "elicitation/create", "params": {"mode": "form", "message": "Which?"}}}


async def test_a_modern_server_that_asks_says_so_in_the_text(world: World) -> None:
    upstream = await world.server("git", log="x")
    upstream.era, upstream.version = Era.MODERN, "2026-07-28"
    upstream.answers["tools/call"] = lambda _: {
        "resultType": "input_required",
        "inputRequests": ASKS,
        "requestState": "opaque",
    }
    mute = await one(world, call())
    assert (mute.code, mute.questions) == ("input_required", b"")
    assert mute.problem.startswith("needs user input: the server git asks")
    asked = await one(world, call(), replace(MANNER, takes_questions=True))
    assert (asked.code, asked.problem) == ("input_required", "needs user input: Which?")
    assert json.loads(asked.questions)["requestState"] == "opaque"
    upstream.answers["tools/call"] = lambda _: {"resultType": "input_required", "requestState": "s"}
    waiting = await one(world, call(), replace(MANNER, takes_questions=True))
    assert waiting.problem == "needs user input: the server waits for something"


async def test_a_call_that_only_speaks_of_input_is_a_result(world: World) -> None:
    upstream = await world.server("git", log="x")
    upstream.answers["tools/call"] = lambda _: {"content": [], "x": "input_required"}
    assert (await one(world, call())).code == ""


async def test_a_legacy_server_that_asks_is_resumed_with_the_answer(world: World) -> None:
    upstream = await world.server("git", log="x")
    params = Raw(b'{"message":"Which?","requestedSchema":{"type":"object","properties":{}}}')
    upstream.questions.append(Question("elicitation/create", params))
    manner = replace(MANNER, takes_questions=True)
    admission = await world.admission()
    (asked,) = await run(world, call(), manner=manner, admission=admission)
    assert asked.problem == "needs user input: Which?"
    questions = json.loads(asked.questions)
    (key,) = questions["inputRequests"]
    answers = {key: {"action": "accept", "content": {}}}
    resumption = {
        "inputResponses": Raw(json.dumps(answers).encode()),
        "requestState": Raw(json.dumps(questions["requestState"]).encode()),
    }
    (done,) = await run(world, call(resumption=resumption), manner=manner, admission=admission)
    assert done.code == ""
    (reply,) = upstream.answered
    assert reply is not None
    assert reply.result is not None
    assert json.loads(bytes(reply.result))["action"] == "accept"


class Witness:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    async def started(self, asked: FunctionCall) -> None:
        self.heard.append(("started", asked.id))

    async def progressed(self, asked: FunctionCall, message: bytes) -> None:
        self.heard.append((json.loads(message)["method"], asked.id))

    async def completed(self, done: Done) -> None:
        self.heard.append((f"completed {done.code}", done.call.id))


async def test_a_watcher_is_told_of_each_call_as_it_goes_on(world: World) -> None:
    upstream = await world.server("git", log="x")
    progress = Notification("notifications/progress", Raw(b'{"progressToken":1,"progress":1}'))
    upstream.notifications.append(progress)
    witness = Witness()
    await run(
        world,
        call(call_id="a"),
        call("no__thing", call_id="b"),
        manner=Manner(SENDER, is_parallel=False, watcher=witness),
    )
    assert witness.heard == [
        ("started", "a"),
        ("notifications/progress", "a"),
        ("completed ", "a"),
        ("started", "b"),
        ("completed tool_not_found", "b"),
    ]


async def test_who_leaves_takes_all_calls_back(world: World) -> None:
    upstream = await world.server("git", log="x")
    upstream.gate = asyncio.Event()
    running = asyncio.ensure_future(run(world, *many(3)))
    await until(upstream.entered.is_set)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: len(world.journal.rows) == 3)
    assert {row.outcome for row in world.journal.rows} == {Outcome.CANCELLED}


async def test_no_calls_no_answers(world: World) -> None:
    assert await run(world) == []
