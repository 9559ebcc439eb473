"""Both eras on both sides: what a server tells and asks in a call, and how the call ends."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from mcpgw.errors import HeadersRefused, ProtocolError, UpstreamError
from mcpgw.gateway import relay as module
from mcpgw.gateway.ports import Ask, Deliver
from mcpgw.model.audit import Outcome
from mcpgw.protocol.era import META_CLIENT_CAPABILITIES, META_CLIENT_INFO, META_VERSION, Era
from mcpgw.protocol.exchange import PAUSED, Lane, Notification, Outgoing, Question, Reply
from tests.fakes import Exchange, FakeUpstream, listing
from tests.world import Client, World, until

LOG = b'"log"'
META_LOG_LEVEL = "io.modelcontextprotocol/logLevel"

ERAS = [(client, server) for client in Era for server in Era]

ACCEPTED = {"action": "accept", "content": {"name": "Ada"}}


def question(method: str = "elicitation/create", **members: object) -> Question:
    return Question(method, Raw(msgspec.json.encode(members)))


WHO = question(message="who?", requestedSchema={"type": "object", "properties": {}})
SAMPLE = question("sampling/createMessage", messages=[], maxTokens=5)
ROOTS = question("roots/list")
ANY = b'{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}}'


async def server(world: World, era: Era = Era.LEGACY, name: str = "git") -> FakeUpstream:
    """Add a server of one era with a tool `log`, and let the gateway list it."""
    upstream = await world.server(name, "", log="x")
    upstream.era = era
    upstream.version = "2025-11-25" if era is Era.LEGACY else "2026-07-28"
    if era is Era.MODERN:
        upstream.answers["tools/call"] = lambda _: {"resultType": "complete", "content": []}
    return upstream


async def client(world: World, era: Era, capabilities: bytes = b"{}") -> Client:
    if era is Era.MODERN:
        return await world.modern(capabilities)
    return await world.legacy(capabilities)


def params(outgoing: Outgoing) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(outgoing.params)
    return decoded


def meta(outgoing: Outgoing) -> dict[str, Any]:
    found: dict[str, Any] = params(outgoing).get("_meta", {})
    return found


def calls(upstream: FakeUpstream) -> list[Outgoing]:
    return [one for one in upstream.sent if one.method == "tools/call"]


def text(answer: dict[str, Any]) -> str:
    said: str = answer["result"]["content"][0]["text"]
    return said


def codes(upstream: FakeUpstream) -> list[int | None]:
    """Return the codes of the errors that a server's questions were answered with."""
    errors = [one.error if one is not None else None for one in upstream.answered]
    return [None if raw is None else msgspec.json.decode(raw)["code"] for raw in errors]


def input_required(state: str | None = "s1", **requests: Question) -> dict[str, object]:
    asked = {key: {"method": q.method, "params": q.params} for key, q in requests.items()}
    result: dict[str, object] = {"resultType": "input_required"}
    if asked:
        result["inputRequests"] = asked
    return result if state is None else {**result, "requestState": state}


def in_turn(*results: object) -> Callable[[Outgoing], object]:
    waiting = list(results)
    return lambda _: waiting.pop(0)


# --- what is sent, and to whom ---------------------------------------------------------------


@pytest.mark.parametrize(("era", "server_era"), ERAS)
async def test_each_side_is_spoken_to_in_its_era(world: World, era: Era, server_era: Era) -> None:
    git = await server(world, server_era)
    answer = await (await client(world, era)).call(
        name=LOG, arguments=b'{"n":12345678901234567890123, "x":1.50}'
    )
    assert ("resultType" in answer["result"]) is (era is Era.MODERN)
    (sent,) = calls(git)
    assert b'{"n":12345678901234567890123, "x":1.50}' in sent.params
    of_ours = {key for key in meta(sent) if key.startswith("io.modelcontextprotocol/")}
    if server_era is Era.MODERN:
        assert of_ours == {META_VERSION, META_CLIENT_INFO, META_CLIENT_CAPABILITIES}
        assert meta(sent)[META_VERSION] == "2026-07-28"
    else:
        assert of_ours == set()


async def test_a_server_of_both_eras_is_spoken_to_in_the_clients(world: World) -> None:
    legacy = await server(world, Era.LEGACY)
    modern = FakeUpstream(listing(log="x"), era=Era.MODERN, version="2026-07-28")
    world.upstreams.by_era["git", Era.MODERN] = modern
    await (await world.legacy()).call(name=LOG)
    assert (len(calls(legacy)), len(calls(modern))) == (1, 0)
    await (await world.modern()).call(name=LOG)
    assert (len(calls(legacy)), len(calls(modern))) == (1, 1)


async def test_a_lane_says_what_its_clients_can_be_asked(world: World) -> None:
    await server(world)
    declared = b'{"roots":{"listChanged":true},"elicitation":{},"experimental":{"x":{}}}'
    modern, legacy = await world.modern(declared), await world.legacy(declared)
    mute = await world.legacy(declared)
    mute.can_stream = False
    for one in (modern, legacy, mute):
        await one.call(name=LOG)
    askable = b'{"elicitation":{"form":{}},"roots":{}}'
    token_ids = [one.admission.principal.token_id for one in (modern, legacy, mute)]
    lanes = [lane for _, lane in world.upstreams.lanes if lane is not None and lane.client]
    assert lanes == [
        Lane(Era.MODERN, askable, token_ids[0]),
        Lane(Era.LEGACY, askable, f"{token_ids[1]}:{legacy.session.id}"),
        Lane(Era.LEGACY, b"{}", f"{token_ids[2]}:{mute.session.id}"),
    ]


@pytest.mark.parametrize("era", list(Era))
@pytest.mark.parametrize(
    ("declared", "told"),
    [
        (b"{}", {}),
        (b'{"elicitation":{}}', {"elicitation": {"form": {}}}),
        (
            b'{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}},"roots":{}}',
            {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {}},
        ),
        (b'{"roots":{"listChanged":true},"elicitation":7}', {"roots": {}}),
    ],
)
async def test_a_modern_server_is_told_what_the_client_can_be_asked(
    world: World, era: Era, declared: bytes, told: dict[str, object]
) -> None:
    git = await server(world, Era.MODERN)
    await (await client(world, era, declared)).call(name=LOG)
    assert meta(calls(git)[0])[META_CLIENT_CAPABILITIES] == told


async def test_other_capabilities_of_a_modern_client_pass_those_of_a_legacy_one_do_not(
    world: World,
) -> None:
    git = await server(world, Era.MODERN)
    declared = b'{"extensions":{"com.example/maps":{}},"roots":{}}'
    await (await world.modern(declared)).call(name=LOG)
    await (await world.legacy(declared)).call(name=LOG)
    modern, legacy = (meta(one)[META_CLIENT_CAPABILITIES] for one in calls(git))
    assert modern == {"extensions": {"com.example/maps": {}}, "roots": {}}
    assert legacy == {"roots": {}}


# --- progress and log messages ---------------------------------------------------------------


@pytest.mark.parametrize(("era", "server_era"), ERAS)
async def test_progress_comes_under_the_clients_token(
    world: World, era: Era, server_era: Era
) -> None:
    git = await server(world, server_era)
    git.notifications = [Notification("notifications/progress", Raw(b'{"progress":1}'))]
    one = await client(world, era)
    await one.call(name=LOG)
    assert one.notified == []
    assert "progressToken" not in meta(calls(git)[0])
    await one.call(name=LOG, progress_token=b'"mine"')
    assert one.notified == [("notifications/progress", {"progress": 1, "progressToken": "mine"})]
    assert meta(calls(git)[1])["progressToken"] == calls(git)[1].id


@pytest.mark.parametrize("era", list(Era))
async def test_a_pause_of_the_server_reaches_the_stream(world: World, era: Era) -> None:
    git = await server(world)
    git.notifications = [PAUSED]
    sent: list[bytes] = []

    async def send(message: bytes) -> None:
        sent.append(message)

    one = await client(world, era)
    asked = msgspec.structs.replace(one.asked(name=LOG, progress_token=b"1"), send=send)
    await world.gateway.dispatcher.answer(asked)
    assert sent == [b""]


def says(*levels: str) -> list[Notification]:
    return [
        Notification("notifications/message", Raw(msgspec.json.encode({"level": level, "data": 1})))
        for level in levels
    ]


def heard(one: Client) -> list[str]:
    return [params["level"] for method, params in one.notified if method.endswith("message")]


@pytest.mark.parametrize("server_era", list(Era))
@pytest.mark.parametrize(
    ("level", "passes"),
    [(None, []), ("debug", ["debug", "info", "error"]), ("error", ["error"]), ("alert", [])],
)
async def test_a_modern_client_hears_what_the_request_asks_for(
    world: World, server_era: Era, level: str | None, passes: list[str]
) -> None:
    git = await server(world, server_era)
    git.notifications = says("debug", "info", "error")
    one = await world.modern()
    await one.call(name=LOG, log_level=level)
    assert heard(one) == passes
    if server_era is Era.MODERN:
        assert meta(calls(git)[0]).get(META_LOG_LEVEL) == level


@pytest.mark.parametrize("server_era", list(Era))
async def test_a_legacy_client_hears_what_its_session_asks_for(
    world: World, server_era: Era
) -> None:
    git = await server(world, server_era)
    git.notifications = says("debug", "info", "error")
    one = await world.legacy()
    await one.call(name=LOG)
    assert heard(one) == ["debug", "info", "error"]  # it never said
    assert META_LOG_LEVEL not in meta(calls(git)[0])
    await one.call("logging/setLevel", level=b'"error"')
    one.heard.clear()
    await one.call(name=LOG)
    assert heard(one) == ["error"]
    if server_era is Era.MODERN:
        assert meta(calls(git)[1])[META_LOG_LEVEL] == "error"
    other = await world.legacy(admission=one.admission)
    await other.call(name=LOG)
    assert heard(other) == ["debug", "info", "error"]  # a level is its session's own


async def test_a_log_level_that_is_none_is_refused(world: World) -> None:
    git = await server(world)
    modern, legacy = await world.modern(), await world.legacy()
    assert (await modern.call(name=LOG, log_level="loud"))["error"]["code"] == -32602
    assert calls(git) == []
    (row,) = world.journal.rows
    assert (row.outcome, row.error_class) == (Outcome.DENIED, "-32602")
    with pytest.raises(ProtocolError, match="level must be one of"):
        await legacy.call("logging/setLevel", level=b'"loud"')
    with pytest.raises(ProtocolError, match="level must be one of"):
        await legacy.call("logging/setLevel")


def levels_set(upstream: FakeUpstream) -> list[str]:
    return [params(one)["level"] for one in upstream.sent if one.method == "logging/setLevel"]


async def test_a_legacy_server_is_set_to_the_most_verbose_level_wanted(world: World) -> None:
    git = await server(world)
    git.capabilities = {**git.capabilities, "logging": Raw(b"{}")}
    git.answers["logging/setLevel"] = lambda _: {}
    modern, legacy = await world.modern(), await world.legacy()
    await modern.call(name=LOG)
    assert levels_set(git) == []
    await modern.call(name=LOG, log_level="warning")
    await modern.call(name=LOG, log_level="warning")
    await modern.call(name=LOG, log_level="error")
    assert levels_set(git) == ["warning"]
    await legacy.call("logging/setLevel", level=b'"debug"')
    await legacy.call(name=LOG)
    await modern.call(name=LOG, log_level="info")
    assert levels_set(git) == ["warning", "debug"]


@pytest.mark.parametrize(("era", "declares"), [(Era.LEGACY, False), (Era.MODERN, True)])
async def test_a_server_without_levels_is_not_set(world: World, era: Era, declares: bool) -> None:
    git = await server(world, era)
    if declares:
        git.capabilities = {**git.capabilities, "logging": Raw(b"{}")}
    await (await world.modern()).call(name=LOG, log_level="debug")
    assert levels_set(git) == []


async def test_a_level_that_could_not_be_set_is_set_by_the_next_call(world: World) -> None:
    git = await server(world)
    git.capabilities = {**git.capabilities, "logging": Raw(b"{}")}
    one = await world.modern()

    def lost(_: Outgoing) -> object:
        raise UpstreamError("git went away")

    git.answers["logging/setLevel"] = lost
    assert "git went away" in text(await one.call(name=LOG, log_level="info"))
    git.answers["logging/setLevel"] = lambda _: {}
    assert "isError" not in (await one.call(name=LOG, log_level="info"))["result"]
    assert levels_set(git) == ["info", "info"]


# --- cancellation ----------------------------------------------------------------------------


@pytest.mark.parametrize("capabilities", [b"{}", ANY])
@pytest.mark.parametrize(("era", "server_era"), ERAS)
async def test_a_call_taken_back_is_taken_back_from_its_server(
    world: World, era: Era, server_era: Era, capabilities: bytes
) -> None:
    git = await server(world, server_era)
    git.gate = asyncio.Event()
    one = await client(world, era, capabilities)
    running = asyncio.ensure_future(one.call(name=LOG))
    await git.entered.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: git.was_cancelled)
    assert [row.outcome for row in world.journal.rows] == [Outcome.CANCELLED]


# --- questions: legacy client ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "answer"),
    [(WHO, ACCEPTED), (SAMPLE, {"role": "assistant"}), (ROOTS, {"roots": []})],
)
@pytest.mark.parametrize("server_era", list(Era))
async def test_a_legacy_client_is_asked_on_its_stream(
    world: World, server_era: Era, asked: Question, answer: object
) -> None:
    git = await server(world, server_era)
    git.questions = [asked]
    if server_era is Era.MODERN:
        git.questions = []
        git.answers["tools/call"] = in_turn(input_required(k=asked), {"content": []})
    one = await world.legacy(ANY)
    one.answers[asked.method] = answer
    assert (await one.call(name=LOG))["result"]["content"] is not None
    (put,) = one.questions
    assert (put["method"], put["params"]) == (asked.method, msgspec.json.decode(asked.params))
    if server_era is Era.LEGACY:
        assert git.answered == [Reply(Raw(msgspec.json.encode(answer)), None)]
    else:
        first, second = calls(git)
        assert first.id != second.id
        assert params(second)["inputResponses"] == {"k": answer}
        assert params(second)["requestState"] == "s1"
        assert (params(first)["name"], params(second)["name"]) == ("log", "log")


async def test_a_state_goes_back_as_it_came_and_none_as_none(world: World) -> None:
    git = await server(world, Era.MODERN)
    written = b'{"resultType":"input_required","inputRequests":{},"requestState":"\\u00e9\\/"}'
    git.answers["tools/call"] = in_turn(
        Reply(Raw(written), None), input_required(None, a=ROOTS), {"content": []}
    )
    one = await world.legacy(ANY)
    one.answers["roots/list"] = {"roots": []}
    await one.call(name=LOG, arguments=b'{"n": 1.0}')
    _, second, third = calls(git)
    assert b'"requestState":"\\u00e9\\/"' in second.params
    assert "inputResponses" not in params(second)
    assert "requestState" not in params(third)
    assert params(third)["inputResponses"] == {"a": {"roots": []}}
    assert all(b'{"n": 1.0}' in call.params for call in calls(git))


async def test_the_questions_of_one_round_are_put_side_by_side(world: World) -> None:
    git = await server(world, Era.MODERN)
    git.answers["tools/call"] = in_turn(input_required(a=WHO, b=ROOTS), {"content": []})
    one = await world.legacy(ANY)
    running = asyncio.ensure_future(one.call(name=LOG))
    await until(lambda: len(one.questions) == 2)
    for put in reversed(one.questions):
        one.respond(put["id"], {"to": put["method"]})
    await running
    assert params(calls(git)[1])["inputResponses"] == {
        "a": {"to": "elicitation/create"},
        "b": {"to": "roots/list"},
    }


async def test_a_server_that_never_stops_asking_is_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    git = await server(world, Era.MODERN)
    git.answers["tools/call"] = lambda _: input_required()
    answer = await (await world.legacy(ANY)).call(name=LOG)
    assert f"{module.MAX_ROUNDS} times in one call" in text(answer)
    assert answer["result"]["isError"] is True
    assert len(calls(git)) == module.MAX_ROUNDS


@pytest.mark.parametrize("capabilities", [b"{}", b'{"roots":{}}'])
async def test_what_a_legacy_client_cannot_be_asked_fails_its_call_before_anything_is_asked(
    world: World, capabilities: bytes
) -> None:
    git = await server(world, Era.MODERN)
    for method in ("tools/call", "prompts/get"):
        git.answers[method] = lambda _: input_required(a=ROOTS, b=WHO)
    one = await world.legacy(capabilities)
    answer = await one.call(name=LOG)
    assert answer["result"]["isError"] is True
    assert "git asks for input (elicitation/create, roots/list)" in text(answer)
    assert (await one.call("prompts/get", name=b'"greet"'))["error"]["code"] == -32603
    assert one.questions == []


async def test_a_client_that_refuses_ends_the_call_and_its_other_questions(world: World) -> None:
    git = await server(world, Era.MODERN)
    git.answers["tools/call"] = lambda _: input_required(a=WHO, b=ROOTS)
    one = await world.legacy(ANY)
    running = asyncio.ensure_future(one.call(name=LOG))
    await until(lambda: len(one.questions) == 2)
    one.post({"id": one.questions[0]["id"], "error": {"code": -32601, "message": "no"}})
    assert "the client refused" in text(await running)
    assert len(calls(git)) == 1
    assert world.questions._waiting == {}


@pytest.mark.parametrize("server_era", list(Era))
async def test_a_call_taken_back_forgets_its_questions(world: World, server_era: Era) -> None:
    git = await server(world, server_era)
    git.questions = [WHO]
    git.answers["tools/call"] = lambda _: input_required(a=WHO, b=ROOTS)
    one = await world.legacy(ANY)
    running = asyncio.ensure_future(one.call(name=LOG))
    await until(lambda: one.questions)
    one.post({"method": "notifications/cancelled", "params": {"requestId": 1}})
    with pytest.raises(Exception, match="took the request back"):
        await running
    assert world.questions._waiting == {}
    asked = len(one.heard)
    one.respond(one.questions[0]["id"], ACCEPTED)
    await asyncio.sleep(0)
    assert (len(calls(git)), len(one.heard)) == (1, asked)


@pytest.mark.parametrize(
    ("version", "asked", "is_shown"),
    [
        ("2025-11-25", question(mode="url", url="https://x", message="go"), True),
        ("2025-06-18", question(mode="url", url="https://x", message="go"), False),
        ("2025-06-18", WHO, True),
        ("2025-03-26", WHO, False),
    ],
)
async def test_an_older_client_is_only_asked_what_its_revision_has(
    world: World, version: str, asked: Question, is_shown: bool
) -> None:
    git = await server(world)
    git.questions = [asked]
    one = await world.legacy(ANY, version=version)
    one.answers["elicitation/create"] = ACCEPTED
    await one.call(name=LOG)
    assert len(one.questions) == is_shown
    accepted = Reply(Raw(msgspec.json.encode(ACCEPTED)), None)
    assert (git.answered == [accepted]) is is_shown
    assert is_shown or codes(git) == [-32601]


async def test_a_page_to_visit_has_an_id_for_a_legacy_client(world: World) -> None:
    git = await server(world, Era.MODERN)
    visit = question(mode="url", url="https://x", message="go")
    git.answers["tools/call"] = in_turn(input_required(a=visit), {"content": []})
    one = await world.legacy(ANY)
    one.answers["elicitation/create"] = {"action": "accept"}
    await one.call(name=LOG)
    assert one.questions[0]["params"]["elicitationId"]


@pytest.mark.parametrize("era", list(Era))
async def test_what_was_not_declared_is_refused_for_the_client(world: World, era: Era) -> None:
    git = await server(world)
    git.questions = [SAMPLE, question(mode="url", url="https://x", message="go")]
    one = await client(world, era, b'{"elicitation":{}}')
    assert "error" not in await one.call(name=LOG)
    assert one.questions == []
    assert codes(git) == [-32601, -32601]


@pytest.mark.parametrize("era", list(Era))
async def test_a_client_that_can_be_asked_nothing_is_not_asked(world: World, era: Era) -> None:
    git = await server(world)
    git.questions = [WHO]
    await (await client(world, era)).call(name=LOG)
    assert codes(git) == [-32601]
    assert world.parking._parked == {}


async def test_a_client_without_a_stream_is_not_asked(world: World) -> None:
    git = await server(world)
    git.questions = [WHO]
    one = await world.legacy(ANY)
    one.can_stream = False
    await one.call(name=LOG)
    assert codes(git) == [-32601]


@pytest.mark.parametrize(
    ("era", "server_era"), [pair for pair in ERAS if pair != (Era.MODERN,) * 2]
)
@pytest.mark.parametrize("others", [0, 1])
async def test_a_question_names_its_server_where_there_are_several(
    world: World, era: Era, server_era: Era, others: int
) -> None:
    git = await server(world, server_era)
    git.questions = [WHO]
    if server_era is Era.MODERN:
        git.answers["tools/call"] = in_turn(input_required(k=WHO), {"content": []})
    if others:
        await world.server("jira", ask="y")
    one = await client(world, era, ANY)
    one.answers["elicitation/create"] = ACCEPTED
    answer = await one.call(name=LOG)
    shown = (
        one.questions[0]["params"]
        if era is Era.LEGACY
        else answer["result"]["inputRequests"]["q1"]["params"]
    )
    assert shown["message"] == ("[git] who?" if others else "who?")


@pytest.mark.parametrize("era", list(Era))
async def test_a_modern_server_asks_nothing_while_a_call_runs(world: World, era: Era) -> None:
    git = await server(world, Era.MODERN)
    asks: list[Ask | None] = []

    async def act(_: Outgoing, __: Deliver | None, ask: Ask | None) -> Reply:
        asks.append(ask)
        return Reply(Raw(b'{"resultType":"complete","content":[]}'), None)

    git.acts["tools/call"] = act
    await (await client(world, era, ANY)).call(name=LOG)
    assert asks == [None]


# --- questions: modern client, modern server -------------------------------------------------


async def test_a_modern_servers_questions_reach_a_modern_client_untouched(world: World) -> None:
    git = await server(world, Era.MODERN)
    raw = b'{"resultType":"input_required", "requestState":"v1.\\/x","inputRequests":{"k":%s}}' % (
        b'{"method":"elicitation/create","params":{"message": "who?","requestedSchema":{}}}'
    )
    git.answers["tools/call"] = in_turn(Reply(Raw(raw), None), {"resultType": "complete"})
    one = await world.modern(ANY)
    asked = one.asked(name=LOG)
    assert raw in await world.gateway.dispatcher.answer(asked)
    answer = await one.call(name=LOG, requestState=b'"v1.\\/x"', inputResponses=b'{"k":{"a": 1}}')
    assert answer["result"]["resultType"] == "complete"
    again = calls(git)[1].params
    assert b'"requestState":"v1.\\/x"' in again
    assert b'"inputResponses":{"k":{"a": 1}}' in again
    assert world.parking._parked == {}


async def test_a_modern_client_is_told_what_it_would_have_to_declare(world: World) -> None:
    git = await server(world, Era.MODERN)
    git.answers["tools/call"] = lambda _: input_required(a=WHO, b=ROOTS)
    with pytest.raises(ProtocolError) as caught:
        await (await world.modern(b'{"roots":{}}')).call(name=LOG)
    assert caught.value.rpc_code == -32021
    data = msgspec.json.decode(caught.value.data or b"")
    assert data == {"requiredCapabilities": {"elicitation": {"form": {}}}}
    assert [row.error_class for row in world.journal.rows] == ["-32021"]


# --- errors that steer -----------------------------------------------------------------------

LACKING = Reply(
    None,
    Raw(b'{"code":-32021,"message":"sample","data":{"requiredCapabilities":{"sampling":{}}}}'),
)


async def test_a_servers_demand_for_a_capability_reaches_a_modern_client(world: World) -> None:
    git = await server(world, Era.MODERN)
    git.answers["tools/call"] = lambda _: LACKING
    with pytest.raises(ProtocolError) as caught:
        await (await world.modern()).call(name=LOG)
    assert (caught.value.rpc_code, caught.value.message) == (-32021, "sample")
    assert b'"sampling"' in (caught.value.data or b"")
    assert len(world.journal.rows) == 1


async def test_a_legacy_client_is_told_it_in_words(world: World) -> None:
    git = await server(world, Era.MODERN)
    git.answers["tools/call"] = lambda _: LACKING
    error = (await (await world.legacy()).call(name=LOG))["error"]
    assert error["code"] == -32603
    assert "sampling" in error["message"]


VISIT = Reply(
    None,
    Raw(
        b'{"code":-32042,"message":"m","data":{"elicitations":[{"mode":"url","message":"sign in",'
        b'"url":"https://x","elicitationId":"e"}]}}'
    ),
)


async def test_pages_to_visit_become_questions_and_the_retry_is_a_new_call(world: World) -> None:
    git = await server(world)
    git.answers["tools/call"] = in_turn(VISIT, {"content": []})
    one = await world.modern(ANY)
    first = (await one.call(name=LOG))["result"]
    assert first["resultType"] == "input_required"
    assert "requestState" not in first
    (asked,) = first["inputRequests"].values()
    assert asked["params"] == {"mode": "url", "message": "sign in", "url": "https://x"}
    key = next(iter(first["inputRequests"])).encode()
    done = await one.call(name=LOG, inputResponses=b'{"%s":{"action":"accept"}}' % key)
    assert done["result"]["resultType"] == "complete"
    assert b"inputResponses" not in calls(git)[1].params
    assert world.parking._parked == {}


@pytest.mark.parametrize(
    ("era", "capabilities", "code"),
    [(Era.MODERN, b'{"elicitation":{}}', -32603), (Era.LEGACY, ANY, -32042)],
)
async def test_pages_to_visit_for_others(
    world: World, era: Era, capabilities: bytes, code: int
) -> None:
    git = await server(world)
    git.answers["tools/call"] = lambda _: VISIT
    assert (await (await client(world, era, capabilities)).call(name=LOG))["error"]["code"] == code


def refused(times: int, git: FakeUpstream) -> None:
    """Have the next calls refused for their headers; the schema names another one then."""
    waiting = [HeadersRefused("git refused our headers")] * times

    def answer(_: Outgoing) -> object:
        if waiting:
            schema = {
                "type": "object",
                "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
            }
            item = {"name": "log", "inputSchema": schema}
            git.answers["tools/list"] = lambda _: {"tools": [item]}
            raise waiting.pop()
        return {"resultType": "complete", "content": []}

    git.answers["tools/call"] = answer


@pytest.mark.parametrize("era", list(Era))
async def test_refused_headers_are_made_anew_from_a_fresh_list_once(world: World, era: Era) -> None:
    git = await server(world, Era.MODERN)
    one = await client(world, era)
    refused(1, git)
    answer = await one.call(name=LOG, arguments=b'{"region":"eu"}')
    assert "isError" not in answer["result"]
    first, second = calls(git)
    assert (first.headers, second.headers) == ((), (("Mcp-Param-Region", "eu"),))
    (row,) = world.journal.rows
    assert row.outcome is Outcome.OK


async def test_headers_refused_again_fail_the_call(world: World) -> None:
    git = await server(world, Era.MODERN)
    refused(5, git)
    answer = await (await world.modern()).call(name=LOG)
    assert "refused our headers" in text(answer)
    assert len(calls(git)) == 2
    assert [row.outcome for row in world.journal.rows] == [Outcome.UPSTREAM_ERROR]


async def test_a_completion_is_never_parked(world: World) -> None:
    git = await server(world)

    async def complete(message: Outgoing, deliver: Deliver | None, ask: Ask | None) -> Reply:
        assert ask is not None
        git.answered.append(await ask(WHO))
        return Reply(Raw(b'{"completion":{"values":["a"]}}'), None)

    acts: dict[str, Exchange] = {"completion/complete": complete}
    git.acts = acts
    one = await world.modern(ANY)
    answer = await one.call(
        "completion/complete",
        ref=b'{"type":"ref/prompt","name":"greet"}',
        argument=b'{"name":"a","value":"b"}',
    )
    assert answer["result"]["completion"] == {"values": ["a"]}
    assert codes(git) == [-32601]
