"""Questions to legacy clients: answered by the session that was asked, and once."""

import asyncio
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from mcpgw.gateway import question as module
from mcpgw.gateway.question import Questions
from mcpgw.protocol.exchange import Question, Reply
from mcpgw.protocol.jsonrpc import Message, parse
from tests.world import until

WHO = Question("elicitation/create", Raw(b'{"message": "who?"}'))


class Asked:
    """One question under way, and what its client was sent."""

    def __init__(self, questions: Questions, session_id: str = "s") -> None:
        self.sent: list[bytes] = []
        self.task = asyncio.ensure_future(questions.ask(session_id, self.send, WHO))

    async def send(self, message: bytes) -> None:
        self.sent.append(message)

    async def id(self) -> str:
        await until(lambda: self.sent)
        request_id: str = msgspec.json.decode(self.sent[0])["id"]
        return request_id


def response(request_id: object, **outcome: object) -> Message:
    message = parse(msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, **outcome}))
    assert not isinstance(message, list)
    return message


@pytest.mark.parametrize(
    "outcome",
    [{"result": {"action": "accept"}}, {"error": {"code": -32601, "message": "no"}}],
)
async def test_the_answer_is_the_clients(outcome: dict[str, Any]) -> None:
    questions = Questions()
    asked = Asked(questions)
    request_id = await asked.id()
    assert b'"method":"elicitation/create","params":{"message": "who?"}' in asked.sent[0]
    questions.answer("s", response(request_id, **outcome))
    reply = await asked.task
    raw = reply.result if "result" in outcome else reply.error
    assert msgspec.json.decode(raw or b"") == next(iter(outcome.values()))
    assert questions._waiting == {}


async def test_only_the_session_asked_answers_and_only_once() -> None:
    questions = Questions()
    asked, other = Asked(questions), Asked(questions, "other")
    request_id, other_id = await asked.id(), await other.id()
    assert request_id != other_id
    for session_id, foreign in (("other", request_id), ("s", other_id), ("s", 1), ("s", "1")):
        questions.answer(session_id, response(foreign, result={"foreign": True}))
    questions.answer("s", response(request_id, result={"first": True}))
    questions.answer("s", response(request_id, result={"second": True}))
    assert await asked.task == Reply(Raw(b'{"first":true}'), None)
    questions.answer("s", response(request_id, result={"third": True}))
    assert not other.task.done()
    other.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other.task
    assert questions._waiting == {}


async def test_an_error_that_names_no_request_answers_nothing() -> None:
    questions = Questions()
    asked = Asked(questions)
    await asked.id()
    questions.answer("s", response(None, error={"code": -32700, "message": "what?"}))
    assert not asked.task.done()
    asked.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked.task


async def test_ids_of_an_earlier_run_mean_nothing() -> None:
    before, after = Asked(Questions()), Asked(Questions())
    assert await before.id() != await after.id()
    for one in (before, after):
        one.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one.task


async def test_a_silent_client_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.01)
    questions = Questions()
    asked = Asked(questions)
    reply = await asked.task
    assert b"did not answer in time" in bytes(reply.error or b"")
    assert b'"method":"notifications/cancelled"' in asked.sent[-1]
    assert (await asked.id()).encode() in asked.sent[-1]
    assert questions._waiting == {}
