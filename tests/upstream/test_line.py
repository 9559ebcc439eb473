"""The call that a line answers is recognised even when the line is too long to keep."""

import json

import pytest

from mcpgw.protocol.line import TooLong
from mcpgw.upstream.line import answer_lines

FILLER = "x" * 1000


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ('{"jsonrpc":"2.0","id":7,"result":"%s"}', b"7"),
        ('{"result":{"text":"%s"},"jsonrpc":"2.0","id":8}', b"8"),
        ('{"result":{"text":"%s"},"jsonrpc":"2.0","id":8}\r', b"8"),
        ('data: {"jsonrpc":"2.0","id":7,"result":"%s"}', b"7"),
        ('event: {"jsonrpc":"2.0","id":7,"result":"%s"}', None),
        ('{"jsonrpc":"2.0","result":{"text":"%s","id":9}}', None),
        ('{"jsonrpc":"2.0","method":"m","params":"%s"}', None),
        ('{"jsonrpc":"2.0","id":"text","result":"%s"}', None),
        (json.dumps({"result": FILLER + '"id":5}'}), None),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_the_call_that_a_long_line_answers_is_recognised(
    line: str, answers: bytes | None, step: int
) -> None:
    data = line.replace("%s", FILLER).encode() + b"\nshort\n"
    splitter = answer_lines(500)
    found = []
    for start in range(0, len(data), step):
        found += splitter.feed(data[start : start + step])
    assert found == [TooLong(answers), b"short"]
