"""HTTP to one workspace's URL: one request at a time out, the messages of its answer in.

A request is sent again only when the connection was refused, so that it was surely not executed.
No redirect is followed, no proxy of the environment used: the token goes to that URL only.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp
import msgspec
from msgspec import Raw

from mcpgw import __version__
from mcpgw.errors import (
    Forbidden,
    GatewayError,
    ProtocolError,
    Unauthenticated,
    UpstreamError,
    UpstreamTimeout,
)
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR, Message, parse, repair_surrogates
from mcpgw.protocol.sse import SseParser

PATIENCE_S = 10.0
"""How long a request waits for a gateway that is being restarted."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
"""Between attempts; each pause is twice the one before."""

CONNECT_S = 10.0

SILENCE_S = 120.0
"""After so long without a byte an answer is given up: the gateway writes a comment every 15 s."""

DRAIN_S = 1.0
"""How long a stream may take to end after its answer, so that the connection can be kept."""

EVENT_STREAM = "text/event-stream"


class Broken(UpstreamError):
    """There is no connection, or it ended before the answer did."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message of the gateway, as it came and as it reads."""

    raw: bytes
    message: Message


class Notes:
    """Tells the person when the gateway goes away and when it is back: one line each."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._is_lost = False

    def lost(self, how: str) -> None:
        """Note that the gateway does not serve us."""
        if not self._is_lost:
            self._is_lost = True
            self._tell(how)

    def back(self) -> None:
        """Note that it does."""
        if self._is_lost:
            self._is_lost = False
            self._tell("the gateway is back")

    def _tell(self, what: str) -> None:
        with suppress(OSError):  # Nobody reads stderr any more; the answers say it too.
            self._say(f"mcpgw bridge: {what}")


class Answer:
    """The answer to one HTTP request, while it comes."""

    def __init__(self, response: aiohttp.ClientResponse, url: str, max_message_bytes: int) -> None:
        self.status = response.status
        self.session_id = _printable(response.headers.get("Mcp-Session-Id"))
        self.is_stream = response.content_type == EVENT_STREAM and response.status == 200
        self._response = response
        self._url = url
        self._max_message_bytes = max_message_bytes
        self._parser = SseParser(max_message_bytes)
        self._body = b""

    @property
    def last_event_id(self) -> str | None:
        """What this stream can be resumed from."""
        return self._parser.last_id

    @property
    def retry_s(self) -> float:
        """How long the gateway wants us to wait before we resume."""
        retry_ms = self._parser.retry_ms
        return FIRST_PAUSE_S if retry_ms is None else min(retry_ms / 1000, LONGEST_PAUSE_S)

    async def messages(self) -> AsyncIterator[Incoming]:
        """Yield every message; what is none is left out.

        Raises:
            ProtocolError: one is larger than the limit.
        """
        if not self.is_stream:
            self._body = await self._read_body()
            for incoming in _read(self._body):
                yield incoming
            return
        async for piece in self._response.content.iter_any():
            for event in self._parser.feed(piece):
                for incoming in _read(event.data):
                    yield incoming

    async def drain(self) -> None:
        """Read the end of a stream of which nothing more is wanted."""
        with suppress(aiohttp.ClientError, TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                async for _ in self._response.content.iter_any():
                    pass

    def refusal(self) -> GatewayError:
        """Return the error of an answer that answers nothing."""
        said = _said(self._body)
        if self.status == 401:
            return Unauthenticated(
                "the gateway refuses the token",
                "issue one with mcpgw token issue, and set MCPGW_TOKEN or use --save-token",
            )
        if self.status == 403:
            return Forbidden(said.message or "the gateway refuses this", said.hint)
        if self.is_stream:
            return Broken(
                "the gateway ended its answer without a result",
                "try again; whether the request took effect is unknown",
            )
        if self.status < 400 or self.status == 404:
            return UpstreamError(
                f"no gateway answers at {self._url}", "check the URL, it ends in /ws/WORKSPACE"
            )
        message = said.message or f"the gateway answered with HTTP status {self.status}"
        return UpstreamError(message, said.hint or "see the log of mcpgw serve")

    async def _read_body(self) -> bytes:
        pieces, size = [], 0
        async for piece in self._response.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > self._max_message_bytes:
                raise ProtocolError(
                    f"the answer is larger than {self._max_message_bytes} bytes",
                    INTERNAL_ERROR,
                    "raise MCPGW_MAX_MESSAGE",
                )
        return b"".join(pieces)


class Channel:
    """The way to one URL."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, max_message_bytes: int, notes: Notes
    ) -> None:
        self._http = http
        self._url = url
        self._max_message_bytes = max_message_bytes
        self._notes = notes

    @asynccontextmanager
    async def open(
        self,
        verb: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        patience_s: float = PATIENCE_S,
    ) -> AsyncIterator[Answer]:
        """Send a request and yield its answer; leaving the block early takes the request back.

        Raises:
            Broken: nothing listens there, or the connection ended.
            UpstreamTimeout: the gateway fell silent.
            UpstreamError: its certificate is not trusted.
        """
        try:
            async with await self._send(verb, headers, body, patience_s) as response:
                if response.status in (401, 403):
                    self._notes.lost("the gateway refuses the token")
                else:
                    self._notes.back()
                yield Answer(response, self._url, self._max_message_bytes)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise explained(error, self._url) from None

    async def ask(self, headers: Mapping[str, str], body: bytes) -> tuple[Answer, Raw]:
        """Post a request of our own and return its result, with the HTTP answer it came in.

        Raises:
            GatewayError: there is none.
        """
        async with self.open("POST", headers, body) as answer:
            async for incoming in answer.messages():
                if incoming.message.error is not None:
                    raise UpstreamError("the gateway answers the bridge itself with an error")
                if incoming.message.result is not None:
                    await answer.drain()
                    return answer, incoming.message.result
            raise answer.refusal()

    async def _send(
        self, verb: str, headers: Mapping[str, str], body: bytes | None, patience_s: float
    ) -> aiohttp.ClientResponse:
        loop = asyncio.get_running_loop()
        deadline, pause_s = loop.time() + patience_s, FIRST_PAUSE_S
        while True:
            try:
                return await self._http.request(
                    verb, self._url, data=body, headers=headers, allow_redirects=False
                )
            except aiohttp.ClientSSLError:
                raise
            except aiohttp.ClientConnectorError as error:
                self._notes.lost(explained(error, self._url).message)
                if loop.time() + pause_s > deadline:
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def explained(error: Exception, url: str) -> UpstreamError:
    """Return what it means for a person that a request to a gateway failed."""
    if isinstance(error, aiohttp.ClientSSLError):
        return UpstreamError(
            f"the certificate of {url} is not trusted",
            "name a file with its authority in SSL_CERT_FILE",
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return Broken(
            f"the gateway at {url} cannot be reached",
            "start it with mcpgw serve, or check the URL",
        )
    if isinstance(error, TimeoutError):
        return UpstreamTimeout(
            f"the gateway at {url} does not answer",
            "try again; whether the request took effect is unknown",
        )
    return Broken(
        "the connection to the gateway broke",
        "try again; whether the request took effect is unknown",
    )


def client_session(token: str) -> aiohttp.ClientSession:
    """Return an HTTP client that shows `token`."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S),
        headers={
            "Authorization": f"Bearer {token}",
            "Accept": f"application/json, {EVENT_STREAM}",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": f"mcpgw-bridge/{__version__}",
        },
    )


def _printable(value: str | None) -> str | None:
    """Return a header's value if it can be sent back, else None."""
    return value if value and value.isascii() and value.isprintable() else None


class _Said(msgspec.Struct):
    """What the gateway's door says when it refuses."""

    message: str = ""
    hint: str = ""


def _said(body: bytes) -> _Said:
    try:
        return msgspec.json.decode(body, type=_Said)
    except (ValueError, RecursionError):
        return _Said()


def _read(body: bytes) -> list[Incoming]:
    """Return the message of a body, or the messages of a batch; none when it is something else."""
    if not body:
        return []
    try:
        found = parse(body)
        if isinstance(found, Message):
            return [Incoming(body, found)]
        raws = msgspec.json.decode(repair_surrogates(body), type=list[Raw])
    except (ProtocolError, ValueError):
        return []
    return [Incoming(bytes(raw), one) for raw, one in zip(raws, found, strict=True)]
