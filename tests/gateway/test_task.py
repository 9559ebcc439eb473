"""Tasks of servers: the gateway waits for them, and its client gets the plain result."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from mcpgw.errors import UpstreamError
from mcpgw.gateway import task as module
from mcpgw.gateway.ports import Ask, Deliver
from mcpgw.model.audit import Outcome
from mcpgw.protocol import task as protocol
from mcpgw.protocol.era import META_CLIENT_CAPABILITIES, Era
from mcpgw.protocol.exchange import Outgoing, Question, Reply
from tests.fakes import FakeUpstream
from tests.world import Client, World, until

LOG = b'"log"'
ANY = b'{"elicitation":{"form":{}},"roots":{}}'
DONE = {"content": [{"type": "text", "text": "done"}]}
EXTENSION = "io.modelcontextprotocol/tasks"
State = Mapping[str, object]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LEAST_POLL_S", "USUAL_POLL_S"):
        monkeypatch.setattr(protocol, name, 0.001)


class Server:
    """A server whose tool `log` becomes a task that goes through these states."""

    def __init__(self, upstream: FakeUpstream, era: Era, *states: State) -> None:
        self.upstream = upstream
        self._era = era
        self._states = [
            {"taskId": "t1", "pollInterval": 1, "pollIntervalMs": 1, **s} for s in states
        ]
        upstream.era = era
        upstream.version = "2025-11-25" if era is Era.LEGACY else "2026-07-28"
        upstream.capabilities = {
            **upstream.capabilities,
            "extensions": Raw(msgspec.json.encode({EXTENSION: {}})),
        }
        upstream.answers |= {
            "tools/list": lambda _: {"tools": [self._tool()]},
            "tools/call": self._created,
            "tasks/get": lambda _: self._next(),
            "tasks/result": lambda _: DONE,
            "tasks/update": lambda _: {},
            "tasks/cancel": lambda _: {},
        }

    def _tool(self) -> dict[str, object]:
        tool: dict[str, object] = {"name": "log", "inputSchema": {"type": "object"}}
        return (
            tool if self._era is Era.MODERN else {**tool, "execution": {"taskSupport": "required"}}
        )

    def _created(self, _: Outgoing) -> object:
        state = self._next()
        return {"task": state} if self._era is Era.LEGACY else {"resultType": "task", **state}

    def _next(self) -> State:
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]

    @property
    def asked(self) -> list[str]:
        return [one.method for one in self.upstream.sent if "/list" not in one.method]

    def sent(self, method: str) -> list[dict[str, Any]]:
        return [msgspec.json.decode(m.params) for m in self.upstream.sent if m.method == method]


async def server(world: World, era: Era, *states: State) -> Server:
    return Server(await world.server("git", "", log="x"), era, *states)


async def client(world: World, era: Era, capabilities: bytes = b"{}") -> Client:
    if era is Era.MODERN:
        return await world.modern(capabilities)
    return await world.legacy(capabilities)


WORKING = {"status": "working"}
COMPLETED = {"status": "completed", "result": DONE}
ERAS = [(client_era, server_era) for client_era in Era for server_era in Era]


def said(answer: dict[str, Any]) -> str:
    text: str = answer["result"]["content"][0]["text"]
    return text


@pytest.mark.parametrize(("era", "server_era"), ERAS)
@pytest.mark.parametrize("capabilities", [b"{}", ANY])
async def test_the_client_gets_the_plain_result(
    world: World, era: Era, server_era: Era, capabilities: bytes
) -> None:
    git = await server(world, server_era, WORKING, WORKING, COMPLETED)
    answer = await (await client(world, era, capabilities)).call(name=LOG)
    assert said(answer) == "done"
    assert "task" not in answer["result"]
    assert answer["result"].get("resultType") in (None, "complete")
    last = ["tasks/result"] if server_era is Era.LEGACY else []
    assert git.asked == ["tools/call", "tasks/get", "tasks/get", *last]
    assert [one["taskId"] for one in git.sent("tasks/get")] == ["t1", "t1"]
    assert [row.outcome for row in world.journal.rows] == [Outcome.OK]


async def test_a_legacy_tool_that_needs_a_task_is_called_as_one(world: World) -> None:
    git = await server(world, Era.LEGACY, COMPLETED)
    await (await world.legacy()).call(name=LOG)
    assert git.sent("tools/call")[0]["task"] == {"ttl": 3_600_000}
    assert all(one.name is None for one in git.upstream.sent if one.method.startswith("tasks/"))


async def test_a_modern_server_is_told_that_tasks_are_fine_and_routes_by_their_id(
    world: World,
) -> None:
    git = await server(world, Era.MODERN, WORKING, COMPLETED)
    await (await world.legacy(ANY)).call(name=LOG)
    declared = git.sent("tools/call")[0]["_meta"][META_CLIENT_CAPABILITIES]
    assert declared == {
        "elicitation": {"form": {}},
        "roots": {},
        "extensions": {EXTENSION: {}},
    }
    assert git.sent("tasks/get")[0]["_meta"][META_CLIENT_CAPABILITIES] == declared
    assert [one.name for one in git.upstream.sent if one.method == "tasks/get"] == ["t1"]


async def test_a_task_that_is_over_at_once_is_asked_for_its_result(world: World) -> None:
    await server(world, Era.MODERN, {"status": "completed"}, COMPLETED)
    assert said(await (await world.modern()).call(name=LOG)) == "done"


FAILED = Reply(None, Raw(b'{"code":-32050,"message":"it broke"}'))


@pytest.mark.parametrize("server_era", list(Era))
async def test_a_failed_task_is_the_failure_of_the_call(world: World, server_era: Era) -> None:
    error = {"code": -32050, "message": "it broke"}
    git = await server(world, server_era, WORKING, {"status": "failed", "error": error})
    git.upstream.answers["tasks/result"] = lambda _: FAILED
    answer = await (await world.modern()).call(name=LOG)
    assert answer["error"]["message"] == "it broke"
    assert world.journal.rows[0].error_class == "rpc_error"
    assert "tasks/cancel" not in git.asked


@pytest.mark.parametrize("server_era", list(Era))
async def test_a_task_cancelled_over_there_fails_the_call(world: World, server_era: Era) -> None:
    git = await server(world, server_era, WORKING, {"status": "cancelled"})
    answer = await (await world.modern()).call(name=LOG)
    assert "git cancelled the task" in said(answer)
    assert answer["result"]["isError"] is True
    assert "tasks/cancel" not in git.asked


async def test_a_task_that_ends_without_a_result_fails_the_call(world: World) -> None:
    await server(world, Era.MODERN, WORKING, {"status": "completed"})
    assert "without a result" in said(await (await world.modern()).call(name=LOG))


async def test_a_task_that_its_server_forgot_is_its_servers_error(world: World) -> None:
    git = await server(world, Era.MODERN, WORKING)
    del git.upstream.answers["tasks/get"]
    assert (await (await world.modern()).call(name=LOG))["error"]["code"] == -32601


@pytest.mark.parametrize(
    "state", [{"status": "dreaming"}, {"taskId": 7, "status": "working"}, {"status": None}]
)
async def test_a_task_that_cannot_be_read_is_taken_back(world: World, state: State) -> None:
    git = await server(world, Era.MODERN, WORKING, state)
    assert (await (await world.modern()).call(name=LOG))["error"]["code"] == -32603
    assert git.asked[-1] == "tasks/cancel"


def lost(_: Outgoing) -> object:
    raise UpstreamError("git went away")


async def test_a_server_that_goes_away_fails_the_call(world: World) -> None:
    git = await server(world, Era.MODERN, WORKING)
    git.upstream.answers |= {"tasks/get": lost, "tasks/cancel": lost}
    assert "git went away" in said(await (await world.modern()).call(name=LOG))


@pytest.mark.parametrize("capabilities", [b"{}", ANY])
@pytest.mark.parametrize(("era", "server_era"), ERAS)
async def test_a_call_taken_back_takes_its_task_back(
    world: World, era: Era, server_era: Era, capabilities: bytes
) -> None:
    git = await server(world, server_era, WORKING)
    running = asyncio.ensure_future((await client(world, era, capabilities)).call(name=LOG))
    await until(lambda: "tasks/get" in git.asked)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: "tasks/cancel" in git.asked)
    assert git.sent("tasks/cancel")[0]["taskId"] == "t1"
    assert [row.outcome for row in world.journal.rows] == [Outcome.CANCELLED]


async def test_a_task_without_an_end_is_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_S", 0.02)
    git = await server(world, Era.MODERN, WORKING)
    answer = await (await world.modern()).call(name=LOG)
    assert "did not end in time" in said(answer)
    assert git.asked[-1] == "tasks/cancel"
    assert [row.outcome for row in world.journal.rows] == [Outcome.TIMEOUT]


# --- input -----------------------------------------------------------------------------------


def asking(**messages: str) -> State:
    return {
        "status": "input_required",
        "inputRequests": {
            key: {"method": "elicitation/create", "params": {"message": message}}
            for key, message in messages.items()
        },
    }


async def test_what_a_modern_task_asks_is_put_to_a_legacy_client_once(world: World) -> None:
    # A server may show a question that was answered for a while.
    states = asking(a="who?"), asking(a="who?"), asking(a="who?", b="why?"), WORKING, COMPLETED
    git = await server(world, Era.MODERN, *states)
    one = await world.legacy(ANY)
    one.answers["elicitation/create"] = {"action": "accept"}
    assert said(await one.call(name=LOG)) == "done"
    assert [put["params"]["message"] for put in one.questions] == ["who?", "why?"]
    assert [one["inputResponses"] for one in git.sent("tasks/update")] == [
        {"a": {"action": "accept"}},
        {"b": {"action": "accept"}},
    ]


@pytest.mark.parametrize(
    ("era", "capabilities", "why"),
    [
        (Era.LEGACY, b"{}", "the client refused"),
        (Era.MODERN, ANY, "asks what the client cannot say"),
    ],
)
async def test_a_modern_task_that_asks_who_cannot_be_asked_ends(
    world: World, era: Era, capabilities: bytes, why: str
) -> None:
    git = await server(world, Era.MODERN, asking(a="who?"))
    assert why in said(await (await client(world, era, capabilities)).call(name=LOG))
    assert git.asked[-1] == "tasks/cancel"


async def test_a_client_that_refuses_to_answer_ends_the_task(world: World) -> None:
    git = await server(world, Era.MODERN, asking(a="who?"))
    one = await world.legacy(ANY)
    running = asyncio.ensure_future(one.call(name=LOG))
    await until(lambda: one.questions)
    one.post({"id": one.questions[0]["id"], "error": {"code": -1, "message": "no"}})
    assert "the client refused" in said(await running)
    assert git.asked[-1] == "tasks/cancel"


def asks_for_the_result(git: Server) -> list[Reply]:
    """Have the request for the result ask the client first; return what comes back."""
    answered: list[Reply] = []

    async def result(_: Outgoing, __: Deliver | None, ask: Ask | None) -> Reply:
        assert ask is not None
        answered.append(await ask(Question("elicitation/create", Raw(b'{"message":"who?"}'))))
        return Reply(Raw(msgspec.json.encode(DONE)), None)

    git.upstream.acts["tasks/result"] = result
    return answered


async def test_a_legacy_task_asks_a_legacy_client_while_its_result_is_awaited(
    world: World,
) -> None:
    git = await server(world, Era.LEGACY, WORKING, {"status": "input_required"})
    answered = asks_for_the_result(git)
    one = await world.legacy(ANY)
    one.answers["elicitation/create"] = {"action": "decline"}
    assert said(await one.call(name=LOG)) == "done"
    assert answered == [Reply(Raw(b'{"action":"decline"}'), None)]


async def test_a_legacy_task_that_asks_a_modern_client_is_parked(world: World) -> None:
    git = await server(world, Era.LEGACY, WORKING, {"status": "input_required"})
    answered = asks_for_the_result(git)
    one = await world.modern(ANY)
    first = (await one.call(name=LOG))["result"]
    assert first["inputRequests"]["q1"]["params"] == {"message": "who?"}
    state = msgspec.json.encode(first["requestState"])
    done = await one.call(name=LOG, requestState=state, inputResponses=b'{"q1":{"x":1}}')
    assert said(done) == "done"
    assert answered == [Reply(Raw(b'{"x":1}'), None)]
    assert git.asked.count("tools/call") == 1
