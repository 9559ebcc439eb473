"""Server-sent events: frames out, events in, however the stream is cut.

The parser keeps what an event has brought so far and no more; an event that grows past the limit
ends the stream. Source: WHATWG HTML, 9.2 Server-sent events.
"""

import msgspec

from mcpgw.errors import ProtocolError
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR

KEEP_ALIVE = b":\n\n"
"""A comment: keeps the connection open and means nothing."""

MAX_RETRY_DIGITS = 9
"""Longer ones are no milliseconds that anybody waits for."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class SseEvent(msgspec.Struct, frozen=True):
    """One event. `data` may be empty: a server may open a stream with an id alone."""

    event: str
    data: bytes
    id: str | None


def encode(data: bytes, event: str = "message", event_id: str | None = None) -> bytes:
    """Return one event as a frame. `event` and `event_id` hold no line break."""
    head = b"event: " + event.encode() + b"\n"
    if event_id is not None:
        head += b"id: " + event_id.encode() + b"\n"
    if b"\n" in data or b"\r" in data:
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        data = lines.replace(b"\n", b"\ndata: ")
    return head + b"data: " + data + b"\n\n"


class SseParser:
    """Turns the bytes of a stream into events.

    Theory: lines may end in LF, CR or CRLF, and a chunk may end anywhere. What follows the last
    line break waits in `_tail`, as pieces, so that a long line is joined once. A chunk that ends
    in CR has ended its line; an LF at the start of the next one belongs to that same break.
    """

    def __init__(self, max_event_bytes: int) -> None:
        self.last_id: str | None = None
        """The last id that an event had, even one without data: what a new stream resumes from."""
        self.retry_ms: int | None = None
        """How long the server wants a client to wait before it resumes."""
        self._max_event_bytes = max_event_bytes
        self._is_first_line = True
        self._ended_in_return = False
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._event_bytes = 0
        self._event = ""
        self._id: str | None = None
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Return the events that `chunk` completes.

        Raises:
            ProtocolError: an event is larger than the limit.
        """
        events = []
        for line in self._lines(chunk):
            if not line:
                event = self._end_event()
                if event is not None:
                    events.append(event)
                continue
            size = self._event_bytes + len(line)
            if size > self._max_event_bytes:
                raise self._too_large()
            if line.startswith(b"data: "):
                self._data.append(line[6:])
            elif line.startswith(b":"):
                continue
            else:
                self._take_field(line)
            self._event_bytes = size
        if self._event_bytes + self._tail_bytes > self._max_event_bytes:
            raise self._too_large()
        return events

    def _lines(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end in `chunk`; keep what follows the last of them."""
        if self._ended_in_return and chunk:
            self._ended_in_return = False
            chunk = chunk.removeprefix(b"\n")
        lines = []
        start = 0
        # Much faster on long lines than `split`, which looks at every byte.
        while (end := chunk.find(b"\n", start)) >= 0:
            lines.append(chunk[start:end])
            start = end + 1
        tail = chunk[start:]
        if b"\r" in chunk:
            lines = [one for line in lines for one in line.removesuffix(b"\r").split(b"\r")]
            *ended, tail = tail.split(b"\r")
            lines += ended
            self._ended_in_return = chunk.endswith(b"\r")
        if lines and self._tail:
            lines[0] = b"".join((*self._tail, lines[0]))
            self._tail = []
            self._tail_bytes = 0
        if lines and self._is_first_line:
            self._is_first_line = False
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        if tail:
            self._tail.append(tail)
            self._tail_bytes += len(tail)
        return lines

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._event = value.decode(errors="replace")
        elif name == b"data":
            self._data.append(value)
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")
        elif name == b"retry" and value.isdigit() and len(value) <= MAX_RETRY_DIGITS:
            self.retry_ms = int(value)

    def _end_event(self) -> SseEvent | None:
        """Return the event that the lines so far make; lines without data make none."""
        event, event_id, data = self._event, self._id, self._data
        self._event, self._id, self._event_bytes = "", None, 0
        if event_id is not None:
            self.last_id = event_id
        if not data:
            return None
        self._data = []
        return SseEvent(event or "message", b"\n".join(data), event_id)

    def _too_large(self) -> ProtocolError:
        return ProtocolError(
            f"an event is larger than {self._max_event_bytes} bytes", INTERNAL_ERROR
        )
