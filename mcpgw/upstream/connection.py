"""A live connection to a server: what was agreed on, and the transport that carries the calls."""

from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from msgspec import Raw

from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Outgoing, Reply
from mcpgw.upstream import Deliver
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
        self, message: Outgoing, deliver: Deliver | None = None
    ) -> Coroutine[Any, Any, Reply]:
        """Send a request and return its reply."""

    async def close(self) -> None:
        """End it."""


class Connection:
    """A connection shared by many calls; the port `Upstream` describes its use."""

    def __init__(self, transport: Transport, agreement: Agreement) -> None:
        self._transport = transport
        self._agreement = agreement

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

    def next_id(self) -> int:
        """Return a request id that is unique on this connection; also its progress token."""
        return self._transport.next_id()

    def exchange(
        self, message: Outgoing, deliver: Deliver | None = None
    ) -> Coroutine[Any, Any, Reply]:
        """Send a request and return its reply; notifications of it go to `deliver`.

        Cancelling the task cancels the request upstream.

        Raises:
            UpstreamError: there is no reply. Whether the request took effect is unknown.
            UpstreamTimeout: there is none in time.
        """
        return self._transport.exchange(message, deliver)

    async def close(self) -> None:
        """End the connection; what runs on it fails."""
        await self._transport.close()
