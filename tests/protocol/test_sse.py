from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpgw.errors import ProtocolError
from mcpgw.protocol.sse import KEEP_ALIVE, SseEvent, SseParser, encode

STREAM = (
    b"\xef\xbb\xbfevent: endpoint\ndata: /messages\n\n"
    b": a comment\r\n\r\n"
    b"id: 882\r\ndata: \r\nretry: 100\r\n\r\n"
    b"data:no space\rdata:  two spaces\r\rdata\n\n"
    b'event: message\r\nid: 883\r\ndata: {"a":\xc3\xa9}\r\n\r\n'
    b"id: a\x00b\nnonsense: 1\nevent: lost\n\n"
    b"data: \xef\xbb\xbfkept\n\ndata: never ended"
)
EVENTS = [
    SseEvent("endpoint", b"/messages", None),
    SseEvent("message", b"", "882"),
    SseEvent("message", b"no space\n two spaces", None),
    SseEvent("message", b"", None),
    SseEvent("message", b'{"a":\xc3\xa9}', "883"),
    SseEvent("message", b"\xef\xbb\xbfkept", None),
]


def parsed(stream: bytes, cuts: list[int], max_event_bytes: int = 1000) -> list[SseEvent]:
    """Feed the stream in pieces."""
    parser = SseParser(max_event_bytes)
    places = [0, *sorted(cuts), len(stream)]
    return [event for start, end in pairwise(places) for event in parser.feed(stream[start:end])]


def test_a_stream_in_one_piece() -> None:
    assert parsed(STREAM, []) == EVENTS


def test_a_stream_byte_by_byte() -> None:
    assert parsed(STREAM, list(range(len(STREAM)))) == EVENTS


@given(st.lists(st.integers(0, len(STREAM))))
def test_a_stream_cut_anywhere(cuts: list[int]) -> None:
    assert parsed(STREAM, cuts) == EVENTS


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize(
    ("stream", "last_id", "retry_ms"),
    [
        (b"data: x\n\n", None, None),
        (b"id: 882\ndata: \nretry: 100\n\n", "882", 100),
        (b"id: 5\n\n", "5", None),
        (b"id: 5\n\ndata: x\n\n", "5", None),
        (b"id: 5\ndata: x\n\nid: 6\ndata: never ended\n", "5", None),
        (b"id: 5\n\nid\n\n", "", None),
        (b"retry: 7\nretry: soon\nretry: -1\nretry:\nretry: 1234567890\n\n", None, 7),
    ],
)
def test_where_and_when_to_resume(
    stream: bytes, last_id: str | None, retry_ms: int | None, step: int
) -> None:
    parser = SseParser(1000)
    for start in range(0, len(stream), step):
        parser.feed(stream[start : start + step])
    assert (parser.last_id, parser.retry_ms) == (last_id, retry_ms)


soup = st.lists(
    st.sampled_from(
        [b"\n", b"\r", b"\r\n", b"data", b"data: ", b"event:", b"id:", b":", b" ", b"x", b"\xff"]
    )
).map(b"".join)


@given(soup, st.data())
def test_any_stream_means_the_same_however_it_is_cut(stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream))))
    assert parsed(stream, cuts) == parsed(stream, [])


@given(
    st.binary().filter(lambda data: b"\r" not in data),
    st.sampled_from(["message", "endpoint"]),
    st.none() | st.just("7"),
)
def test_what_is_encoded_is_parsed(data: bytes, event: str, event_id: str | None) -> None:
    assert parsed(encode(data, event, event_id), []) == [SseEvent(event, data, event_id)]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (encode(b"{}"), b"event: message\ndata: {}\n\n"),
        (encode(b"a", "endpoint", "5"), b"event: endpoint\nid: 5\ndata: a\n\n"),
        (encode(b"{\r\n1\r2\n}"), b"event: message\ndata: {\ndata: 1\ndata: 2\ndata: }\n\n"),
        (encode(b""), b"event: message\ndata: \n\n"),
    ],
)
def test_encode(frame: bytes, expected: bytes) -> None:
    assert frame == expected


def test_keep_alive_is_no_event() -> None:
    assert parsed(KEEP_ALIVE * 3, []) == []


@pytest.mark.parametrize(
    "stream",
    [
        b"data: " + b"x" * 95,
        b"data: " + b"x" * 95 + b"\n\n",
        b"data: " + b"x" * 50 + b"\ndata: " + b"x" * 50,
        b"data: xxx\n" * 20,
        b": " + b"x" * 100,
        b": " + b"x" * 100 + b"\n",
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_an_event_past_the_limit_is_refused(stream: bytes, step: int) -> None:
    with pytest.raises(ProtocolError):
        parsed(stream, list(range(0, len(stream), step)), max_event_bytes=100)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_many_events_and_comments_within_the_limit(step: int) -> None:
    stream = (b"data: " + b"x" * 94 + b"\n\n") * 3 + b": ping\n" * 100
    cuts = list(range(0, len(stream), step))
    assert len(parsed(stream, cuts, max_event_bytes=100)) == 3
