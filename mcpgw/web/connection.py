"""The aiohttp connection with its own error path.

aiohttp answers malformed HTTP by quoting it, headers included, and logs a traceback with the same
bytes: a token would be in both. Here such a request gets a fixed body and a log line without any
of it. Also lets a handler know at once that its client went away.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from mcpgw.gateway.ongoing import Entry
from mcpgw.web.errors import json_response

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 15.0
"""Idle time of a connection; aiohttp bounds the time of the headers by it too."""

MAX_LINE_BYTES = 8190
MAX_HEADER_BYTES = 8190


class Connection(RequestHandler):
    """One client connection. `on_lost` is called when the client goes away during a request.

    `entry` is by what it is ended with the token that it was used with last.
    """

    __slots__ = ("entry", "on_lost")

    on_lost: Callable[[], object] | None
    entry: Entry | None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.on_lost = None
        self.entry = None

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the running handler before aiohttp forgets the connection."""
        on_lost = self.on_lost
        super().connection_lost(exc)
        if self.entry is not None:
            self.entry.leave()
        if on_lost is not None:
            on_lost()

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
        logger.info("refused a malformed request: %s", type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the response is under way; the connection can only be closed")
        body = b'{"error":"invalid","message":"malformed HTTP request","hint":""}'
        response = json_response(body, status if 400 <= status < 500 else 500)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log the class of the error only: its text may quote the request."""
        error = kw.get("exc_info")
        logger.error("connection failed: %s", type(error).__name__)


class Listener(web.Server):
    """Makes a `Connection` for every client; bounds how many there are at a time."""

    def __init__(self, handler: Any, *, max_body_bytes: int) -> None:
        super().__init__(handler, request_factory=self._request)
        self._max_body_bytes = max_body_bytes

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(
            self,
            loop=self._loop,
            keepalive_timeout=KEEP_ALIVE_S,
            access_log=None,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_HEADER_BYTES,
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
        return web.BaseRequest(
            message,
            payload,
            protocol,
            writer,
            task,
            self._loop,
            client_max_size=self._max_body_bytes,
        )
