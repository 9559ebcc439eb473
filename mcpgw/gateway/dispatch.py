"""One MCP message, whatever its method: who answers it.

`initialize` and the end of sessions, ping, discovery and listings are answered here from memory;
what names a target goes to `call.py`, what wants news to `subscription.py`. Also keeps the calls
under way, so that a legacy client can take one back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from msgspec import Raw

from mcpgw.errors import Cancelled, InvalidInput, NotFound, ProtocolError
from mcpgw.gateway.access import Admission
from mcpgw.gateway.asked import Asked
from mcpgw.gateway.call import Calls
from mcpgw.gateway.feed import Feed
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.offer import Offer
from mcpgw.gateway.ongoing import Ongoing
from mcpgw.gateway.question import Questions
from mcpgw.gateway.session import Session, Sessions
from mcpgw.gateway.subscription import Subscriptions
from mcpgw.protocol.era import LISTS, NAME_BEARING, Era
from mcpgw.protocol.inbound import Initialize
from mcpgw.protocol.jsonrpc import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    RESOURCE_NOT_FOUND,
    Message,
    error_bytes,
    result_bytes,
    text,
)
from mcpgw.protocol.legacy import initialize_result, negotiate
from mcpgw.protocol.log_level import LEVELS, read_level
from mcpgw.protocol.merge import discover_result
from mcpgw.protocol.subscription import listen_result

Handler = Callable[[Asked], Awaitable[bytes]]
"""Answers requests of one method."""

DISCOVER_TTL_MS = 5000
"""How long a modern client may keep what it discovered."""


@dataclass(frozen=True, slots=True)
class Initialized:
    """The answer to `initialize`: the session's id for the header, and the response."""

    session_id: str
    response: bytes


class Dispatcher:
    """Answers MCP requests."""

    def __init__(
        self,
        listings: Listings,
        calls: Calls,
        sessions: Sessions,
        questions: Questions,
        subscriptions: Subscriptions,
        ongoing: Ongoing,
        *,
        identity: bytes,
    ) -> None:
        self._listings = listings
        self._calls = calls
        self._sessions = sessions
        self._questions = questions
        self._subscriptions = subscriptions
        self._ongoing = ongoing
        self._identity = identity
        self._running: dict[tuple[str, bytes], asyncio.Task[bytes]] = {}
        self._taken_back: set[asyncio.Task[bytes]] = set()
        own: dict[str, Handler] = {
            "ping": self._ping,
            "server/discover": self._discover,
            "logging/setLevel": self._set_level,
            "resources/subscribe": self._subscribe,
            "resources/unsubscribe": self._unsubscribe,
            **dict.fromkeys(LISTS, self._list),
        }
        self._handlers = {name: self._guarded(handler) for name, handler in own.items()}
        # Calls guard themselves: their journal rows say how they ended.
        self._handlers |= dict.fromkeys((*NAME_BEARING, "completion/complete"), calls.forward)

    async def initialize(self, admission: Admission, asked: Initialize) -> Initialized:
        """Open a session of a legacy client.

        Raises:
            ProtocolError: the parameters are not those of `initialize`.
            Unauthenticated: the token ended since.
        """
        start = negotiate(asked.params)
        await self._ongoing.check(admission)
        offer = await self._offer(admission, Era.LEGACY)
        result = initialize_result(
            start.version, offer.capabilities(Era.LEGACY), offer.instructions(), self._identity
        )
        session_id = await self._sessions.start(admission, start)
        return Initialized(session_id, result_bytes(asked.id, result))

    def resume(self, admission: Admission, session_id: str) -> Session:
        """Return the session of a legacy client.

        Raises:
            NotFound: it never was, has ended, or is not this client's.
        """
        return self._sessions.resume(admission, session_id)

    async def end(self, admission: Admission, session_id: str) -> None:
        """End a session for good.

        Raises:
            NotFound: as for `resume`.
            StorageError: it cannot be made to last; the session goes on.
        """
        session = self._sessions.resume(admission, session_id)
        await self._sessions.end(admission, session_id)
        self._subscriptions.end(session)

    async def stream(self, admission: Admission, session_id: str) -> Feed:
        """Open the stream of news of a legacy session; one that is open already ends.

        Raises:
            NotFound: as for `resume`.
            Limited: the token has too many streams open.
            StorageError: the configuration cannot be read.
        """
        await self._ongoing.check(admission)
        return await self._subscriptions.stream(admission, self.resume(admission, session_id))

    async def listen(self, asked: Asked) -> Feed:
        """Open the stream of news that a modern client asks for.

        Raises:
            ProtocolError: -32602, it does not say what it wants to hear of.
            Limited: the token has too many streams open.
            StorageError: the configuration cannot be read.
        """
        await self._ongoing.check(asked.admission)
        farewell = listen_result(asked.call.id, self._identity)
        return await self._subscriptions.listen(asked, farewell)

    async def answer(self, asked: Asked) -> bytes:
        """Return the JSON-RPC response to one request.

        Raises:
            Cancelled: the client took the request back; there is no answer.
            Limited: the token called too often.
            Unauthenticated: the token ended meanwhile; there is no other answer.
            StorageError: the configuration or the journal cannot be used.
        """
        # The token was looked at before the request had arrived as a whole.
        await self._ongoing.check(asked.admission)
        handler = self._handlers.get(asked.call.method)
        if handler is None:
            return error_bytes(asked.call.id, METHOD_NOT_FOUND, "Method not found")
        if asked.call.session_id is None:
            return await handler(asked)
        return await self._answer_revocably(handler, asked, asked.call.session_id)

    def notice(self, admission: Admission, session_id: str, message: Message) -> None:
        """Take a notification or a response of a legacy client.

        Of notifications only `notifications/cancelled` means anything.

        Raises:
            NotFound: the session is not this client's.
        """
        self._sessions.resume(admission, session_id)
        if message.method is None:
            self._questions.answer(session_id, message)
        if message.method != "notifications/cancelled":
            return
        task = self._running.get((session_id, bytes(message.params.get("requestId", b""))))
        if task is not None:
            self._taken_back.add(task)
            task.cancel()

    async def _answer_revocably(self, handler: Handler, asked: Asked, session_id: str) -> bytes:
        """Answer a request that its client can take back by name."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (a coroutine always runs in a task)
        key = (session_id, asked.call.id)
        if key in self._running:
            return error_bytes(asked.call.id, INVALID_PARAMS, "this request id is in use")
        self._running[key] = task
        try:
            return await handler(asked)
        except asyncio.CancelledError:
            if task in self._taken_back:
                task.uncancel()
                raise Cancelled("the client took the request back") from None
            raise
        finally:
            del self._running[key]
            self._taken_back.discard(task)

    def _guarded(self, handler: Handler) -> Handler:
        """Return a handler whose answer is withheld when the token ends before it is there."""

        async def guarded(asked: Asked) -> bytes:
            return await self._ongoing.guard(asked.admission, lambda: handler(asked))

        return guarded

    async def _offer(self, admission: Admission, era: Era) -> Offer:
        """Return what a client of that era may see of its workspace."""
        whole = await self._listings.offer(admission.configuration, admission.workspace, era)
        return whole.seen_by(admission.principal)

    async def _ping(self, asked: Asked) -> bytes:
        return result_bytes(asked.call.id, b"{}")

    async def _list(self, asked: Asked) -> bytes:
        offer = await self._offer(asked.admission, asked.call.era)
        page = offer.page(asked.call.method, asked.version, asked.call.params.get("cursor"))
        return result_bytes(asked.call.id, page)

    async def _set_level(self, asked: Asked) -> bytes:
        level = read_level(asked.call.params.get("level"))
        if level is None:
            raise ProtocolError(f"level must be one of {', '.join(LEVELS)}", INVALID_PARAMS)
        await self._sessions.set_log_level(_session(asked), level)
        return result_bytes(asked.call.id, b"{}")

    async def _subscribe(self, asked: Asked) -> bytes:
        uri = _uri(asked)
        try:
            await self._subscriptions.subscribe(asked.admission, _session(asked), uri)
        except NotFound as error:
            data = b'{"uri":' + bytes(asked.call.params["uri"]) + b"}"
            raise ProtocolError(error.message, RESOURCE_NOT_FOUND, data=data) from None
        except InvalidInput as error:
            raise ProtocolError(error.message, INVALID_PARAMS) from None
        return result_bytes(asked.call.id, b"{}")

    async def _unsubscribe(self, asked: Asked) -> bytes:
        await self._subscriptions.unsubscribe(_session(asked), _uri(asked))
        return result_bytes(asked.call.id, b"{}")

    async def _discover(self, asked: Asked) -> bytes:
        offer = await self._offer(asked.admission, Era.MODERN)
        result = discover_result(
            offer.capabilities(Era.MODERN), offer.instructions(), self._identity, DISCOVER_TTL_MS
        )
        return result_bytes(asked.call.id, result)


def _session(asked: Asked) -> Session:
    assert asked.session is not None  # noqa: S101  (these methods exist in sessions only)
    return asked.session


def _uri(asked: Asked) -> str:
    uri = text(asked.call.params.get("uri", Raw(b"null")))
    if uri is None:
        raise ProtocolError("uri must be a string", INVALID_PARAMS)
    return uri
