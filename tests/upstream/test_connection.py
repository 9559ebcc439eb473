"""A connection shows what was agreed on and hands everything else to its transport."""

from collections.abc import Callable
from typing import Any

from msgspec import Raw

from mcpgw.gateway.ports import Upstream
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Outgoing, Reply
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.handshake import Agreement

REPLY = Reply(Raw(b"{}"), None)


class FakeTransport:
    """Answers everything alike."""

    is_alive = True
    is_busy = False
    closed = 0
    session = b"session"

    def next_id(self) -> int:
        return 7

    async def exchange(self, message: Outgoing, deliver: Any = None, ask: Any = None) -> Reply:
        return REPLY

    async def listen(self, message: Outgoing, take: Any) -> Reply:
        return REPLY

    async def hear(self, on_open: Callable[[], None]) -> float:
        on_open()
        return 2.5

    async def close(self) -> None:
        self.closed += 1


async def test_a_connection_is_the_port_upstream() -> None:
    transport = FakeTransport()
    agreement = Agreement(
        Era.LEGACY, "2025-11-25", {"tools": Raw(b"{}")}, "say something", {"name": Raw(b'"a"')}
    )
    connection = Connection(transport, agreement)
    upstream: Upstream = connection
    assert (upstream.era, upstream.version) == (Era.LEGACY, "2025-11-25")
    assert upstream.capabilities is agreement.capabilities
    assert upstream.instructions == "say something"
    assert upstream.server_info is agreement.server_info
    assert upstream.next_id() == 7
    assert await upstream.exchange(Outgoing(7, "ping", b"{}")) is REPLY
    assert (connection.is_alive, connection.is_busy) == (True, False)
    assert connection.session == b"session"
    assert await connection.listen(Outgoing(8, "subscriptions/listen", b"{}"), print) is REPLY
    assert await connection.hear(lambda: None) == 2.5
    await connection.close()
    assert transport.closed == 1
