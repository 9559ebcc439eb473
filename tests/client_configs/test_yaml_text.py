"""How what is added to YAML is laid out, and what is cut. The rest is in test_edit.py."""

from typing import Any

import pytest

from mcpgw.client_configs.edit import YAML, take_out
from mcpgw.client_configs.splice import splice
from mcpgw.errors import InvalidInput

ITEM = {"name": "n", "args": ["a"], "env": {}, "on": {"x y": True}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "s:\n  x:\n    v: 1\n"),
        ("# c", "# c\ns:\n  x:\n    v: 1"),
        ("---\n", "---\ns:\n  x:\n    v: 1\n"),
        ("a: 1\n", "a: 1\ns:\n  x:\n    v: 1\n"),
        ("a: 1\r\n", "a: 1\r\ns:\r\n  x:\r\n    v: 1\r\n"),
        ("a:\n    b: 1\nc: 2\n", "a:\n    b: 1\nc: 2\ns:\n    x:\n        v: 1\n"),
        ("s:\n", "s:\n  x:\n    v: 1\n"),
        ("s: # none\na: 1\n", "s: # none\n  x:\n    v: 1\na: 1\n"),
        ("s: {}\n", 's: {"x": {"v": 1}}\n'),
        ("s: {a: 1}\n", 's: {a: 1, "x": {"v": 1}}\n'),
        ("s: {a: 1,}\n", 's: {a: 1, "x": {"v": 1},}\n'),
        ("s:\n   a: 1 # c\n\n# d\nb: 2\n", "s:\n   a: 1 # c\n   x:\n      v: 1\n\n# d\nb: 2\n"),
        ("s:\n  a: |\n    t\n\nb: 2\n", "s:\n  a: |\n    t\n\n  x:\n    v: 1\nb: 2\n"),
        ("\ufeffs:\n  a: 1\n", "\ufeffs:\n  a: 1\n  x:\n    v: 1\n"),
        ("\ufeff", "\ufeffs:\n  x:\n    v: 1\n"),
        ("a: 1\n...\n", "a: 1\ns:\n  x:\n    v: 1\n...\n"),
    ],
)
def test_put(text: str, expected: str) -> None:
    assert splice(text, YAML.put(text, ("s", "x"), {"v": 1})) == expected


def appended(text: str, value: Any) -> str:
    return splice(text, YAML.append(text, ("l",), value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 'l:\n  - name: "n"\n    args: ["a"]\n    env: {}\n    "on":\n      "x y": true\n'),
        ("l:\n", 'l:\n  - name: "n"\n    args: ["a"]\n    env: {}\n    "on":\n      "x y": true\n'),
        ("l: [x]", 'l: [x, {"name": "n", "args": ["a"], "env": {}, "on": {"x y": true}}]'),
        ("l: []", 'l: [{"name": "n", "args": ["a"], "env": {}, "on": {"x y": true}}]'),
    ],
)
def test_append(text: str, expected: str) -> None:
    assert appended(text, ITEM).replace("on:", '"on":').replace('""on""', '"on"') == expected


def test_append_to_a_block() -> None:
    assert appended("l:\n- a: 1\n  b: 2\n# c\n", {"a": "x", "l": [{"z": 1}]}) == (
        'l:\n- a: 1\n  b: 2\n- a: "x"\n  l:\n    - z: 1\n# c\n'
    )


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("s:\n  x:\n    v: 1\n  y: 2\n", ("s", "x"), "s:\n  y: 2\n"),
        ("s:\n  y: 2\n  x:\n    v: 1 # c\n\n# d\n", ("s", "x"), "s:\n  y: 2\n\n# d\n"),
        ("s:\n  x: 1\n# d\n", ("s", "x"), "s: {}\n# d\n"),
        ("s: # a:b\n  x: 1\n", ("s", "x"), "s: {} # a:b\n"),
        ("l:\n- x\n", ("l", 0), "l: []\n"),
        ("l:\n- - x\n  - y\n- z\n", ("l", 0), "l:\n- z\n"),
        ("x: 1\n", ("x",), ""),
        ("\ufeffx: 1\ny: 2\n", ("x",), "y: 2\n"),
        ("s: {x: 1, y: 2}", ("s", "x"), "s: {y: 2}"),
        ("s: {y: 2, x: 1}", ("s", "x"), "s: {y: 2}"),
        ("s: {x: 1}", ("s", "x"), "s: {}"),
        ("l: [a, b, c]", ("l", 1), "l: [a, c]"),
    ],
)
def test_cut(text: str, path: tuple[str | int, ...], expected: str) -> None:
    assert take_out(YAML, text, path) == expected


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("l:\n- x: 1\n  y: 2\n", ("l", 0, "x"), "on one line with something else"),
        ("a: &a {x: 1}\ns: *a\n", ("s", "x"), "behind an alias"),
        ("l:\n- - x\n", ("l", 0, 0), "cannot be changed safely"),
        ("? s\n: x: 1\n", ("s", "x"), "on one line with something else"),
    ],
)
def test_what_cannot_be_told_apart(text: str, path: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        take_out(YAML, text, path)
