"""A transport without a server, for tests of what watches one: it does what the test says."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from msgspec import Raw

from mcpgw.errors import GatewayError
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Notification, Outgoing, Reply
from mcpgw.upstream import OnChange
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.handshake import Agreement

OK = Reply(Raw(b"{}"), None)


def refusal(code: int) -> Reply:
    return Reply(None, Raw(b'{"code":%d,"message":"no"}' % code))


class Held:
    """A stream that somebody holds: `end` ends it with a reply, a pause, or an error."""

    def __init__(self, uris: list[str], take: OnChange | None = None) -> None:
        self.uris = uris
        self.is_open = True
        self._take = take
        self._end: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def tell(self, method: str, params: object = None) -> None:
        assert self._take is not None
        self._take(Notification(method, Raw(json.dumps(params or {}).encode())))

    def acknowledge(self, uris: list[str] | None = None) -> None:
        honoured = self.uris if uris is None else uris
        params = {"notifications": {"resourceSubscriptions": honoured}}
        self.tell("notifications/subscriptions/acknowledged", params)

    def end(self, outcome: object) -> None:
        if isinstance(outcome, GatewayError):
            self._end.set_exception(outcome)
        else:
            self._end.set_result(outcome)

    async def hold(self) -> Any:
        try:
            return await self._end
        finally:
            self.is_open = False


class ScriptedTransport:
    """Begins and answers everything, but what the attributes say otherwise."""

    def __init__(self) -> None:
        self.session = b"one"
        self.is_alive = True
        self.is_busy = False
        self.on_listen: Callable[[Held], None] = Held.acknowledge
        self.on_hear: Callable[[Held], None] | None = None
        """Called instead of saying that the stream is open."""
        self.reply: Callable[[str, str], Reply] = lambda method, uri: OK
        """Answers a request about a URI; may raise."""
        self.listens: list[Held] = []
        self.hears: list[Held] = []
        self.requests: list[tuple[str, str]] = []
        self.running = self.most_running = 0
        self._last_id = 0

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def exchange(self, message: Outgoing, deliver: Any = None, ask: Any = None) -> Reply:
        uri = json.loads(message.params)["uri"]
        self.requests.append((message.method, uri))
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        await asyncio.sleep(0)
        self.running -= 1
        return self.reply(message.method, uri)

    async def listen(self, message: Outgoing, take: OnChange) -> Reply:
        params = json.loads(message.params)
        held = Held(params["notifications"].get("resourceSubscriptions", []), take)
        self.listens.append(held)
        self.on_listen(held)
        reply = await held.hold()
        assert isinstance(reply, Reply)
        return reply

    async def hear(self, on_open: Callable[[], None]) -> float:
        held = Held([])
        self.hears.append(held)
        if self.on_hear is None:
            on_open()
        else:
            self.on_hear(held)
        pause_s = await held.hold()
        assert isinstance(pause_s, float)
        return pause_s

    async def close(self) -> None:
        self.is_alive = False


def connection_over(
    transport: ScriptedTransport, era: Era, resources: bytes = b'{"subscribe":true}'
) -> Connection:
    version = "2026-07-28" if era is Era.MODERN else "2025-11-25"
    return Connection(transport, Agreement(era, version, {"resources": Raw(resources)}, "", {}))
