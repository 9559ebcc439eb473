"""Server-sent events: frames out, events in, however the stream is cut.

The parser keeps what an event has brought so far and no more; an event that grows past the limit
ends the stream. Source: WHATWG HTML, 9.2 Server-sent events.
"""

from dataclasses import dataclass

from mcpgw.errors import ProtocolError
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR

KEEP_ALIVE = b":\n\n"
"""A comment: keeps the connection open and means nothing."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SseEvent:
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
        if self._ended_in_return and chunk:
            self._ended_in_return = False
            chunk = chunk.removeprefix(b"\n")
        if not chunk:
            return []
        lines, tail = self._split(chunk)
        if lines and self._tail:
            lines[0] = b"".join((*self._tail, lines[0]))
            self._tail = []
            self._tail_bytes = 0
        events = [event for line in lines if (event := self._take(line)) is not None]
        if tail:
            self._tail.append(tail)
            self._tail_bytes += len(tail)
            self._check_size(self._tail_bytes)
        return events

    def _split(self, chunk: bytes) -> tuple[list[bytes], bytes]:
        """Return the lines that end in `chunk`, and what follows the last of them."""
        lines = chunk.split(b"\n")
        tail = lines.pop()
        if b"\r" in chunk:
            lines = [one for line in lines for one in line.removesuffix(b"\r").split(b"\r")]
            *ended, tail = tail.split(b"\r")
            lines += ended
            self._ended_in_return = chunk.endswith(b"\r")
        return lines, tail

    def _take(self, line: bytes) -> SseEvent | None:
        """Take one whole line; return the event that it ends."""
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return self._end_event()
        self._check_size(len(line))
        if line.startswith(b"data: "):
            self._data.append(line[6:])
        elif line[:1] != b":":
            self._take_field(line)
        else:
            return None
        self._event_bytes += len(line)
        return None

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._event = value.decode(errors="replace")
        elif name == b"data":
            self._data.append(value)
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")

    def _end_event(self) -> SseEvent | None:
        """Return the event that the lines so far make; lines without data make none."""
        event, event_id, data = self._event, self._id, self._data
        self._event, self._id, self._event_bytes = "", None, 0
        if not data:
            return None
        self._data = []
        return SseEvent(event or "message", b"\n".join(data), event_id)

    def _check_size(self, more_bytes: int) -> None:
        if self._event_bytes + more_bytes > self._max_event_bytes:
            raise ProtocolError(
                f"an event is larger than {self._max_event_bytes} bytes", INTERNAL_ERROR
            )
