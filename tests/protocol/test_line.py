"""Lines come out whole however they were cut, and a flood keeps nothing."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mcpgw.protocol.line import KEPT_BYTES, LineSplitter, TooLong

NUMBER = re.compile(rb"(\d+):")


def splitter_of(limit: int) -> LineSplitter:
    return LineSplitter(limit, NUMBER, NUMBER)


pieces = st.lists(st.binary(max_size=12).map(lambda data: data.replace(b"\n", b".")), max_size=8)


@given(pieces, st.lists(st.integers(0, 60), max_size=12))
def test_lines_survive_any_cut(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines) + b"rest"
    splitter = splitter_of(100)
    edges = sorted({0, *[min(cut, len(data)) for cut in cuts], len(data)})
    found = []
    for start, end in pairwise(edges):
        found += splitter.feed(data[start:end])
    assert found == lines
    assert splitter.feed(b"\n") == [b"rest"]


@given(pieces, st.lists(st.integers(0, 60), max_size=12))
def test_what_is_too_long_is_marked_whatever_the_cut(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    splitter = splitter_of(5)
    edges = sorted({0, *[min(cut, len(data)) for cut in cuts], len(data)})
    found = []
    for start, end in pairwise(edges):
        found += splitter.feed(data[start:end])
    # What happens to look like an id in a line is one.
    found = [TooLong(None) if isinstance(one, TooLong) else one for one in found]
    assert found == [line if len(line) <= 5 else TooLong(None) for line in lines]


def test_a_flood_without_an_end_is_not_kept() -> None:
    splitter = splitter_of(1000)
    for _ in range(1000):
        assert splitter.feed(b"x" * 1000) == []
    kept = sum(len(value) for value in vars(splitter).values() if isinstance(value, bytes))
    assert kept <= 2 * KEPT_BYTES
    assert splitter.feed(b"\nok\n") == [TooLong(None), b"ok"]


def test_the_id_is_found_at_either_end() -> None:
    splitter = splitter_of(10)
    filler = b"." * 1000
    found = splitter.feed(b"7:" + filler + b"\n" + filler + b"8:\n" + filler + b"\nrest")
    assert found == [TooLong(b"7"), TooLong(b"8"), TooLong(None)]
    assert splitter.finish() == b"rest"
    assert splitter.finish() == b""
