"""Insert into JSON with comments, and cut out of it; every other byte stays.

What is inserted comes last, laid out as its neighbours are: on lines of its own, indented alike,
with a comma after it if they have one there; on one line where all is on one line.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from mcpgw.client_configs.jsonc_tree import TRIVIA, Member, Node, parse_jsonc, read_jsonc
from mcpgw.client_configs.layout import (
    DEFAULT_UNIT,
    indent_at,
    json_text,
    newline_of,
)
from mcpgw.client_configs.path import Path, Step, nested, wrong_shape
from mcpgw.client_configs.splice import Splice, insertion

LINE_COMMENT = re.compile(r"//[^\r\n]*\Z")
LINE_BREAK = re.compile(r"[ \t]*\r?\n")


class JsoncText:
    """JSON and JSON with comments."""

    name = "JSON"

    def read(self, text: str) -> Any:
        """Return the document as Python values, None when it is empty. Raises InvalidInput."""
        return read_jsonc(text)

    def put(self, text: str, path: Sequence[str], value: Any) -> list[Splice]:
        """Return what adds `value` under `path`, whose last name is not there yet.

        Raises:
            InvalidInput: the document is broken, or something else stands on the way.
        """
        return _insert(text, path, value, is_item=False)

    def append(self, text: str, path: Sequence[str], value: Any) -> list[Splice]:
        """Return what adds `value` at the end of the list at `path`. Raises as `put`."""
        return _insert(text, path, value, is_item=True)

    def cut(self, text: str, path: Path) -> list[Splice]:
        """Return what takes out the member at `path`, which is there. Raises InvalidInput."""
        node = parse_jsonc(text, path)
        assert node is not None  # noqa: S101  (its member is there)
        for step in path[:-1]:
            node = node.members[_index(node, step)].node
        return _cut_member(text, node, _index(node, path[-1]))


def _index(node: Node, step: Step) -> int:
    if isinstance(step, int):
        return step
    member = node.find(step)
    assert member is not None  # noqa: S101  (whoever cuts has seen it)
    return node.members.index(member)


def _insert(text: str, path: Sequence[str], value: Any, *, is_item: bool) -> list[Splice]:
    root = parse_jsonc(text, path)
    if root is None:
        break_before = "" if not text or text.endswith("\n") else newline_of(text)
        whole = nested(path, [value] if is_item else value)
        lines = json_text(whole, DEFAULT_UNIT, "", newline_of(text))
        return [insertion(len(text), f"{break_before}{lines}{newline_of(text)}")]
    node = root
    for depth, key in enumerate(path):
        if node.opening != "{":
            raise wrong_shape(path[:depth], "a table")
        member = node.find(key)
        if member is None:
            rest = nested(path[depth + 1 :], [value] if is_item else value)
            return _insert_member(text, root, node, key, rest)
        node = member.node
    if node.opening != "[":
        raise wrong_shape(path, "a list")
    return _insert_member(text, root, node, None, value)


def _insert_member(text: str, root: Node, node: Node, key: str | None, value: Any) -> list[Splice]:
    name = "" if key is None else f"{json.dumps(key, ensure_ascii=False)}: "
    newline = newline_of(text)
    base = indent_at(text, node.start)
    if not node.members:
        return _fill_empty(text, root, node, name, value)
    first, last = node.members[0], node.members[-1]
    if "\n" not in text[node.start : first.start]:
        shown = name + json.dumps(value, ensure_ascii=False)
        if last.comma is None:
            return [insertion(last.node.end, f", {shown}")]
        return [insertion(last.comma + 1, f" {shown},")]
    indent = indent_at(text, first.start)
    unit = indent.removeprefix(base) if indent.startswith(base) else ""
    shown = name + json_text(value, unit or DEFAULT_UNIT, indent, newline)
    behind = last.node.end if last.comma is None else last.comma + 1
    at = _past_line(text, behind)
    if last.comma is not None:
        return [insertion(at, f"{newline}{indent}{shown},")]
    if at == behind:
        return [insertion(at, f",{newline}{indent}{shown}")]
    return [insertion(behind, ","), insertion(at, f"{newline}{indent}{shown}")]


def _fill_empty(text: str, root: Node, node: Node, name: str, value: Any) -> list[Splice]:
    inner = text[node.start + 1 : node.end - 1]
    is_compact = node is not root and "\n" not in text[root.start : root.end]
    if is_compact and not inner.strip():
        return [insertion(node.start + 1, name + json.dumps(value, ensure_ascii=False))]
    newline, base = newline_of(text), indent_at(text, node.start)
    indent = base + _unit_of(text, root)
    kept = len(inner.rstrip(" \t\r\n"))
    closing = "" if "\n" in inner[kept:] else f"{newline}{base}"
    shown = name + json_text(value, indent.removeprefix(base), indent, newline)
    return [insertion(node.start + 1 + kept, f"{newline}{indent}{shown}{closing}")]


def _unit_of(text: str, root: Node) -> str:
    """Return by how much the document indents."""
    if not root.members:
        return DEFAULT_UNIT
    return indent_at(text, root.members[0].start) or DEFAULT_UNIT


def _past_line(text: str, offset: int) -> int:
    """Return where the comments that follow on the same line end; `offset` if a token follows."""
    at = offset
    while found := TRIVIA.match(text, at):
        if "\n" in found.group():
            return at
        at = found.end()
    return offset


def _cut_member(text: str, node: Node, index: int) -> list[Splice]:
    member = node.members[index]
    # Whatever stands before a member ends with a comma.
    comma = node.members[index - 1].comma if index else None
    behind = node.start + 1 if comma is None else comma + 1
    if member.comma is not None:
        end = member.comma + 1
        return [Splice(_line_start(text, behind, member.start, end), end, "")]
    if comma is None:
        return _empty(text, node, member)
    end = member.node.end
    start = _line_start(text, behind, member.start, end)
    return [Splice(comma, comma + 1, ""), Splice(start, end, "")]


def _empty(text: str, node: Node, member: Member) -> list[Splice]:
    """Return what takes out the only member, and the blanks around it if nothing else is there."""
    first, end = node.start + 1, member.node.end
    if not text[first : member.start].strip() and not text[end : node.end - 1].strip():
        return [Splice(first, node.end - 1, "")]
    return [Splice(_line_start(text, first, member.start, end), end, "")]


def _line_start(text: str, behind: int, offset: int, end: int) -> int:
    """Return where the blanks before `offset` begin, with the line break before them.

    A line break that ends a comment stays, unless another follows what is taken out (at `end`):
    the comment would go on. `behind` is where the blanks and comments before `offset` begin.
    """
    start = offset
    while start > behind and text[start - 1] in " \t":
        start -= 1
    line = start
    if start > behind and text[start - 1] == "\n":
        start -= 1
        if start > behind and text[start - 1] == "\r":
            start -= 1
    is_comment = LINE_COMMENT.search(text, behind, start) is not None
    return line if is_comment and not LINE_BREAK.match(text, end) else start
