"""Whom a message concerns that names no call: the one client that can be meant, or nobody."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Raw

from mcpgw.protocol.exchange import Notification, Question, Reply
from mcpgw.upstream import Spawn
from mcpgw.upstream.background import Background
from mcpgw.upstream.frame import Frame
from mcpgw.upstream.in_flight import InFlight, Running
from tests.live import spawning
from tests.process import until

ASKED = ("elicitation/create", "roots/list", "sampling/createMessage")


class Heard(Running):
    """A call that notes what it is asked and told, and answers with its client's name."""

    def __init__(self, client: str, can_be_asked: bool = True) -> None:
        super().__init__(client, 1e9, self._answer if can_be_asked else None)
        self.asked: list[str] = []
        self.heard: list[str] = []

    def hear(self, notification: Notification) -> bool:
        self.heard.append(notification.method)
        return True

    async def _answer(self, question: Question) -> Reply:
        self.asked.append(question.method)
        return Reply(Raw(json.dumps({"by": self.client}).encode()), None)


class Peer:
    """A connection whose server is the test."""

    def __init__(self, spawn: Spawn) -> None:
        self.sent: list[Any] = []
        self.questions = 0
        self.calls = InFlight[Heard](
            "peer", self._on_question, Background(spawn), lambda body: self.sent.append(body)
        )

    def begin(self, *clients: str) -> list[Heard]:
        """Begin a call of each client; the gateway's own has no name and cannot be asked."""
        begun = [Heard(client, client != "") for client in clients]
        self.calls.calls.update({len(self.calls.calls) + at: one for at, one in enumerate(begun)})
        return begun

    async def answer(self, method: str) -> Any:
        """Ask, and return the answer."""
        self.calls.be_asked(Frame(id="q", method=method), method)
        await until(lambda: len(self.sent) == 1)
        answer = json.loads(self.sent.pop())
        assert answer.pop("id") == "q"
        return answer

    def _on_question(self) -> None:
        self.questions += 1


@asynccontextmanager
async def serving() -> AsyncIterator[Peer]:
    async with spawning() as spawn:
        yield Peer(spawn)


WHOSE = [
    ((), (), None),
    (("",), (), None),
    (("a",), (), 0),
    (("", "a", ""), (), 1),
    (("a", "b"), (), None),
    (("a", "", "a"), (), 2),
    (("a", "b", "a"), (), None),
    (("a",), ("b",), None),
    (("a",), ("a", "a"), 0),
    ((), ("a",), None),
    (("c",), ("a", "b", "c"), None),
    (("a",), ("",), 0),
]
"""Whose calls run, who left one, and which is asked."""


@pytest.mark.parametrize("method", ASKED)
@pytest.mark.parametrize(("running", "left", "asked"), WHOSE)
async def test_a_question_is_put_to_the_client_that_it_must_concern(
    method: str, running: tuple[str, ...], left: tuple[str, ...], asked: int | None
) -> None:
    async with serving() as peer:
        calls = peer.begin(*running)
        for client in left:
            peer.calls.leave(client)
        answer = await peer.answer(method)
        assert [at for at, call in enumerate(calls) if call.asked] == (
            [] if asked is None else [asked]
        )
        if asked is not None:
            assert answer["result"] == {"by": running[asked]}
        elif method == "elicitation/create":
            assert answer["result"] == {"action": "cancel"}
        elif method == "roots/list":
            assert answer["result"] == {"roots": []}
        else:
            assert answer["error"]["code"] == -32601
            assert "several calls or none" in answer["error"]["message"]
        assert peer.questions == (any(running) or method != "roots/list")


@pytest.mark.parametrize(("running", "left", "asked"), WHOSE)
async def test_a_log_message_goes_to_the_call_that_it_must_concern(
    running: tuple[str, ...], left: tuple[str, ...], asked: int | None
) -> None:
    async with serving() as peer:
        calls = peer.begin(*running)
        for client in left:
            peer.calls.leave(client)
        method = "notifications/message"
        assert peer.calls.hear(Frame(method=method), method) == (asked is not None)
        assert [at for at, call in enumerate(calls) if call.heard] == (
            [] if asked is None else [asked]
        )


async def test_progress_names_its_call() -> None:
    async with serving() as peer:
        first, second = peer.begin("a", "b")
        method = "notifications/progress"
        for token, is_known in (("1", False), ("7", False), ("null", False), ("0", True)):
            frame = Frame(method=method, params=Raw(b'{"progressToken":%b}' % token.encode()))
            assert peer.calls.hear(frame, method) == (is_known or token == "1")
        assert (first.heard, second.heard) == ([method], [method])
        assert not peer.calls.hear(Frame(method="notifications/unheard-of"), "unheard-of")


async def test_a_call_that_hears_nothing_loses_it() -> None:
    assert not Running("a", 0.0, None).hear(Notification("notifications/message", Raw(b"{}")))


@pytest.mark.parametrize(
    ("method", "wanted"), [("ping", {"result": {}}), ("tasks/get", None), ("unheard/of", None)]
)
async def test_what_is_no_question_is_answered_by_us(
    method: str, wanted: dict[str, object] | None
) -> None:
    async with serving() as peer:
        (call,) = peer.begin("a")
        answer = await peer.answer(method)
        assert answer == {"jsonrpc": "2.0", **wanted} if wanted else answer["error"]["code"]
        assert (call.asked, peer.questions) == ([], 0)


async def test_questions_are_taken_back_by_the_server_and_end_with_their_call() -> None:
    async with serving() as peer:
        first, second = peer.begin("a", "a")
        for number in (1, 2):
            frame = Frame(id=number, method="elicitation/create")
            peer.calls.be_asked(frame, "elicitation/create")
        method = "notifications/cancelled"
        assert not peer.calls.hear(Frame(method=method), method)
        assert peer.calls.hear(Frame(method=method, params=Raw(b'{"requestId":1}')), method)
        assert not peer.calls.hear(Frame(method=method, params=Raw(b'{"requestId":1}')), method)
        peer.calls.end(1)
        peer.calls.end(0)
        assert peer.calls.calls == {}
        assert [json.loads(body)["id"] for body in peer.sent] == [2]
        assert first.deadline == 1e9
        assert second.deadline != 1e9


async def test_who_asks_nobody_is_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as peer:
        peer.begin("a", "b")
        with caplog.at_level(logging.WARNING, "mcpgw.upstream"):
            for _ in range(3):
                await peer.answer("elicitation/create")
        assert [record.getMessage() for record in caplog.records] == [
            "server peer asks for elicitation/create, but it belongs to several calls or none: "
            "answered in the negative"
        ]
