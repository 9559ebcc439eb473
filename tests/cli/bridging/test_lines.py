"""Lines of a pipe, however they are cut, and lines into a pipe that nobody reads."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcpgw.cli.bridging import lines
from mcpgw.cli.bridging.lines import LineInput, LineOutput
from mcpgw.protocol.line import TooLong
from tests.process import until

LIMIT = 1000
LONG = b"x" * LIMIT


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: where to read and where to write."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


async def read_all(descriptor: int) -> list[bytes | TooLong]:
    return [line async for line in LineInput(descriptor, LIMIT).lines()]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", [b""]),
        (b"a\nb\n", [b"a", b"b", b""]),
        (b"a\r\n\nlast", [b"a\r", b"", b"last"]),
        (b"\xff\0\n", [b"\xff\0", b""]),
        (LONG + b"\nb\n", [LONG, b"b", b""]),
        (LONG + b"x\nb\n", [TooLong(None), b"b", b""]),
        (LONG * 300 + b"\nb", [TooLong(None), b"b"]),
        (LONG + b"x", [TooLong(None)]),
    ],
)
async def test_lines_of_a_file(tmp_path: Path, content: bytes, expected: list[bytes]) -> None:
    path = tmp_path / "input"
    path.write_bytes(content)
    with path.open("rb") as file:
        assert await read_all(file.fileno()) == expected


@pytest.mark.parametrize(
    ("before", "after", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"', b'"}', b"7"),
        (b'{"jsonrpc": "2.0", "id": "seven", "method": "', b'"}', b'"seven"'),
        (b' { "id":-7,"jsonrpc":"2.0","method":"', b'"}', b"-7"),
        (b'{"method":"x","params":{"id":1,"a":"', b'"},"jsonrpc":"2.0","id":7}', b"7"),
        (b'{"method":"x","params":{"id":1,"a":"', b'"},"jsonrpc":"2.0","id":"a b" } ', b'"a b"'),
        (b'{"method":"x","params":{"a":"', b'","id":7}}', None),
        (b'{"jsonrpc":"2.0","id":7.5,"method":"', b'"}', None),
    ],
)
async def test_the_id_of_a_line_that_is_too_long(
    tmp_path: Path, before: bytes, after: bytes, request_id: bytes | None
) -> None:
    path = tmp_path / "input"
    path.write_bytes(before + LONG * 200 + after + b"\n")
    with path.open("rb") as file:
        assert await read_all(file.fileno()) == [TooLong(request_id), b""]


async def test_a_line_comes_when_it_is_whole() -> None:
    source, writing = os.pipe()
    found = LineInput(source, LIMIT).lines()
    os.write(writing, b"one\ntw")
    assert await anext(found) == b"one"
    waiting = asyncio.ensure_future(anext(found))
    os.write(writing, b"o\n")
    assert await waiting == b"two"
    os.close(writing)
    assert [line async for line in found] == [b""]
    os.close(source)


async def test_reading_waits_for_who_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PIECES_AHEAD", 2)
    monkeypatch.setattr(lines, "PIECE_BYTES", 2)
    source, writing = os.pipe()
    os.write(writing, b"1\n2\n3\n4\n5\n")
    os.close(writing)
    assert await read_all(source) == [b"1", b"2", b"3", b"4", b"5", b""]
    os.close(source)


async def test_an_input_that_cannot_be_read_has_ended() -> None:
    ends = os.pipe()
    os.close(ends[0])
    try:
        # The end for writing: reading it fails.
        assert await read_all(ends[1]) == [b""]
    finally:
        os.close(ends[1])


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (b'{"a":1}', b'{"a":1}\n'),
        (b'{\n  "a": "b\\n",\r\n  "c":\r1\n}', b'{   "a": "b\\n",    "c": 1 }\n'),
        ('{"a":"\u2028\u00e9"}'.encode(), '{"a":"\u2028\u00e9"}\n'.encode()),
    ],
)
async def test_a_message_leaves_as_one_line(
    pipe: tuple[int, int], message: bytes, line: bytes
) -> None:
    reading, sink = pipe
    output = LineOutput(sink, lambda: None)
    await output.write(message)
    output.close(10)
    assert os.read(reading, 1000) == line


async def test_whoever_writes_waits_for_a_reader_that_is_far_behind(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_AHEAD_BYTES", 1 << 20)
    reading, sink = pipe
    output = LineOutput(sink, lambda: None)
    message = b"x" * (1 << 21)
    writing = asyncio.ensure_future(output.write(message))
    await asyncio.sleep(0.02)
    assert not writing.done()
    left = len(message) + 1
    while left:
        left -= len(os.read(reading, 1 << 16))
    await writing
    await output.write(b"more")
    output.close(10)
    assert os.read(reading, 100) == b"more\n"


async def test_a_reader_that_is_gone_is_noticed() -> None:
    reading, sink = os.pipe()
    os.close(reading)
    closed: list[bool] = []
    output = LineOutput(sink, lambda: closed.append(True))
    try:
        await output.write(b"{}")
        await until(lambda: closed == [True])
        output.close(10)
    finally:
        os.close(sink)


async def test_the_end_waits_for_nobody(pipe: tuple[int, int]) -> None:
    reading, sink = pipe
    output = LineOutput(sink, lambda: None)
    await output.write(b"x" * (1 << 20))
    output.close(0.01)
    left = (1 << 20) + 1
    while left:
        left -= len(os.read(reading, 1 << 16))
