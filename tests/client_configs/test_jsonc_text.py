"""How what is added to JSON is laid out. That it can be undone is in test_edit.py."""

from typing import Any

import pytest

from mcpgw.client_configs.edit import JSON, take_out
from mcpgw.client_configs.splice import splice


def put(text: str, value: Any, *path: str) -> str:
    return splice(text, JSON.put(text, path, value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '{\n  "s": {\n    "x": 1\n  }\n}\n'),
        ("// c", '// c\n{\n  "s": {\n    "x": 1\n  }\n}\n'),
        ("{}", '{\n  "s": {\n    "x": 1\n  }\n}'),
        ('{"a":1}', '{"a":1, "s": {"x": 1}}'),
        ('{"a":1,}', '{"a":1, "s": {"x": 1},}'),
        ('{"s":{}}', '{"s":{"x": 1}}'),
        ('{\n "s": {}\n}', '{\n "s": {\n  "x": 1\n }\n}'),
        ('{\n\t"s": {\n\t}\n}', '{\n\t"s": {\n\t\t"x": 1\n\t}\n}'),
        ('{\n "s": { // none\n }\n}', '{\n "s": { // none\n  "x": 1\n }\n}'),
        ('{\n "s": { /* none */ }\n}', '{\n "s": { /* none */\n  "x": 1\n  }\n}'),
        ('{"s": { /* none */ }}', '{"s": { /* none */\n  "x": 1\n }}'),
        ('{\r\n "s": {\r\n  "a": 0\r\n }\r\n}', '{\r\n "s": {\r\n  "a": 0,\r\n  "x": 1\r\n }\r\n}'),
        ('{\n "s": {\n  "a": 0 // c\n }}', '{\n "s": {\n  "a": 0, // c\n  "x": 1\n }}'),
        ('{\n "s": {\n  "a": 0, // c\n }}', '{\n "s": {\n  "a": 0, // c\n  "x": 1,\n }}'),
        ('{\n "s": {\n  "a": 0 }}', '{\n "s": {\n  "a": 0,\n  "x": 1 }}'),
        ('{\n "s": {\n  "a": 0 /* c\n */ }}', '{\n "s": {\n  "a": 0, \n  "x": 1/* c\n */ }}'),
        ('{ "s":\n{ "a": 0 } }', '{ "s":\n{ "a": 0, "x": 1 } }'),
        ('{\n"s": {\n"a": 0\n}\n}', '{\n"s": {\n"a": 0,\n"x": 1\n}\n}'),
    ],
)
def test_put(text: str, expected: str) -> None:
    assert put(text, 1, "s", "x") == expected


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ('{"a": 1}', ("a",), "{}"),
        ('{ "a": 1 }', ("a",), "{}"),
        ('{"a": 1,}', ("a",), "{}"),
        ('{"a": 1, "b": 2, "c": 3}', ("a",), '{ "b": 2, "c": 3}'),
        ('{"a": 1, "b": 2, "c": 3}', ("b",), '{"a": 1, "c": 3}'),
        ('{"a": 1, "b": 2, "c": 3}', ("c",), '{"a": 1, "b": 2}'),
        ('{\n "a": 1,\n "b": 2\n}', ("b",), '{\n "a": 1\n}'),
        ('{\n "a": 1,\n "b": 2,\n}', ("b",), '{\n "a": 1,\n}'),
        ('{\r\n "a": 1,\r\n "b": 2\r\n}', ("b",), '{\r\n "a": 1\r\n}'),
        ('{\n "a": 1, // of a\n "b": 2 // of b\n}', ("b",), '{\n "a": 1 // of a\n // of b\n}'),
        ('{ // c\n "a": 1}', ("a",), "{ // c\n}"),
        ('{ // c\n "a": 1\n}', ("a",), "{ // c\n}"),
        ('{"l": [1, {"n": "x"}, 3]}', ("l", 1), '{"l": [1, 3]}'),
        ('{"a": 1, "a": 2}', ("a",), '{"a": 1}'),
    ],
)
def test_cut(text: str, path: tuple[str | int, ...], expected: str) -> None:
    assert splice(text, JSON.cut(text, path)) == expected


def test_a_name_that_stands_twice_is_not_taken_out() -> None:
    with pytest.raises(Exception, match="cannot be changed safely"):
        take_out(JSON, '{"a": 1, "a": 2}', ("a",))
