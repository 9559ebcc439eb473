import pytest

from mcpgw.client_configs.jsonc_tree import MAX_DEPTH, parse_jsonc
from mcpgw.errors import InvalidInput


def test_where_everything_stands() -> None:
    text = '\ufeff// head\n{ "a": [1, /* c */ 2,], "a": "x" }\n'
    root = parse_jsonc(text)
    assert root is not None
    assert root.value() == {"a": "x"}
    first, last = root.members
    assert text[first.node.start : first.node.end] == "[1, /* c */ 2,]"
    assert text[first.comma or 0] == ","
    assert root.find("a") is last
    assert root.find("b") is None
    assert last.comma is None
    assert text[last.start : last.node.end] == '"a": "x"'


@pytest.mark.parametrize("text", ["", " \n", "// only\n", "/* only */", "\ufeff"])
def test_nothing_in_it(text: str) -> None:
    assert parse_jsonc(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12345678901234567890", 12345678901234567890),
        ("-1.5e3", -1500.0),
        ("true", True),
        ("null", None),
        ('"\\u00e9\\ud83d\\ude00 // no comment"', "é😀 // no comment"),
        ("[]", []),
        ("{ }", {}),
    ],
)
def test_values(text: str, value: object) -> None:
    root = parse_jsonc(text)
    assert root is not None
    assert root.value() == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1\n"b": secret}', r"a comma or '}' is missing \(line 2\)"),
        ("[1 2]", "a comma or ']' is missing"),
        ('{"a" 1}', "a colon is missing"),
        ('{"a": }', "a value is missing"),
        ("{a: 1}", "double quotes"),
        ("{'a': 1}", "double quotes"),
        ('{"a', "double quotes"),
        ('{"a": "x\n"}', "double quotes"),
        ('{"a": "\\x"}', "an escape that JSON does not have"),
        ('{"a": secret}', "a value that JSON does not have"),
        ('{"a": NaN}', "a value that JSON does not have"),
        ('{"a": 01}', "a value that JSON does not have"),
        ("{,}", "double quotes"),
        ("[1,,2]", "a value is missing"),
        ("{} {}", "something follows the document"),
        ("{", "double quotes"),
        ("[" * (MAX_DEPTH + 2), "nested deeper"),
        ("/* open", "a value is missing"),
    ],
)
def test_broken(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as raised:
        parse_jsonc(text)
    assert "secret" not in raised.value.message
