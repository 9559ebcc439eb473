"""Questions reach the client, answers the server; nobody waits for ever, and no time is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Raw

from mcpgw.errors import UpstreamError
from mcpgw.protocol.exchange import Question, Reply
from mcpgw.upstream import question
from mcpgw.upstream.background import Background
from mcpgw.upstream.frame import Frame
from mcpgw.upstream.question import Questions
from tests.live import spawning
from tests.process import until


class Client:
    """Answers when its gate opens; a call in front of a server that hears what is sent."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked: list[Question] = []
        self.cancelled = 0
        self.sent: list[Any] = []
        self.deadlines: list[float] = []
        self.answer: Reply | UpstreamError = Reply(Raw(b'{"roots":[ 1.0 ]}'), None)

    async def ask(self, asked: Question) -> Reply:
        self.asked.append(asked)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(self.answer, UpstreamError):
            raise self.answer
        return self.answer

    def send(self, body: bytes) -> None:
        self.sent.append(json.loads(body))


def roots(request_id: int | str = 1) -> Frame:
    return Frame(id=request_id, method="roots/list", params=Raw(b'{"x":1.0}'))


@asynccontextmanager
async def asking(client: Client, limit: int = 64) -> AsyncIterator[Questions]:
    async with spawning() as spawn:
        background = Background(spawn, limit)
        deadline = asyncio.get_running_loop().time() + 5.0
        yield Questions(client.ask, background, client.send, client.deadlines.append, deadline)


@pytest.mark.parametrize("request_id", [1, "1", 'a"b', -7])
@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (Reply(Raw(b'{"roots":[ 1.0 ]}'), None), {"result": {"roots": [1.0]}}),
        (Reply(None, Raw(b'{"code":-1,"message":"no"}')), {"error": {"code": -1, "message": "no"}}),
        (UpstreamError("lost"), {"error": {"code": -32603, "message": "lost"}}),
    ],
)
async def test_an_answer_goes_back_under_the_servers_own_id(
    request_id: int | str, answer: Reply | UpstreamError, wanted: dict[str, object]
) -> None:
    client = Client()
    client.answer = answer
    client.gate.set()
    async with asking(client) as questions:
        questions.put(roots(request_id))
        await until(lambda: len(client.sent) == 1)
    assert client.asked == [Question("roots/list", Raw(b'{"x":1.0}'))]
    assert client.sent == [{"jsonrpc": "2.0", "id": request_id, **wanted}]


async def test_time_stands_still_until_the_last_answer() -> None:
    client = Client()
    loop = asyncio.get_running_loop()
    async with asking(client) as questions:
        begun_at, end = loop.time(), questions.deadline
        questions.put(roots(1))
        questions.put(roots(2))
        questions.put(roots(2))
        assert questions.deadline >= begun_at + question.QUESTION_S
        await asyncio.sleep(0.05)
        client.gate.set()
        await until(lambda: len(client.sent) == 2)
        assert len(client.asked) == 2
        assert client.deadlines[-1] == questions.deadline
        assert len(client.deadlines) == 2
        assert end + 0.04 <= questions.deadline <= end + 1.0


@pytest.mark.parametrize("has_begun", [True, False])
async def test_the_server_may_take_a_question_back(has_begun: bool) -> None:
    client = Client()
    async with asking(client) as questions:
        questions.put(roots())
        if has_begun:
            await until(lambda: len(client.asked) == 1)
        assert not questions.withdraw("1")
        assert questions.withdraw(1)
        assert not questions.withdraw(1)
        assert len(client.deadlines) == 2  # The time goes on.
        await asyncio.sleep(0.01)
        assert client.cancelled == has_begun
        # The same id may be used again.
        client.gate.set()
        questions.put(roots())
        await until(lambda: len(client.sent) == 1)


async def test_the_end_of_the_call_takes_questions_back_and_answers_them() -> None:
    client = Client()
    async with asking(client) as questions:
        for request_id, method in enumerate(
            ("elicitation/create", "roots/list", "sampling/createMessage")
        ):
            questions.put(Frame(id=request_id, method=method))
        await until(lambda: len(client.asked) == 3)
        questions.end()
        await until(lambda: client.cancelled == 3)
        questions.end()
    assert [message.get("result") for message in client.sent] == [
        {"action": "cancel"},
        {"roots": []},
        None,
    ]
    assert client.sent[2]["error"] == {"code": -32601, "message": "the call is over"}
    assert len(client.deadlines) == 1


@pytest.mark.parametrize(("limit", "room"), [(64, question.MAX_OPEN), (3, 3)])
async def test_more_than_a_client_can_hear_is_answered_at_once(limit: int, room: int) -> None:
    client = Client()
    async with asking(client, limit) as questions:
        for request_id in range(question.MAX_OPEN + 1):
            questions.put(roots(request_id))
        assert [message["id"] for message in client.sent] == list(
            range(room, question.MAX_OPEN + 1)
        )
        await asyncio.sleep(0.01)
        assert len(client.asked) == room
