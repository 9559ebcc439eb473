"""Events of a stream that many share: in order, however cut, and the large ones are skipped."""

from collections import deque

import pytest

from mcpgw.errors import UpstreamError
from mcpgw.protocol.line import TooLong
from mcpgw.protocol.sse import SseEvent
from mcpgw.upstream.event_reader import EventReader
from mcpgw.upstream.http_response import Response

LIMIT = 400


class Pieces(Response):
    """A stream of prepared pieces."""

    def __init__(self, *pieces: bytes, breaks: bool = False) -> None:
        self.pieces = deque(pieces)
        self.breaks = breaks
        self.is_aborted = False

    async def read(self) -> bytes:
        if not self.pieces and self.breaks:
            raise UpstreamError("it broke")
        return self.pieces.popleft() if self.pieces else b""

    def abort(self) -> None:
        self.is_aborted = True


async def all_of(reader: EventReader) -> list[SseEvent | TooLong]:
    events = []
    while (event := await reader.next()) is not None:
        events.append(event)
    return events


STREAM = (
    b"event: endpoint\r\ndata: /here\r\n\r\n: hello\n\nid: 7\nretry: 250\ndata: {}\n\ndata: cut"
)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_events_come_in_order_however_the_stream_is_cut(size: int) -> None:
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    reader = EventReader(Pieces(*pieces), LIMIT)
    assert await all_of(reader) == [
        SseEvent("endpoint", b"/here", None),
        SseEvent("message", b"{}", "7"),
    ]
    assert (reader.last_id, reader.retry_ms) == ("7", 250)


LONG = b"x" * LIMIT
NEXT = b"data: next\n\n"
TOO_LONG = [
    (b'data: {"jsonrpc":"2.0","id":5,"result":"' + LONG + b'"}\n\n', b"5"),
    (b'data:{"jsonrpc":"2.0","id":5,"result":"' + LONG + b'"}\n\n', b"5"),
    (b'data: {"result":"' + LONG + b'","jsonrpc":"2.0","id":6}\r\n\r\n', b"6"),
    (b'data: {"method":"' + LONG + b'"}\n\n', None),
    (b"data: " + LONG[10:] + b"\ndata: " + LONG[10:] + b"\ndata: {}\n\n", None),
    (b"data: " + LONG[10:] + b"\r\ndata: " + LONG[10:] + b"\r\n\r\n", None),
]


@pytest.mark.parametrize(("event", "answers"), TOO_LONG)
async def test_a_large_event_is_skipped_and_says_what_it_answered(
    event: bytes, answers: bytes | None
) -> None:
    reader = EventReader(Pieces(b"id: 1\nretry: 5\n" + NEXT, b"id: 2\n" + event, NEXT), LIMIT)
    events = await all_of(reader)
    assert [one.data for one in events if isinstance(one, SseEvent) and one.data] == [
        b"next",
        b"next",
    ]
    assert [one for one in events if isinstance(one, TooLong)] == [TooLong(answers)]
    assert reader.last_id in ("1", "2")
    assert reader.retry_ms == 5


async def test_the_id_of_a_large_event_counts() -> None:
    reader = EventReader(Pieces(b"id: 9\n" + TOO_LONG[0][0]), LIMIT)
    await all_of(reader)
    assert reader.last_id == "9"


async def test_a_stream_that_breaks_off_and_one_that_is_closed() -> None:
    pieces = Pieces(NEXT, breaks=True)
    reader = EventReader(pieces, LIMIT)
    assert await reader.next() == SseEvent("message", b"next", None)
    with pytest.raises(UpstreamError, match="it broke"):
        await reader.next()
    reader.close()
    assert pieces.is_aborted
