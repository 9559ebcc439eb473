"""HTTP+SSE of 2024-11-05: one event stream carries every answer, every message to it is a POST.

The stream's first event says where to post, on the origin that we were sent to and on no other.
What comes on it is one conversation, as over stdio; when it ends, so does the connection.
Source: MCP 2024-11-05, basic/transports (HTTP with SSE).
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from mcpgw.errors import UpstreamError
from mcpgw.model.server import HttpLaunch
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Outgoing, Reply
from mcpgw.protocol.line import TooLong
from mcpgw.protocol.sse import SseEvent
from mcpgw.upstream import Ask, Deliver, Fill, OnChange, Spawn, Terms
from mcpgw.upstream.background import Background, ended, start
from mcpgw.upstream.conversation import Conversation
from mcpgw.upstream.event_reader import EventReader
from mcpgw.upstream.failure import status_error, too_large
from mcpgw.upstream.frame import Frame, read_frame, request_frame
from mcpgw.upstream.http_head import RequestWriter
from mcpgw.upstream.http_pool import HttpPool

COURTESY_S = 3.0
"""How long a message may take that nobody waits for."""

SESSION_GONE = frozenset({404, 410})

_TARGET = re.compile(r"[\x21-\x7e]*")
_PORTS = {"http": 80, "https": 443}


class EventStreamTransport:
    """The way to one server. `open` comes first."""

    def __init__(
        self,
        server: str,
        launch: HttpLaunch,
        fill: Fill,
        pool: HttpPool,
        spawn: Spawn,
        terms: Terms,
        max_message_bytes: int,
    ) -> None:
        self.server = server
        self.session = b""
        self.is_alive = False
        self._launch = launch
        self._fill = fill
        self._pool = pool
        self._spawn = spawn
        self._max_message_bytes = max_message_bytes
        self._background = Background(spawn)
        self._loop = asyncio.get_running_loop()
        self._talk = Conversation(server, spawn, terms, self._send, self.tell)
        self._talk.era = Era.LEGACY
        self._writer: RequestWriter
        self._reader: EventReader | None = None
        self._has_ended = asyncio.Event()

    async def open(self, timeout_s: float) -> bool:
        """Open the stream and learn where to post; False when there is no such stream.

        Raises:
            UpstreamError: it refuses us, or we cannot post where it wants us to.
            GatewayError: a secret cannot be opened.
        """
        deadline = self._loop.time() + timeout_s
        request = RequestWriter(self.server, self._launch, self._fill).get(b"")
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._pool.open_stream(request, deadline)
                reader = self._reader = EventReader(response, self._max_message_bytes)
                event = await reader.next() if response.is_stream else None
        except (UpstreamError, TimeoutError):
            return False
        if response.status in (401, 403):
            raise status_error(self.server, response.status)
        if not isinstance(event, SseEvent) or event.event != "endpoint":
            return False
        url = _endpoint(self.server, self._launch.url, event.data)
        self._writer = RequestWriter(self.server, HttpLaunch(url, self._launch.headers), self._fill)
        self.is_alive = start(self._spawn, self._read(reader))
        if not self.is_alive:
            raise ended(self.server)
        return True

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is running."""
        return self._talk.is_busy

    @property
    def dropped(self) -> int:
        """How many messages concerned nobody."""
        return self._talk.dropped

    def next_id(self) -> int:
        """Return an id that no other request on this connection has."""
        return self._talk.next_id()

    def exchange(
        self, message: Outgoing, deliver: Deliver | None = None, ask: Ask | None = None
    ) -> Coroutine[Any, Any, Reply]:
        """Send a request and return its reply, as the port `Upstream` says."""
        return self._talk.exchange(message, deliver, ask)

    def listen(self, message: Outgoing, take: OnChange) -> Coroutine[Any, Any, Reply]:
        """Open a subscription, which no server of this transport knows; see `HttpNews.listen`."""
        return self._talk.listen(message, take)

    async def hear(self, on_open: Callable[[], None]) -> float:
        """Wait until the stream ends, which is always an error: news come on it by themselves.

        Raises:
            UpstreamError: it has ended.
        """
        on_open()
        await self._has_ended.wait()
        raise self._broken()

    async def ask(self, method: str, params: bytes, timeout_s: float) -> Frame:
        """Send a request of the handshake and return the message that answers.

        Raises:
            UpstreamError: there is none.
            UpstreamTimeout: there is none in time.
        """
        request_id = self.next_id()
        body = request_frame(request_id, method, params)
        return await self._talk.request(request_id, body, self._loop.time() + timeout_s)

    async def say(self, body: bytes) -> None:
        """Send a message that has no answer.

        Raises:
            UpstreamError: it could not be delivered.
        """
        await self._post(body, self._loop.time() + COURTESY_S, is_urgent=True)

    def tell(self, body: bytes) -> None:
        """Send a message that has no answer, some time, as well as we can."""
        self._background.run(lambda: self.say(body))

    async def close(self) -> None:
        """End the stream and every connection."""
        self.is_alive = False
        if self._reader is not None:
            self._reader.close()
        self._pool.close()

    async def _send(self, body: bytes, deadline: float) -> None:
        if not self.is_alive:
            raise self._broken()
        await self._post(body, deadline)

    async def _post(self, body: bytes, deadline: float, *, is_urgent: bool = False) -> None:
        request = self._writer.post(b"", body)
        response = await self._pool.request(request, deadline, is_urgent=is_urgent)
        response.close()
        if response.status in SESSION_GONE and self._reader is not None:
            self._reader.close()  # A new stream is a new session.
            raise self._broken()
        if response.status >= 300:
            raise status_error(self.server, response.status)

    async def _read(self, reader: EventReader) -> None:
        """Take what comes until the stream ends; then nothing is answered any more."""
        error = self._broken()
        try:
            while (event := await reader.next()) is not None:
                self._take(event)
        except UpstreamError as failure:
            error = failure
        finally:
            self.is_alive = False
            reader.close()
            self._has_ended.set()
            self._talk.fail_all(error)

    def _take(self, event: SseEvent | TooLong) -> None:
        if isinstance(event, TooLong):
            self._take_too_long(event)
            return
        frame = read_frame(event.data) if event.event == "message" else None
        if frame is None:
            self._talk.dropped += len(event.data) > 0
        else:
            self._talk.take(frame)

    def _take_too_long(self, event: TooLong) -> None:
        """Fail the call that the message answers, or all when it does not show."""
        error = too_large(self.server, self._max_message_bytes)
        if event.request_id is None:
            self._talk.fail_all(error)
        else:
            self._talk.fail(int(event.request_id), error)

    def _broken(self) -> UpstreamError:
        return UpstreamError(
            f"server {self.server!r} ended its event stream",
            "try again; whether the request took effect is unknown",
        )


def _endpoint(server: str, url: str, data: bytes) -> str:
    """Return the URL to post to.

    Raises:
        UpstreamError: it is none, or on another origin than `url`.
    """
    ours = urlsplit(url)
    try:
        theirs = urlsplit(urljoin(url, data.decode().strip()))
        is_ours = _origin(theirs) == _origin(ours) and "@" not in theirs.netloc
    except ValueError:
        raise _unusable(server, "says in no usable way where to send messages") from None
    if not is_ours:
        raise _unusable(server, "wants its messages sent to another origin, which is not done")
    if not _TARGET.fullmatch(theirs.path + theirs.query):
        raise _unusable(server, "says in no usable way where to send messages")
    return urlunsplit((ours.scheme, ours.netloc, theirs.path, theirs.query, ""))


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _unusable(server: str, what: str) -> UpstreamError:
    return UpstreamError(
        f"server {server!r} {what}", "check the URL, and how the server knows its own address"
    )
