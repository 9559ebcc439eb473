"""What a server asks in the middle of a call: put to the call's client, answered, taken back.

While a client thinks, its call's time stands still. What no client is there to answer, or not any
more, is answered by us in the negative, so that no server waits for ever.
Source: MCP 2025-11-25, client/elicitation, client/sampling, client/roots.
"""

import asyncio
from collections.abc import Callable

from mcpgw.errors import GatewayError
from mcpgw.protocol.exchange import Question
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR
from mcpgw.upstream import Ask
from mcpgw.upstream.background import Background
from mcpgw.upstream.frame import Frame, answer_frame, refusal_frame, reply_frame

QUESTION_S = 600.0
"""How long a call may wait for its client's answers at a time."""

MAX_OPEN = 16
"""Questions of one call that wait at the same time; more are answered in the negative."""


MAX_ASKING = 256
"""Questions of one connection that wait at the same time."""


class _Waiting:
    """A question on its way to the client."""

    __slots__ = ("is_withdrawn", "request", "task")

    def __init__(self, request: Frame) -> None:
        self.request = request
        self.task: asyncio.Task[object] | None = None
        self.is_withdrawn = False

    def withdraw(self) -> None:
        """Take it back from the client."""
        self.is_withdrawn = True
        if self.task is not None:
            self.task.cancel()


class Questions:
    """The questions of one call that wait for its client."""

    __slots__ = ("_ask", "_background", "_loop", "_move", "_open", "_rest_s", "_send", "deadline")

    def __init__(
        self,
        ask: Ask,
        background: Background,
        send: Callable[[bytes], object],
        move: Callable[[float], object],
        deadline: float,
    ) -> None:
        """Begin with no question.

        Args:
            ask: puts a question to the client.
            background: runs what waits for the client.
            send: sends a message to the server, some time.
            move: moves the end of the call's time.
            deadline: that end as it stands, by the loop's time.
        """
        self.deadline = deadline
        self._ask = ask
        self._background = background
        self._send = send
        self._move = move
        self._loop = asyncio.get_running_loop()
        self._open: dict[int | str | None, _Waiting] = {}
        self._rest_s = 0.0

    def put(self, request: Frame) -> None:
        """Ask the client, in the background; one that waits already is not asked again."""
        if request.id in self._open:
            return
        waiting = _Waiting(request)
        if len(self._open) >= MAX_OPEN or not self._background.run(lambda: self._answer(waiting)):
            self._send(answer_frame(request, "too much is being asked at once"))
            return
        if not self._open:
            now = self._loop.time()
            self._rest_s = self.deadline - now
            self._set_deadline(now + QUESTION_S)
        self._open[request.id] = waiting

    def withdraw(self, request_id: int | str | None) -> bool:
        """Forget a question that the server has taken back; False when it does not wait here."""
        waiting = self._open.get(request_id)
        if waiting is None:
            return False
        waiting.withdraw()
        self._close(waiting)
        return True

    def end(self) -> None:
        """Take every question back: the call is over."""
        for waiting in self._open.values():
            waiting.withdraw()
            self._send(answer_frame(waiting.request, "the call is over"))
        self._open.clear()

    async def _answer(self, waiting: _Waiting) -> None:
        if waiting.is_withdrawn:
            return
        waiting.task = asyncio.current_task()
        request = waiting.request
        try:
            reply = await self._ask(Question(request.method or "", request.params))
            answer = reply_frame(request, reply)
        except GatewayError as error:
            answer = refusal_frame(request, INTERNAL_ERROR, error.message)
        finally:
            self._close(waiting)
        self._send(answer)

    def _close(self, waiting: _Waiting) -> None:
        """Let the call's time go on with the last answer."""
        if self._open.get(waiting.request.id) is not waiting:
            return
        del self._open[waiting.request.id]
        if not self._open:
            self._set_deadline(self._loop.time() + self._rest_s)

    def _set_deadline(self, deadline: float) -> None:
        self.deadline = deadline
        self._move(deadline)
