"""Parked calls: questions of a legacy server to a modern client, answered by the call's retry."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from mcpgw.errors import UpstreamError
from mcpgw.gateway import parking as module
from mcpgw.gateway.parking import Parking
from mcpgw.gateway.ports import Ask, Deliver
from mcpgw.model.audit import Outcome
from mcpgw.model.token import OPERATOR
from mcpgw.protocol.exchange import Notification, Outgoing, Question, Reply
from tests.fakes import FakeUpstream
from tests.world import IDENTITY, Client, World, until

LOG = b'"log"'
ANY = b'{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}}'
ROOTS = Question("roots/list", Raw(b"{}"))
DONE = Raw(b'{"content":[]}')


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHERING_S", 0.001)


def who(message: str = "who?") -> Question:
    return Question("elicitation/create", Raw(msgspec.json.encode({"message": message})))


async def server(world: World, *questions: Question) -> FakeUpstream:
    """Add a legacy server whose tools ask these questions, one after the other."""
    git = await world.server("git", "", log="x", other="y")
    git.questions = list(questions)
    return git


async def park(one: Client, **more: Any) -> tuple[bytes, dict[str, Any]]:
    """Call the tool; return the state to come back with, and the questions."""
    result = (await one.call(name=LOG, **more))["result"]
    assert result["resultType"] == "input_required"
    return msgspec.json.encode(result["requestState"]), result["inputRequests"]


def calls(upstream: FakeUpstream) -> int:
    return sum(one.method == "tools/call" for one in upstream.sent)


async def nothing_is_left(world: World) -> bool:
    """Say whether no call waits or runs any more, once what is over is over."""
    await until(lambda: not world.background.tasks)
    return not world.parking._parked


async def test_the_retry_brings_the_answer_to_the_call_that_waits(world: World) -> None:
    git = await server(world, who(), ROOTS)
    one = await world.modern(ANY)
    state, asked = await park(one, arguments=b'{"a":1}')
    assert asked == {"q1": {"method": "elicitation/create", "params": {"message": "who?"}}}
    answer = b'{"q1":{"action":"accept","content":{"n": 1.50}}}'
    second = await one.call(
        name=LOG, arguments=b'{"a":1}', requestState=state, inputResponses=answer
    )
    assert second["result"]["inputRequests"] == {"q2": {"method": "roots/list", "params": {}}}
    again = msgspec.json.encode(second["result"]["requestState"])
    assert again != state
    done = await one.call(
        name=LOG, arguments=b'{"a":1}', requestState=again, inputResponses=b'{"q2":{"roots":[]}}'
    )
    assert done["result"]["resultType"] == "complete"
    assert git.answered == [
        Reply(Raw(b'{"action":"accept","content":{"n": 1.50}}'), None),
        Reply(Raw(b'{"roots":[]}'), None),
    ]
    assert calls(git) == 1
    assert await nothing_is_left(world)


async def test_every_leg_has_its_row(world: World) -> None:
    await server(world, who())
    one = await world.modern(ANY)
    state, _ = await park(one)
    await one.call(name=LOG, requestState=state, inputResponses=b'{"q1":{"action":"cancel"}}')
    rows = [(row.outcome, row.server, row.original, row.member) for row in world.journal.rows]
    assert rows == [(Outcome.OK, "git", "log", "ana")] * 2


@pytest.mark.parametrize(
    ("method", "params"),
    [("prompts/get", {"name": b'"greet"'}), ("resources/read", {"uri": b'"memo://one"'})],
)
async def test_prompts_and_resources_may_ask_too(
    world: World, method: str, params: dict[str, Any]
) -> None:
    git = await server(world)

    async def act(_: Outgoing, __: Deliver | None, ask: Ask | None) -> Reply:
        assert ask is not None
        git.answered.append(await ask(who()))
        return Reply(Raw(b'{"messages":[],"contents":[]}'), None)

    git.acts[method] = act
    one = await world.modern(ANY)
    state = msgspec.json.encode((await one.call(method, **params))["result"]["requestState"])
    done = await one.call(
        method, **params, requestState=state, inputResponses=b'{"q1":{"action":"accept"}}'
    )
    assert done["result"]["resultType"] == "complete"
    assert git.answered == [Reply(Raw(b'{"action":"accept"}'), None)]


async def test_a_call_that_asks_nothing_just_ends(world: World) -> None:
    await server(world)
    answer = await (await world.modern(ANY)).call(name=LOG)
    assert answer["result"]["resultType"] == "complete"
    assert await nothing_is_left(world)


async def test_an_id_of_a_page_to_visit_is_left_out(world: World) -> None:
    params = b'{"mode":"url","url":"https://x","message":"m","elicitationId":"e"}'
    await server(world, Question("elicitation/create", Raw(params)))
    _, asked = await park(await world.modern(ANY))
    assert asked["q1"]["params"] == {"mode": "url", "url": "https://x", "message": "m"}


def several(git: FakeUpstream, *questions: Question) -> None:
    """Have the tool ask everything at once."""

    async def act(_: Outgoing, __: Deliver | None, ask: Ask | None) -> Reply:
        assert ask is not None
        git.answered += await asyncio.gather(*(ask(question) for question in questions))
        return Reply(DONE, None)

    git.acts["tools/call"] = act


async def test_questions_that_come_together_make_one_round(world: World) -> None:
    git = await server(world)
    several(git, who("a"), who("b"), ROOTS)
    one = await world.modern(ANY)
    state, asked = await park(one)
    assert [question["method"] for question in asked.values()] == [
        "elicitation/create",
        "elicitation/create",
        "roots/list",
    ]
    answers = msgspec.json.encode({key: {"to": key} for key in asked})
    await one.call(name=LOG, requestState=state, inputResponses=answers)
    assert [msgspec.json.decode(reply.result or b"") for reply in git.answered if reply] == [
        {"to": "q1"},
        {"to": "q2"},
        {"to": "q3"},
    ]


@pytest.mark.parametrize("given", [None, b"{}", b'{"q1":{"action":"accept"}}', b'{"q9":{"x":1}}'])
async def test_what_was_not_answered_is_asked_again(world: World, given: bytes | None) -> None:
    git = await server(world)
    several(git, who("a"), who("b"))
    one = await world.modern(ANY)
    state, asked = await park(one)
    answers: dict[str, Any] = {} if given is None else {"inputResponses": given}
    again = (await one.call(name=LOG, requestState=state, **answers))["result"]
    missing = asked.keys() - ({"q1"} if given and b"q1" in given else set())
    assert again["inputRequests"] == {key: asked[key] for key in missing}
    rest = msgspec.json.encode({key: {"action": "decline"} for key in missing})
    state = msgspec.json.encode(again["requestState"])
    done = await one.call(name=LOG, requestState=state, inputResponses=rest)
    assert done["result"]["resultType"] == "complete"
    assert calls(git) == 1
    assert await nothing_is_left(world)


@pytest.mark.parametrize("given", [b"[]", b'{"q1":"yes"}', b'{"q1":null}', b"7"])
async def test_answers_of_the_wrong_shape_leave_the_call_waiting(
    world: World, given: bytes
) -> None:
    await server(world, who())
    one = await world.modern(ANY)
    state, _ = await park(one)
    bad = await one.call(name=LOG, requestState=state, inputResponses=given)
    assert bad["error"]["code"] == -32602
    done = await one.call(name=LOG, requestState=state, inputResponses=b'{"q1":{"action":"x"}}')
    assert "result" in done


# --- who may come back, and with what --------------------------------------------------------


async def refused(world: World, git: FakeUpstream, one: Client, **more: Any) -> str:
    """Come back; say why it is refused, nothing being run for it."""
    before = calls(git)
    answer = await one.call(**more)
    assert answer["error"]["code"] == -32602, answer
    assert calls(git) == before
    assert git.answered == []
    assert (world.journal.rows[-1].outcome, world.journal.rows[-1].error_class) == (
        Outcome.DENIED,
        "-32602",
    )
    message: str = answer["error"]["message"]
    return message


YES = b'{"q1":{"action":"accept"}}'


@pytest.mark.parametrize(
    "change",
    [
        {"name": b'"other"'},
        {"arguments": b'{"a":2}'},
        {"arguments": b"null"},
        {"requestState": b'""'},
        {"requestState": b'"AAAA"'},
        {"requestState": b'"\xc3\xa9"'},
        {"requestState": b'"mcpgw1.x"'},
        {"method": "prompts/get", "name": b'"greet"'},
        {"method": "resources/read", "uri": b'"memo://one"'},
    ],
)
async def test_only_the_same_call_comes_back(world: World, change: dict[str, Any]) -> None:
    git = await server(world, who())
    one = await world.modern(ANY)
    state, _ = await park(one, arguments=b'{"a":1,"b":[2]}')
    same: dict[str, Any] = {"name": LOG, "arguments": b'{"b":[2],"a":1}', "requestState": state}
    message = await refused(world, git, one, **{**same, "inputResponses": YES, **change})
    assert "not one of this call" in message
    # The call still waits, and its arguments may be written in another order.
    done = await one.call(**same, inputResponses=YES)
    assert done["result"]["resultType"] == "complete"


async def test_a_prompt_of_the_same_name_is_another_call(world: World) -> None:
    git = await world.server("git", "", greet="x")
    git.questions = [who()]
    one = await world.modern(ANY)
    first = await one.call(name=b'"greet"')
    state = msgspec.json.encode(first["result"]["requestState"])
    back: dict[str, Any] = {"name": b'"greet"', "requestState": state, "inputResponses": YES}
    await refused(world, git, one, method="prompts/get", **back)
    assert "result" in await one.call(**back)


async def test_a_state_that_is_no_text_is_refused(world: World) -> None:
    git = await server(world, who())
    message = await refused(world, git, await world.modern(ANY), name=LOG, requestState=b"7")
    assert "requestState must be a string" in message


async def test_a_forged_state_never_runs_the_call(world: World) -> None:
    git = await server(world)
    for capabilities in (b"{}", ANY):
        one = await world.modern(capabilities)
        await refused(world, git, one, name=LOG, requestState=b'"anything"')
    assert calls(git) == 0


async def test_nobody_else_comes_back(world: World) -> None:
    git = await server(world, who())
    await world.gateway.workspaces.create(OPERATOR, "elsewhere")
    one, state = await world.modern(ANY), b""
    state, _ = await park(one)
    colleague = await world.modern(ANY, member="bob")
    again = await world.modern(ANY)  # the same member by another token
    for other in (colleague, again):
        await refused(world, git, other, name=LOG, requestState=state, inputResponses=YES)
    stranger = await world.modern(ANY, slug="elsewhere")
    answer = await stranger.call(name=LOG, requestState=state, inputResponses=YES)
    assert answer["error"]["code"] == -32602
    done = await one.call(name=LOG, requestState=state, inputResponses=YES)
    assert "result" in done


async def test_the_same_tool_of_another_server_is_another_call(world: World) -> None:
    git = await server(world, who())
    one = await world.modern(ANY)
    state, _ = await park(one)
    await world.gateway.servers.remove(OPERATOR, "demo", "git")
    fork = await world.server("fork", "", log="x")
    fork.questions = [who()]
    one.admission = replace(one.admission, configuration=await world.current.configuration())
    answer = await one.call(name=LOG, requestState=state, inputResponses=YES)
    assert answer["error"]["code"] == -32602
    assert (calls(fork), git.answered) == (0, [])


async def test_a_state_is_good_for_one_round(world: World) -> None:
    git = await server(world, who("a"), who("b"))
    one = await world.modern(ANY)
    state, _ = await park(one)
    running = [
        asyncio.ensure_future(one.call(name=LOG, requestState=state, inputResponses=YES))
        for _ in range(3)
    ]
    answers = [await task for task in running]
    assert sum("result" in answer for answer in answers) == 1
    assert all("is gone" in a["error"]["message"] for a in answers if "error" in a)
    late = await one.call(name=LOG, requestState=state, inputResponses=YES)
    assert "is gone" in late["error"]["message"]
    assert len(git.answered) == 1
    assert calls(git) == 1


async def test_after_a_restart_a_state_means_nothing(world: World) -> None:
    git = await server(world, who())
    one = await world.modern(ANY)
    state, _ = await park(one)
    keys, vault = world.parking._keys, world.vault
    ongoing, spawn = world.gateway.ongoing, world.background.spawn
    restarted = Parking(keys, vault, ongoing, world.clock, spawn, identity=IDENTITY)
    world.calls._relay._parking = restarted
    message = await refused(world, git, one, name=LOG, requestState=state, inputResponses=YES)
    assert "was restarted; nothing was run again" in message


async def test_arguments_beyond_every_type_can_be_parked_too(world: World) -> None:
    git = await server(world, who())
    one = await world.modern(ANY)
    for arguments in (b'{"n":1e400}', b'{"n":%s}' % (b"9" * 5000), b"[" * 3000 + b"]" * 3000):
        state, _ = await park(one, arguments=arguments)
        done = await one.call(name=LOG, arguments=arguments, requestState=state, inputResponses=YES)
        assert "result" in done
    assert len(git.answered) == 3


async def test_a_state_of_null_is_none(world: World) -> None:
    git = await server(world)
    assert "result" in await (await world.modern(ANY)).call(name=LOG, requestState=b"null")
    assert calls(git) == 1


# --- ends ------------------------------------------------------------------------------------


async def test_a_call_that_nobody_comes_back_for_is_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PARKED_S", 0.01)
    git = await server(world, who())
    one = await world.modern(ANY)
    state, _ = await park(one)
    await asyncio.sleep(0.02)
    await until(lambda: git.was_cancelled)
    assert await nothing_is_left(world)
    message = await refused(world, git, one, name=LOG, requestState=state, inputResponses=YES)
    assert "timed out" in message


async def test_a_state_has_its_time_even_if_the_call_still_waits(world: World) -> None:
    git = await server(world, who())
    one = await world.modern(ANY)
    state, _ = await park(one)
    world.clock.pass_s(module.PARKED_S + 1)
    await refused(world, git, one, name=LOG, requestState=state, inputResponses=YES)


async def test_coming_back_ends_the_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PARKED_S", 0.1)
    git = await server(world, who("a"), who("b"))
    one = await world.modern(ANY)
    state, _ = await park(one)
    monkeypatch.setattr(module, "PARKED_S", 60.0)
    second = await one.call(name=LOG, requestState=state, inputResponses=YES)
    await asyncio.sleep(0.15)
    assert not git.was_cancelled
    state = msgspec.json.encode(second["result"]["requestState"])
    answer = b'{"q2":{"action":"accept"}}'
    assert "result" in await one.call(name=LOG, requestState=state, inputResponses=answer)


@pytest.mark.parametrize("is_second_leg", [False, True])
async def test_a_client_that_leaves_during_a_leg_takes_the_call_back(
    world: World, is_second_leg: bool
) -> None:
    git = await server(world)
    entered = asyncio.Event()

    async def act(_: Outgoing, __: Deliver | None, ask: Ask | None) -> Reply:
        assert ask is not None
        if is_second_leg:
            await ask(who())
        entered.set()
        await asyncio.Event().wait()
        return Reply(DONE, None)

    git.acts["tools/call"] = act
    one = await world.modern(ANY)
    back: dict[str, Any] = {}
    if is_second_leg:
        back = {"requestState": (await park(one))[0], "inputResponses": YES}
    running = asyncio.ensure_future(one.call(name=LOG, **back))
    await entered.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: git.was_cancelled)
    assert await nothing_is_left(world)
    assert world.journal.rows[-1].outcome is Outcome.CANCELLED


async def test_a_call_that_ends_while_nobody_is_there_has_its_answer_kept(world: World) -> None:
    git = await server(world)
    go_on = asyncio.Event()

    async def act(_: Outgoing, __: Deliver | None, ask: Ask | None) -> Reply:
        assert ask is not None
        asking = asyncio.ensure_future(ask(who()))
        await go_on.wait()
        asking.cancel()  # the server took its question back
        return Reply(Raw(b'{"content":[{"type":"text","text":"without"}]}'), None)

    git.acts["tools/call"] = act
    one = await world.modern(ANY)
    state, _ = await park(one)
    go_on.set()
    await until(lambda: not world.background.tasks)
    done = await one.call(name=LOG, requestState=state, inputResponses=YES)
    assert done["result"]["content"][0]["text"] == "without"
    assert await nothing_is_left(world)


async def test_a_question_taken_back_at_once_is_not_put(world: World) -> None:
    git = await server(world)

    async def act(_: Outgoing, __: Deliver | None, ask: Ask | None) -> Reply:
        assert ask is not None
        asking = asyncio.ensure_future(ask(who("a")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.sleep(0.01)
        git.answered.append(await ask(who("b")))
        return Reply(DONE, None)

    git.acts["tools/call"] = act
    _, asked = await park(await world.modern(ANY))
    assert [question["params"]["message"] for question in asked.values()] == ["b"]


def gone(_: Outgoing) -> object:
    raise UpstreamError("git went away")


def broken(_: Outgoing) -> object:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("answer", "said"),
    [(gone, "git went away"), (broken, "ended without an answer")],
)
async def test_a_failure_behind_the_answers_is_the_calls(
    world: World, answer: Callable[[Outgoing], object], said: str
) -> None:
    git = await server(world, who())
    git.answers["tools/call"] = answer
    one = await world.modern(ANY)
    state, _ = await park(one)
    failed = await one.call(name=LOG, requestState=state, inputResponses=YES)
    assert said in failed["result"]["content"][0]["text"]
    assert failed["result"]["isError"] is True
    assert await nothing_is_left(world)


async def test_a_token_parks_so_many_calls(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PARKED", 2)
    git = await server(world, who())
    one, other = await world.modern(ANY), await world.modern(ANY, member="bob")
    states = [(await park(one))[0] for _ in range(2)]
    full = await one.call(name=LOG)
    assert "2 calls of this token wait" in full["error"]["message"]
    await until(lambda: git.was_cancelled)
    await park(other)
    assert "result" in await one.call(name=LOG, requestState=states[0], inputResponses=YES)
    await park(one)


# --- notifications ---------------------------------------------------------------------------


async def test_notifications_go_to_the_leg_that_is_there(world: World) -> None:
    git = await server(world)
    heard_alone = asyncio.Event()

    async def act(_: Outgoing, deliver: Deliver | None, ask: Ask | None) -> Reply:
        assert ask is not None
        assert deliver is not None

        async def tell(number: int) -> None:
            progress = Raw(b'{"progress":%d}' % number)
            await deliver(Notification("notifications/progress", progress))
            log = Raw(b'{"level":"info","data":%d}' % number)
            await deliver(Notification("notifications/message", log))

        await tell(1)
        asking = asyncio.ensure_future(ask(who()))
        await until(lambda: world.parking._parked)
        await tell(2)
        heard_alone.set()
        await asking
        await tell(3)
        return Reply(DONE, None)

    git.acts["tools/call"] = act
    one = await world.modern(ANY)
    state, _ = await park(one, progress_token=b'"first"')
    await heard_alone.wait()
    await one.call(
        name=LOG,
        requestState=state,
        inputResponses=YES,
        progress_token=b"2",
        log_level="debug",
    )
    assert one.notified == [
        ("notifications/progress", {"progress": 1, "progressToken": "first"}),
        ("notifications/progress", {"progress": 3, "progressToken": 2}),
        ("notifications/message", {"level": "info", "data": 3}),
    ]
