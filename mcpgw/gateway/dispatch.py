"""One MCP request, whatever its method: who answers it.

`initialize` and the end of sessions, ping, discovery and listings are answered here from memory;
what names a target goes to `call.py`. Also keeps the calls under way, so that a legacy client can
take one back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mcpgw.errors import Cancelled, ProtocolError
from mcpgw.gateway.access import Admission
from mcpgw.gateway.call import Asked, Calls
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.session import Session, Sessions
from mcpgw.protocol.era import LISTS, NAME_BEARING, Era
from mcpgw.protocol.inbound import Initialize
from mcpgw.protocol.jsonrpc import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    Message,
    error_bytes,
    result_bytes,
)
from mcpgw.protocol.legacy import initialize_result, negotiate
from mcpgw.protocol.merge import discover_result

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
        *,
        identity: bytes,
        server_name: str,
        server_version: str,
    ) -> None:
        self._listings = listings
        self._calls = calls
        self._sessions = sessions
        self._identity = identity
        self._server_name = server_name
        self._server_version = server_version
        self._running: dict[tuple[str, bytes], asyncio.Task[bytes]] = {}
        self._taken_back: set[asyncio.Task[bytes]] = set()
        self._handlers: dict[str, Callable[[Asked], Awaitable[bytes]]] = {
            "ping": self._ping,
            "server/discover": self._discover,
            "completion/complete": calls.forward,
            **dict.fromkeys(LISTS, self._list),
            **dict.fromkeys(NAME_BEARING, calls.forward),
        }

    async def initialize(self, admission: Admission, asked: Initialize) -> Initialized:
        """Open a session of a legacy client.

        Raises:
            ProtocolError: the parameters are not those of `initialize`.
        """
        start = negotiate(asked.params)
        offer = await self._listings.offer(admission.configuration, admission.workspace)
        result = initialize_result(
            start.version,
            offer.capabilities(Era.LEGACY),
            offer.instructions(),
            self._server_name,
            self._server_version,
        )
        session_id = await self._sessions.start(admission, start)
        return Initialized(session_id, result_bytes(asked.id, result))

    def resume(self, admission: Admission, session_id: str) -> Session:
        """Return the session of a legacy client.

        Raises:
            NotFound: it never was, has ended, or is not this client's.
        """
        return self._sessions.resume(admission, session_id)

    def end(self, admission: Admission, session_id: str) -> None:
        """End a session.

        Raises:
            NotFound: as for `resume`.
        """
        self._sessions.end(admission, session_id)

    async def answer(self, asked: Asked) -> bytes:
        """Return the JSON-RPC response to one request.

        Raises:
            Cancelled: the client took the request back; there is no answer.
            StorageError: the configuration or the journal cannot be used.
        """
        handler = self._handlers.get(asked.call.method)
        if handler is None:
            return error_bytes(asked.call.id, METHOD_NOT_FOUND, "Method not found")
        if asked.call.session_id is None:
            return await handler(asked)
        return await self._answer_revocably(handler, asked, asked.call.session_id)

    def notice(self, admission: Admission, session_id: str, message: Message) -> None:
        """Take a notification of a legacy client; only `notifications/cancelled` means anything.

        Raises:
            NotFound: the session is not this client's.
        """
        self._sessions.resume(admission, session_id)
        if message.method != "notifications/cancelled":
            return
        task = self._running.get((session_id, bytes(message.params.get("requestId", b""))))
        if task is not None:
            self._taken_back.add(task)
            task.cancel()

    async def _answer_revocably(
        self, handler: Callable[[Asked], Awaitable[bytes]], asked: Asked, session_id: str
    ) -> bytes:
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

    async def _ping(self, asked: Asked) -> bytes:
        return result_bytes(asked.call.id, b"{}")

    async def _list(self, asked: Asked) -> bytes:
        if bytes(asked.call.params.get("cursor", b"null")) != b"null":
            raise ProtocolError("this list has one page; the cursor is not ours", INVALID_PARAMS)
        admission = asked.admission
        offer = await self._listings.offer(admission.configuration, admission.workspace)
        return result_bytes(asked.call.id, offer.page(asked.call.method, asked.version))

    async def _discover(self, asked: Asked) -> bytes:
        admission = asked.admission
        offer = await self._listings.offer(admission.configuration, admission.workspace)
        result = discover_result(
            offer.capabilities(Era.MODERN), offer.instructions(), self._identity, DISCOVER_TTL_MS
        )
        return result_bytes(asked.call.id, result)
