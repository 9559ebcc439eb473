"""Lines come out whole however they were cut, and a flood keeps nothing."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpgw.upstream.line import KEPT_BYTES, LineSplitter, TooLong

pieces = st.lists(st.binary(max_size=12).map(lambda data: data.replace(b"\n", b".")), max_size=8)


@given(pieces, st.lists(st.integers(0, 60), max_size=12))
def test_lines_survive_any_cut(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines) + b"rest"
    splitter = LineSplitter(100)
    edges = sorted({0, *[min(cut, len(data)) for cut in cuts], len(data)})
    found = []
    for start, end in pairwise(edges):
        found += splitter.feed(data[start:end])
    assert found == lines
    assert splitter.feed(b"\n") == [b"rest"]


@given(pieces, st.lists(st.integers(0, 60), max_size=12))
def test_what_is_too_long_is_marked_whatever_the_cut(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    splitter = LineSplitter(5)
    edges = sorted({0, *[min(cut, len(data)) for cut in cuts], len(data)})
    found = []
    for start, end in pairwise(edges):
        found += splitter.feed(data[start:end])
    assert found == [line if len(line) <= 5 else TooLong(None) for line in lines]


FILLER = "x" * 1000


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ('{"jsonrpc":"2.0","id":7,"result":"%s"}', 7),
        ('{"result":{"text":"%s"},"jsonrpc":"2.0","id":8}', 8),
        ('{"result":{"text":"%s"},"jsonrpc":"2.0","id":8}\r', 8),
        ('{"jsonrpc":"2.0","result":{"text":"%s","id":9}}', None),
        ('{"jsonrpc":"2.0","method":"m","params":"%s"}', None),
        ('{"jsonrpc":"2.0","id":"text","result":"%s"}', None),
        (json.dumps({"result": FILLER + '"id":5}'}), None),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_the_call_that_a_long_line_answers_is_recognised(
    line: str, answers: int | None, step: int
) -> None:
    data = line.replace("%s", FILLER).encode() + b"\nshort\n"
    splitter = LineSplitter(500)
    found = []
    for start in range(0, len(data), step):
        found += splitter.feed(data[start : start + step])
    assert found == [TooLong(answers), b"short"]


def test_a_flood_without_an_end_is_not_kept() -> None:
    splitter = LineSplitter(1000)
    for _ in range(1000):
        assert splitter.feed(b"x" * 1000) == []
    kept = sum(len(value) for value in vars(splitter).values() if isinstance(value, bytes))
    assert kept <= 2 * KEPT_BYTES
    assert splitter.feed(b"\nok\n") == [TooLong(None), b"ok"]
