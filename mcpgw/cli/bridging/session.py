"""A legacy client's session with the gateway: its headers, its GET stream, its renewal, its end.

When the gateway has forgotten the session it is opened anew with what the client said at first; the
client notices nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from mcpgw.cli.bridging.channel import (
    EVENT_STREAM,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    Channel,
    Incoming,
)
from mcpgw.cli.bridging.tasks import Tasks
from mcpgw.errors import GatewayError, UpstreamError
from mcpgw.protocol.era import ASSUMED_LEGACY, is_older
from mcpgw.protocol.header import encode_value
from mcpgw.protocol.jsonrpc import notification_bytes

END_S = 1.0
"""How long the gateway may take to hear that the session is over."""

LATER = frozenset({409, 425, 429, 500, 502, 503, 504})
"""Statuses of a GET after which another may succeed; 409 says that our last stream is open yet."""

INITIALIZED = "notifications/initialized"


class SessionGone(UpstreamError):
    """The gateway does not know our session, so it executed nothing."""


@dataclass(frozen=True, slots=True)
class Session:
    """What was agreed on. A server without sessions gives no `id`."""

    id: str | None
    version: str

    def headers(self) -> dict[str, str]:
        """Return the headers of everything that belongs to the session."""
        headers = {}
        if self.id is not None:
            headers["Mcp-Session-Id"] = self.id
        if not is_older(self.version, "2025-06-18"):
            headers["MCP-Protocol-Version"] = encode_value(self.version)
        return headers


class _Initialized(msgspec.Struct):
    """What is looked at in the result of `initialize`."""

    version: str = msgspec.field(name="protocolVersion", default=ASSUMED_LEGACY)


class LegacySession:
    """The session of the client, once it asked for one. `deliver` takes what the GET stream says.

    `listening` are tasks of which nobody waits for the end.
    """

    def __init__(
        self,
        channel: Channel,
        deliver: Callable[[Incoming], Awaitable[None]],
        listening: Tasks,
    ) -> None:
        self.current: Session | None = None
        self._channel = channel
        self._deliver = deliver
        self._listening = listening
        self._initialize = b""
        self._renewing = asyncio.Lock()

    def begin(self, initialize: bytes, session_id: str | None, result: Raw) -> Session:
        """Speak in that session from now on; `initialize` is the request that opened it."""
        try:
            version = msgspec.json.decode(result, type=_Initialized).version
        except (ValueError, RecursionError):
            version = ASSUMED_LEGACY
        self._initialize = initialize
        self.current = session = Session(session_id, version)
        return session

    def listen(self) -> None:
        """Open the stream of what belongs to no request, instead of the one before."""
        self._listening.cancel()
        if self.current is not None:
            self._listening.spawn(self._listen(self.current))

    def stop(self) -> None:
        """Listen no more."""
        self._listening.cancel()

    async def renew(self, lost: Session) -> Session:
        """Return a session in place of `lost`, made once for everybody who misses it.

        Raises:
            GatewayError: the gateway opens none.
        """
        async with self._renewing:
            if self.current is not None and self.current is not lost:
                return self.current
            answer, result = await self._channel.ask({}, self._initialize)
            session = self.begin(self._initialize, answer.session_id, result)
            body = notification_bytes(INITIALIZED, b"{}")
            async with self._channel.open("POST", session.headers(), body):
                pass
            self.listen()  # Ends the task that listened, which may be the one that came here.
            return session

    async def end(self) -> None:
        """Tell the gateway that the session is over."""
        if self.current is None or self.current.id is None:
            return
        with suppress(GatewayError, TimeoutError):  # The gateway forgets the session by itself.
            async with asyncio.timeout(END_S):
                headers = self.current.headers()
                async with self._channel.open("DELETE", headers, patience_s=0):
                    pass

    async def _listen(self, session: Session) -> None:
        """Follow the stream for as long as the session lasts; its end is no end."""
        headers = {**session.headers(), "Accept": EVENT_STREAM}
        pause_s = FIRST_PAUSE_S
        while True:
            with suppress(GatewayError):  # The gateway went away, and may come back.
                async with self._channel.open("GET", headers, patience_s=0) as answer:
                    if answer.status == 404:
                        await self.renew(session)
                        return
                    if not answer.is_stream and answer.status not in LATER:
                        return  # It offers no such stream (405), or not to us.
                    try:
                        async for incoming in answer.messages():
                            pause_s = FIRST_PAUSE_S
                            await self._deliver(incoming)
                    finally:
                        if answer.last_event_id is not None:
                            headers["Last-Event-ID"] = encode_value(answer.last_event_id)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
