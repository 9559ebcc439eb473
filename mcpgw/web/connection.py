"""The aiohttp connection with its own error path and its own patience.

aiohttp answers malformed HTTP by quoting it, headers included, and logs a traceback with the same
bytes: a token would be in both. Here such a request gets a fixed body and a log line without any
of it. Whoever does not read what was written is dropped after a while, on every path: also when
aiohttp finishes an answer, and when it waits for one to leave before it closes. Also lets a handler
know at once that its client went away.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import LineTooLong
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from mcpgw.gateway.ongoing import Entry
from mcpgw.web.clients import Clients
from mcpgw.web.errors import error_response, raw_error
from mcpgw.web.head import MAX_FIELDS, MAX_HEAD_BYTES, SPOKEN, UNSPOKEN
from mcpgw.web.peer import PEER, Peer, TrustedProxies
from mcpgw.web.refusal import Refused
from mcpgw.web.sampling import Sampled

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 15.0
"""Idle time of a connection; aiohttp bounds the time of the headers by it too."""

LINGER_S = 5.0
"""How long the rest of a refused body is read away, so that its client comes to read why."""

READING_TIME_S = 20.0
"""How long a client may take to read what fills its connection; then it is dropped."""

MAX_LINE_BYTES = 8190
MAX_HEADER_BYTES = 8190

MAX_AHEAD = 2
"""Requests that a client may send before it was answered, roughly; more are left in the socket."""


class Connection(RequestHandler):
    """One client connection. `on_lost` is called when the client goes away during a request.

    `entry` is by what it is ended with the token that it was used with last.
    """

    __slots__ = (
        *("_head_bytes", "_listener", "_patience"),
        *("arriving", "entry", "on_lost", "peer"),
    )

    on_lost: Callable[[], object] | None
    entry: Entry | None

    def __init__(self, listener: "Listener", peer: Peer, **options: Any) -> None:
        super().__init__(listener, **options)
        self.peer = peer
        self.on_lost = None
        self.entry = None
        self.arriving: asyncio.Task[None] | None = None
        """What agrees on TLS with the client, until that is done."""
        self._listener = listener
        self._head_bytes = 0
        self._patience: asyncio.TimerHandle | None = None
        self._max_msg_queue_size, self._msg_queue_resume_size = MAX_AHEAD, MAX_AHEAD - 1

    @property
    def is_known(self) -> bool:
        """Whether it was ever used with a valid token."""
        return self.entry is not None

    @property
    def is_idle(self) -> bool:
        """Whether no request is in work: it is half open, or waits for the next.

        An answer that a stranger does not read is no work.
        """
        if self._paused and not self.is_known:
            return True
        return not self._request_in_progress and not self._messages

    def give_way(self) -> None:
        """Close, so that another finds room."""
        if self.arriving is not None:
            self.arriving.cancel()
        self.force_close()

    async def start(self) -> None:
        """Serve the client's requests until one of us has enough."""
        await super().start()
        self._bound_the_end(self.transport)

    def force_close(self) -> None:
        """Close as soon as the client has read what was written."""
        transport = self.transport
        super().force_close()
        self._bound_the_end(transport)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is a head that does not end."""
        super().data_received(data)
        if self._messages:
            self._head_bytes = 0
            self._fail_cut_body()
        elif self._waiter is not None and self.transport is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.write(raw_error(_head_too_large()))
                self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the running handler before aiohttp forgets the connection."""
        on_lost = self.on_lost
        self._listener.clients.leave(self)
        super().connection_lost(exc)
        if self.entry is not None:
            self.entry.leave()
        self._stop_waiting()
        if on_lost is not None:
            on_lost()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._lose_patience_with(self.transport)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        super().resume_writing()
        if self.transport is not None and not self.transport.is_closing():
            self._stop_waiting()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Resume if reading was paused: aiohttp asks after every body, and parses nothing again."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer without a word of what was sent."""
        self._listener.log.say("refused a malformed request: %s", type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the response is under way; the connection can only be closed")
        if isinstance(exc, LineTooLong):
            response = error_response(_head_too_large())
        else:
            known = status if 400 <= status < 500 else 500
            response = error_response(Refused(known, "malformed HTTP request"))
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log the class of the error only: its text may quote the request."""
        error = kw.get("exc_info")
        logger.error("connection failed: %s", type(error).__name__)

    def _fail_cut_body(self) -> None:
        """Let the request in work fail at once whose body the parser could not make out.

        Nothing else tells it: aiohttp puts the error behind it, as a request of its own.
        """
        request = self._current_request
        if request is None or isinstance(self._messages[-1][0], RawRequestMessage):
            return
        if not request.content.is_eof():
            request.content.set_exception(web.RequestPayloadError())

    def _bound_the_end(self, transport: asyncio.Transport | None) -> None:
        """Wait no longer for a client to read the last of what was written than for the rest."""
        if transport is not None and self._patience is None:
            self._lose_patience_with(transport)

    def _lose_patience_with(self, transport: asyncio.Transport | None) -> None:
        if transport is not None:
            self._patience = self._loop.call_later(READING_TIME_S, transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class Listener(web.Server):
    """Makes a `Connection` for every client."""

    def __init__(
        self, handler: Any, *, max_body_bytes: int, clients: Clients, proxies: TrustedProxies
    ) -> None:
        super().__init__(handler, request_factory=self._request)
        self._max_body_bytes = max_body_bytes
        self.clients = clients
        self.proxies = proxies
        self.log = Sampled(logger, logging.INFO)
        """For what strangers can cause."""

    def connection(self, peer: Peer) -> Connection:
        """Return the protocol of a new connection."""
        return Connection(
            self,
            peer,
            loop=self._loop,
            keepalive_timeout=KEEP_ALIVE_S,
            lingering_time=LINGER_S,
            access_log=None,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_FIELDS,
            auto_decompress=False,
        )

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        if message.version not in SPOKEN:
            message = message._replace(version=SPOKEN[-1], raw_headers=UNSPOKEN, should_close=True)
        elif message.chunked or message.upgrade:
            # The parser takes the last trailer of such a body for a field of the next request, and
            # loses what comes with a request to speak another protocol: there is no next request.
            message = message._replace(should_close=True)
        request = web.BaseRequest(
            message,
            payload,
            protocol,
            writer,
            task,
            self._loop,
            client_max_size=self._max_body_bytes,
        )
        if isinstance(protocol, Connection):
            request[PEER] = protocol.peer
        return request


def _head_too_large() -> Refused:
    return Refused(431, "the head of the request is too large")
