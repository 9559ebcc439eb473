"""Reads the events of a stream that lasts: one that is too large is skipped and ends nothing.

`protocol.sse` gives up where an event is larger than the limit, since nothing else is on its
stream. On a stream that many share, the others must not notice.
"""

from collections import deque

from mcpgw.errors import ProtocolError
from mcpgw.protocol.line import TooLong
from mcpgw.protocol.sse import SseEvent, SseParser
from mcpgw.upstream.http_response import Response
from mcpgw.upstream.line import answer_lines


class EventReader:
    """The events of one stream, in order. Lines end in LF or CRLF, as servers of the field do."""

    def __init__(self, response: Response, max_event_bytes: int) -> None:
        self._response = response
        self._max_event_bytes = max_event_bytes
        self._splitter = answer_lines(max_event_bytes)
        self._parser = SseParser(max_event_bytes)
        self._ready: deque[SseEvent | TooLong] = deque()
        self._is_skipping = False
        """Whether what comes belongs to an event that was given up."""

    @property
    def last_id(self) -> str | None:
        """The last id that an event had: what a new stream resumes from."""
        return self._parser.last_id

    @property
    def retry_ms(self) -> int | None:
        """How long the server wants us to wait before we come again."""
        return self._parser.retry_ms

    async def next(self) -> SseEvent | TooLong | None:
        """Return the next event, None at the end of the stream.

        Raises:
            UpstreamError: it broke off.
        """
        while not self._ready:
            piece = await self._response.read()
            if not piece:
                return None
            for line in self._splitter.feed(piece):
                self._take(line)
        return self._ready.popleft()

    def close(self) -> None:
        """Want no more of it."""
        self._response.abort()

    def _take(self, line: bytes | TooLong) -> None:
        if self._is_skipping:
            self._is_skipping = line not in (b"", b"\r")
            return
        if isinstance(line, TooLong):
            self._ready.append(line)
            line = b"data:"  # The event's id still counts: else it would be sent again.
        try:
            self._ready += self._parser.feed(line + b"\n")
        except ProtocolError:
            parser = SseParser(self._max_event_bytes)
            parser.last_id, parser.retry_ms = self._parser.last_id, self._parser.retry_ms
            self._parser = parser
            self._is_skipping = True
            self._ready.append(TooLong(None))
