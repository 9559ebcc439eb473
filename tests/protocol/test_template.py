import pytest

from mcpgw.protocol.template import literal_length


@pytest.mark.parametrize(
    ("template", "uri", "expected"),
    [
        ("file:///a", "file:///a", 9),
        ("file:///a", "file:///ab", -1),
        ("file:///{path}", "file:///a/b", 8),
        ("file:///{path}", "http://x", -1),
        ("{+uri}", "anything", 0),
        ("demo://{a}/x/{b}", "demo://1/x/2", 10),
        ("demo://{a}/x/{b}", "demo://1/y/2", -1),
        ("demo://{a}.txt", "demo://1.txt", 11),
        ("demo://{a}.txt", "demo://1.md", -1),
        ("ab{x}ba", "aba", -1),
        ("a{x", "a{x", -1),
    ],
)
def test_literal_length(template: str, uri: str, expected: int) -> None:
    assert literal_length(template, uri) == expected
