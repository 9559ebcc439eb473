"""A live connection to a server: what was agreed on, and the transport that carries the calls."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from msgspec import Raw

from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Outgoing, Reply
from mcpgw.upstream import Ask, Deliver, OnChange
from mcpgw.upstream.handshake import Agreement


class Transport(Protocol):
    """What a connection needs of a transport."""

    @property
    def is_alive(self) -> bool:
        """Whether a call has a chance."""

    @property
    def is_busy(self) -> bool:
        """Whether a call is running."""

    def next_id(self) -> int:
        """Return an id that no other request on this transport has."""

    def exchange(
        self, message: Outgoing, deliver: Deliver | None = None, ask: Ask | None = None
    ) -> Coroutine[Any, Any, Reply]:
        """Send a request and return its reply."""

    @property
    def session(self) -> bytes:
        """What tells one session from the next."""

    def listen(self, message: Outgoing, take: OnChange) -> Coroutine[Any, Any, Reply]:
        """Open a subscription and return its reply, at its end."""

    def hear(self, on_open: Callable[[], None]) -> Coroutine[Any, Any, float]:
        """Hold what brings the news of a legacy server."""

    async def close(self) -> None:
        """End it."""


class Connection:
    """A connection shared by many calls; the port `Upstream` describes its use."""

    def __init__(self, transport: Transport, agreement: Agreement) -> None:
        self._transport = transport
        self._agreement = agreement
        self._watchers = 0

    @property
    def era(self) -> Era:
        """The era spoken on it."""
        return self._agreement.era

    @property
    def version(self) -> str:
        """The protocol revision agreed on."""
        return self._agreement.version

    @property
    def capabilities(self) -> Mapping[str, Raw]:
        """What the server declared."""
        return self._agreement.capabilities

    @property
    def instructions(self) -> str:
        """What the server says to models, untrusted."""
        return self._agreement.instructions

    @property
    def server_info(self) -> Mapping[str, Raw]:
        """The server's own name and version, untrusted."""
        return self._agreement.server_info

    @property
    def is_alive(self) -> bool:
        """Whether a call has a chance; else the pool makes a new connection."""
        return self._transport.is_alive

    @property
    def is_busy(self) -> bool:
        """Whether a call is running."""
        return self._transport.is_busy

    @property
    def is_watched(self) -> bool:
        """Whether somebody waits for the news of a legacy server here."""
        return self._watchers > 0

    def next_id(self) -> int:
        """Return a request id that is unique on this connection; also its progress token."""
        return self._transport.next_id()

    def exchange(
        self, message: Outgoing, deliver: Deliver | None = None, ask: Ask | None = None
    ) -> Coroutine[Any, Any, Reply]:
        """Send a request and return its reply.

        Notifications of it go to `deliver`, questions to `ask`, whose answer is sent back.
        Cancelling the task cancels the request upstream.

        Raises:
            UpstreamError: there is no reply. Whether the request took effect is unknown.
            UpstreamTimeout: there is none in time.
            HeadersRefused: a modern server finds our headers at odds with the call.
        """
        return self._transport.exchange(message, deliver, ask)

    @property
    def session(self) -> bytes:
        """What tells one legacy session from the next: subscriptions end with theirs."""
        return self._transport.session

    def listen(self, message: Outgoing, take: OnChange) -> Coroutine[Any, Any, Reply]:
        """Open a subscription at a modern server; return its reply, which comes when it ends.

        Its messages go to `take`. Cancelling the task ends it. It is no call: it keeps nobody
        waiting and has no end in time, but `message.timeout_s` bounds its beginning.

        Raises:
            UpstreamError: it broke off, or cannot be opened for now.
            UpstreamTimeout: it did not begin in time.
        """
        return self._transport.listen(message, take)

    async def hear(self, on_open: Callable[[], None]) -> float:
        """Hold the stream that brings what belongs to no call, to the listener of changes.

        Calls `on_open` when it is held, and lasts until it ends; where there is none, until the
        connection does. Returns how long to wait before the next one, when that goes on without a
        gap.

        Raises:
            UpstreamError: it broke off, or cannot be opened for now.
            UpstreamTimeout: it did not begin in time.
        """
        self._watchers += 1
        try:
            return await self._transport.hear(on_open)
        finally:
            self._watchers -= 1

    async def close(self) -> None:
        """End the connection; what runs on it fails."""
        await self._transport.close()
