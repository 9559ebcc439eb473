"""Servers' questions to legacy clients: sent on the stream of the call, answered by another POST.

An answer is taken only from the session that was asked, and once. Never decides what may be asked.
"""

import asyncio
import secrets
from itertools import count

from msgspec import Raw

from mcpgw.gateway.ports import Send
from mcpgw.protocol.exchange import Question, Reply
from mcpgw.protocol.jsonrpc import (
    INTERNAL_ERROR,
    Message,
    error_object,
    notification_bytes,
    request_bytes,
)

CANCELLED = "notifications/cancelled"

ANSWER_S = 600.0
"""How long a person may think about a question."""


class Questions:
    """The questions that wait for an answer."""

    def __init__(self) -> None:
        # Ids of an earlier run of the gateway may still be answered: they must mean nothing.
        self._mark = secrets.token_hex(4)
        self._numbers = count(1)
        self._waiting: dict[tuple[str, bytes], asyncio.Future[Reply]] = {}

    async def ask(self, session_id: str, send: Send, question: Question) -> Reply:
        """Ask the client of a session, and return what it answers: a result or an error."""
        request_id = f'"{self._mark}-{next(self._numbers)}"'.encode()
        key = (session_id, request_id)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            await send(request_bytes(request_id, question.method, bytes(question.params)))
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            await send(notification_bytes(CANCELLED, b'{"requestId":' + request_id + b"}"))
            error = error_object(INTERNAL_ERROR, "the client did not answer in time")
            return Reply(None, Raw(error))
        finally:
            del self._waiting[key]

    def answer(self, session_id: str, message: Message) -> None:
        """Take a client's response; one to nothing that was asked is dropped."""
        waiting = self._waiting.get((session_id, bytes(message.id or b"")))
        if waiting is not None and not waiting.done():
            waiting.set_result(Reply(message.result, message.error))
