"""Many calls on one line: each gets what is its own, and nobody gets what is not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Raw

from mcpgw.errors import HeadersRefused, UpstreamError, UpstreamTimeout
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Notification, Outgoing, Question, Reply
from mcpgw.upstream import Terms, in_flight
from mcpgw.upstream.conversation import Conversation
from mcpgw.upstream.frame import read_frame
from tests.live import spawning
from tests.process import until


class Line:
    """A line whose server is the test."""

    def __init__(self, spawn: Any, era: Era) -> None:
        self.sent: list[Any] = []
        self.told: list[Any] = []
        self.changes: list[str] = []
        self.questions = 0
        self.error: UpstreamError | None = None
        terms = Terms(lambda change: self.changes.append(change.method), self._on_question)
        self.talk = Conversation("peer", spawn, terms, self._send, self._tell)
        self.talk.era = era

    def say(self, **message: object) -> None:
        frame = read_frame(json.dumps({"jsonrpc": "2.0", **message}).encode())
        assert frame is not None
        self.talk.take(frame)

    def begin(self, **given: Any) -> "asyncio.Future[Reply]":
        """Begin a call."""
        message = Outgoing(
            self.talk.next_id(),
            "tools/call",
            b"{}",
            timeout_s=given.pop("timeout_s", 5.0),
            client=given.pop("client", "somebody"),
        )
        return asyncio.ensure_future(self.talk.exchange(message, **given))

    async def _send(self, line: bytes, deadline: float) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(json.loads(line))

    def _tell(self, line: bytes) -> None:
        self.told.append(json.loads(line))

    def _on_question(self) -> None:
        self.questions += 1


@asynccontextmanager
async def line(era: Era = Era.LEGACY) -> AsyncIterator[Line]:
    async with spawning() as spawn:
        yield Line(spawn, era)


class Client:
    """Notes what it is asked and told, and answers with its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[str] = []
        self.heard: list[object] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def ask(self, question: Question) -> Reply:
        self.asked.append(question.method)
        await self.gate.wait()
        return Reply(Raw(json.dumps({"by": self.name}).encode()), None)

    async def deliver(self, notification: Notification) -> None:
        self.heard.append(json.loads(bytes(notification.params)).get("data"))


def result(reply: Reply) -> object:
    assert reply.result is not None
    return json.loads(bytes(reply.result))


async def test_answers_find_their_calls() -> None:
    async with line() as peer:
        calls = [peer.begin() for _ in range(3)]
        await until(lambda: len(peer.sent) == 3)
        for stranger in (0, 99, "1", None):
            peer.say(id=stranger, result={"for": "nobody"})
        for number in (3, 1, 2, 1):
            peer.say(id=number, result={"for": number})
        assert [result(await call) for call in calls] == [{"for": 1}, {"for": 2}, {"for": 3}]
        assert peer.talk.dropped == 5
        assert not peer.talk.is_busy


async def test_errors_end_one_call_or_all() -> None:
    async with line() as peer:
        calls = [peer.begin() for _ in range(3)]
        await until(lambda: len(peer.sent) == 3)
        peer.talk.fail(2, UpstreamError("yours"))
        peer.talk.fail(77, UpstreamError("nobody's"))
        with pytest.raises(UpstreamError, match="yours"):
            await calls[1]
        peer.talk.fail_all(UpstreamError("everybody's"))
        for call in (calls[0], calls[2]):
            with pytest.raises(UpstreamError, match="everybody's"):
                await call
        peer.error = UpstreamError("cannot be sent")
        with pytest.raises(UpstreamError, match="cannot be sent"):
            await peer.begin()
        assert peer.told == []


@pytest.mark.parametrize(
    ("era", "code", "kind", "is_refused"),
    [
        (Era.MODERN, -32020, HeadersRefused, False),
        (Era.LEGACY, -32020, UpstreamError, True),
        (Era.MODERN, -32022, UpstreamError, True),
    ],
)
async def test_errors_about_our_speech_are_not_replies(
    era: Era, code: int, kind: type[UpstreamError], is_refused: bool
) -> None:
    async with line(era) as peer:
        call = peer.begin()
        await until(lambda: len(peer.sent) == 1)
        peer.say(id=1, error={"code": code, "message": "no"})
        with pytest.raises(UpstreamError) as caught:
            await call
        assert type(caught.value) is kind
        assert peer.talk.is_refused == is_refused


async def test_what_belongs_to_no_call() -> None:
    methods = [
        "notifications/tools/list_changed",
        "notifications/prompts/list_changed",
        "notifications/resources/list_changed",
        "notifications/resources/updated",
    ]
    async with line() as peer:
        client = Client("a")
        call = peer.begin(deliver=client.deliver)
        await until(lambda: len(peer.sent) == 1)
        for method in (*methods, "notifications/unheard-of", "notifications/cancelled"):
            peer.say(method=method, params={"progressToken": 1})
        peer.say(id=1, result={})
        await call
        assert peer.changes == methods
        assert client.heard == []
        assert peer.talk.dropped == 2


async def test_a_question_is_put_to_the_client_that_it_must_concern() -> None:
    async with line() as peer:
        client, other = Client("a"), Client("b")
        call = peer.begin(ask=client.ask, client="a")
        await until(lambda: len(peer.sent) == 1)
        peer.say(id="q", method="elicitation/create", params={})
        await until(lambda: len(peer.told) == 1)
        assert peer.told.pop() == {"jsonrpc": "2.0", "id": "q", "result": {"by": "a"}}
        neighbour = peer.begin(ask=other.ask, client="b")
        await until(lambda: len(peer.sent) == 2)
        peer.say(id="q", method="elicitation/create", params={})
        assert peer.told == [{"jsonrpc": "2.0", "id": "q", "result": {"action": "cancel"}}]
        assert (peer.questions, len(client.asked), other.asked) == (2, 1, [])
        for number in (1, 2):
            peer.say(id=number, result={})
        await asyncio.gather(call, neighbour)


@pytest.mark.parametrize("how", ["cancel", "timeout"])
async def test_nobody_is_asked_for_another_who_left(how: str) -> None:
    async with line() as peer:
        gone, here = Client("gone"), Client("here")
        left = peer.begin(ask=gone.ask, client="gone", timeout_s=0.02 if how == "timeout" else 5)
        await until(lambda: len(peer.sent) == 1)
        if how == "cancel":
            left.cancel()
        await asyncio.wait([left])
        assert peer.told.pop()["params"] == {"requestId": 1}
        call = peer.begin(ask=here.ask, client="here")
        await until(lambda: len(peer.sent) == 2)
        peer.say(id=5, method="elicitation/create", params={})
        assert peer.told == [{"jsonrpc": "2.0", "id": 5, "result": {"action": "cancel"}}]
        peer.say(id=2, result={})
        await call
        assert here.asked == []


async def test_a_modern_server_asks_nobody_and_a_ping_is_always_answered() -> None:
    async with line(Era.MODERN) as peer:
        client = Client("a")
        call = peer.begin(ask=client.ask)
        await until(lambda: len(peer.sent) == 1)
        for method in ("ping", "elicitation/create", "unheard/of"):
            peer.say(id=method, method=method, params={})
        assert [one.get("result") for one in peer.told] == [{}, {"action": "cancel"}, None]
        assert peer.told[2]["error"]["code"] == -32601
        peer.say(id=1, result={})
        await call
        assert (client.asked, peer.questions) == ([], 0)


async def test_a_client_may_take_longer_than_its_server_may() -> None:
    async with line() as peer:
        client = Client("slow")
        client.gate.clear()
        call = peer.begin(ask=client.ask, deliver=client.deliver, timeout_s=0.1)
        await until(lambda: len(peer.sent) == 1)
        peer.say(id=7, method="roots/list")
        await asyncio.sleep(0.2)
        peer.say(method="notifications/message", params={"data": "still here"})
        client.gate.set()
        await until(lambda: len(peer.told) == 1)
        with pytest.raises(UpstreamTimeout):
            await call
        assert client.heard == ["still here"]


async def test_questions_end_with_their_call() -> None:
    async with line() as peer:
        client = Client("slow")
        client.gate.clear()
        call = peer.begin(ask=client.ask)
        await until(lambda: len(peer.sent) == 1)
        for number in (7, 8):
            peer.say(id=number, method="elicitation/create")
        await until(lambda: len(client.asked) == 2)
        peer.say(method="notifications/cancelled", params={"requestId": 7})
        peer.say(id=1, result={})
        await call
        assert [one["id"] for one in peer.told] == [8]


async def test_a_log_message_goes_to_the_call_that_it_must_concern() -> None:
    async with line() as peer:
        client = Client("a")
        call = peer.begin(deliver=client.deliver)
        await until(lambda: len(peer.sent) == 1)
        peer.say(method="notifications/message", params={"data": "x"})
        peer.say(method="notifications/message", params={"data": "y"})
        peer.say(id=1, result={})
        await call
        assert client.heard == ["x", "y"]
        peer.say(method="notifications/message", params={"data": "z"})
        assert peer.talk.dropped == 1


async def test_a_slow_client_loses_the_oldest_progress() -> None:
    async with line() as peer:
        client = Client("a")
        call = peer.begin(deliver=client.deliver)
        await until(lambda: len(peer.sent) == 1)
        many = in_flight.MAX_NOTIFICATIONS + 5
        for step in range(many):
            peer.say(method="notifications/progress", params={"progressToken": 1, "data": step})
        peer.say(id=1, result={})
        await call
        assert client.heard == list(range(5, many))
        assert peer.talk.dropped == 5
