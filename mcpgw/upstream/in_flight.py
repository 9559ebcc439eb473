"""The calls that run on one connection, and which of them a message concerns that names none.

That is the latest call of the one client whose calls alone run, if no other left a call that the
server may still be at. Whatever else a server asks is answered in the negative, never by somebody
who may not be meant.
Source: MCP 2025-11-25, basic/transports; client/elicitation, client/sampling, client/roots.
"""

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from mcpgw.protocol.exchange import Notification
from mcpgw.upstream import Ask
from mcpgw.upstream.background import Background
from mcpgw.upstream.frame import (
    CANCELLED,
    LOG_MESSAGE,
    PROGRESS,
    QUESTIONS,
    ROOTS,
    Frame,
    answer_frame,
)
from mcpgw.upstream.question import Questions

MAX_NOTIFICATIONS = 256
"""Of one call, waiting to be taken."""

SEVERAL = 2
"""So many clients are too many to know which of them is meant."""

_log = logging.getLogger("mcpgw.upstream")


class Running:
    """A call that runs. Who has its time and its notifications extends it."""

    __slots__ = ("ask", "client", "deadline", "questions")

    def __init__(self, client: str, deadline: float, ask: Ask | None) -> None:
        self.client = client
        """Whose it is, empty for the gateway's own, of which no server asks anything."""
        self.deadline = deadline
        self.ask = ask
        self.questions: Questions | None = None

    def move(self, deadline: float) -> None:
        """Move the end of the call's time."""
        self.deadline = deadline

    def hear(self, notification: Notification) -> bool:
        """Keep a notification for the client; False when something was lost over it."""
        return False

    def put(
        self, request: Frame, ask: Ask, asking: Background, send: Callable[[bytes], object]
    ) -> None:
        """Put a question to the client with `ask`; `asking` waits for the answer, `send` sends it.

        The answers to all questions of a call are sent as that to the first.
        """
        if self.questions is None:
            self.questions = Questions(ask, asking, send, self.move, self.deadline)
        self.questions.put(request)

    def withdraw(self, request_id: int | str | None) -> bool:
        """Forget a question that the server takes back; False when it does not wait here."""
        return self.questions is not None and self.questions.withdraw(request_id)

    def end(self) -> None:
        """Take back what waits for the client: the call is over."""
        if self.questions is not None:
            self.questions.end()


Call = TypeVar("Call", bound=Running)


class InFlight(Generic[Call]):
    """The calls that run on one connection, or in one session of it."""

    def __init__(
        self,
        server: str,
        on_question: Callable[[], None],
        asking: Background,
        send: Callable[[bytes], object],
    ) -> None:
        """Begin with no call.

        Args:
            server: its name.
            on_question: is told that the server asks without saying in which call.
            asking: runs what waits for clients.
            send: sends a message that has no answer, some time.
        """
        self.calls: dict[int | str | None, Call] = {}
        self._server = server
        self._on_question = on_question
        self._asking = asking
        self._send = send
        self._left: set[str] = set()
        """The clients that left a call which the server may still be at."""
        self._has_warned = False

    def end(self, request_id: int) -> None:
        """Forget a call that is over."""
        self.calls.pop(request_id).end()

    def leave(self, client: str) -> None:
        """Note that a client left its call without an answer; the server may go on with it."""
        if client and len(self._left) < SEVERAL:
            self._left.add(client)

    def hear(self, frame: Frame, method: str) -> bool:
        """Hand a notification on; False when it concerns nobody, or something was lost over it."""
        if method == CANCELLED:
            request_id = frame.cancelled_id()
            return any(call.withdraw(request_id) for call in self.calls.values())
        call = None
        if method == PROGRESS:
            call = self.calls.get(frame.progress_token())
        elif method == LOG_MESSAGE:
            call = self._whose()
        return call is not None and call.hear(Notification(method, frame.params))

    def be_asked(self, request: Frame, method: str) -> None:
        """Put a request to the client that it concerns, if that can be told, or answer it."""
        if method not in QUESTIONS:
            self._send(answer_frame(request))
            return
        is_in_call = any(call.ask is not None for call in self.calls.values())
        if is_in_call or method != ROOTS:  # Roots are also asked for at the beginning, in no call.
            self._on_question()
        call = self._whose()
        if call is None or call.ask is None:
            reason = "it belongs to several calls or none"
            self._warn(f"asks for {method}, but {reason}")
            self._send(answer_frame(request, reason))
        else:
            call.put(request, call.ask, self._asking, self._send)

    def _whose(self) -> Call | None:
        """Return the call that a message concerns which names none; None when it is not clear."""
        running = [call for call in self.calls.values() if call.client]
        clients = {call.client for call in running} | self._left
        return running[-1] if running and len(clients) == 1 else None

    def _warn(self, what: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning("server %s %s: answered in the negative", self._server, what)
