"""Insert into YAML, and cut out of it; every other byte stays.

What is inserted comes last among its neighbours: as lines in a block, with their indentation; as
JSON between braces and brackets. Where YAML leaves too many ways (aliases, keys over several lines)
it is refused.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from mcpgw.client_configs.layout import BOM, DEFAULT_UNIT, after_line, newline_of
from mcpgw.client_configs.path import Path, Step, nested, wrong_shape
from mcpgw.client_configs.splice import Splice, insertion
from mcpgw.client_configs.yaml_tree import WORDS, Member, Node, parse_yaml, value_of
from mcpgw.errors import InvalidInput

PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class YamlText:
    """YAML."""

    name = "YAML"

    def read(self, text: str) -> Any:
        """Return the document as Python values, None when it is empty. Raises InvalidInput."""
        return value_of(parse_yaml(text))

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
        """Return what takes out the member at `path`, which is there.

        Raises:
            InvalidInput: it cannot be told apart from its neighbours.
        """
        root = parse_yaml(text)
        assert root is not None  # noqa: S101  (something is at `path`)
        parent, node = None, root
        for step in path[:-1]:
            parent = _member(node, step)
            node = parent.node
        return _cut_member(text, node, _member(node, path[-1]), parent)


def _member(node: Node, step: Step) -> Member:
    if isinstance(step, int):
        return node.members[step]
    for member in node.members:
        if member.key == step:
            return member
    raise InvalidInput(f"{step} stands behind an alias", "take it out by hand")


def _insert(text: str, path: Sequence[str], value: Any, *, is_item: bool) -> list[Splice]:
    node = parse_yaml(text)
    rest = nested(path, [value] if is_item else value)
    if node is None:
        return [_lines(text, len(text), _block(rest, "", DEFAULT_UNIT))]
    unit = _unit_of(text, node)
    for depth, key in enumerate(path):
        if node.kind != "mapping":
            raise wrong_shape(path[:depth], "a table")
        rest = rest[key]
        member = node.find(key)
        if member is None:
            return _insert_member(text, node, {key: rest}, unit)
        if member.node.kind == "scalar" and member.node.start == member.node.end:
            indent = f"{_column(text, member.start)}{unit}"
            return [_lines(text, _behind(text, member.node), _block(rest, indent, unit))]
        node = member.node
    if node.kind != "sequence":
        raise wrong_shape(path, "a list")
    return _insert_member(text, node, [value], unit)


def _insert_member(text: str, node: Node, value: Any, unit: str) -> list[Splice]:
    """Return what adds the one member of `value` at the end of `node`."""
    if node.is_flow:
        shown = json.dumps(value, ensure_ascii=False)[1:-1]
        if not node.members:
            return [insertion(node.end - 1, shown)]
        return [insertion(node.members[-1].node.end, f", {shown}")]
    indent = _column(text, node.members[0].start)
    return [_lines(text, _behind(text, node), _block(value, indent, unit))]


def _lines(text: str, offset: int, lines: list[str]) -> Splice:
    """Return what adds lines at `offset`, where a line begins or the text ends."""
    newline = newline_of(text)
    if offset and text[offset - 1] not in ("\n", BOM):
        return insertion(offset, "".join(f"{newline}{line}" for line in lines))
    return insertion(offset, "".join(f"{line}{newline}" for line in lines))


def _block(value: Any, indent: str, unit: str) -> list[str]:
    """Return the lines of a table, or of a list of tables."""
    lines = []
    if isinstance(value, list):
        for item in value:
            first, *others = _block(item, f"{indent}  ", unit)
            lines += [f"{indent}- {first.lstrip()}", *others]
        return lines
    for name, each in value.items():
        key = name if PLAIN_KEY.fullmatch(name) and name not in WORDS else json.dumps(name)
        if (isinstance(each, dict) and each) or _is_of_tables(each):
            lines += [f"{indent}{key}:", *_block(each, indent + unit, unit)]
        else:
            lines.append(f"{indent}{key}: {json.dumps(each, ensure_ascii=False)}")
    return lines


def _is_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _behind(text: str, node: Node) -> int:
    """Return where the first line after a value begins."""
    if node.end and text[node.end - 1] == "\n":
        return node.end
    return after_line(text, node.end)


def _column(text: str, offset: int) -> str:
    """Return blanks up to the column of `offset`."""
    start = text.rfind("\n", 0, offset) + 1
    return " " * len(text[start:offset].removeprefix(BOM))


def _unit_of(text: str, root: Node) -> str:
    """Return by how much the document indents its first table in a table."""
    for member in root.members:
        if member.node.kind == "mapping" and not member.node.is_flow:
            inner = _column(text, member.node.members[0].start)
            return inner.removeprefix(_column(text, member.start))
    return DEFAULT_UNIT


def _cut_member(text: str, node: Node, member: Member, parent: Member | None) -> list[Splice]:
    if node.is_flow:
        return [_cut_flow(node, node.members.index(member))]
    start = text.rfind("\n", 0, member.start) + 1
    if text[start : member.start].removeprefix(BOM).strip():
        raise InvalidInput("it stands on one line with something else", "take it out by hand")
    lines = Splice(start, _behind(text, member.node), "")
    if len(node.members) > 1 or parent is None:
        return [lines]
    # A name without a value would be null, which clients refuse where they expect a table.
    colon = text.index(":", parent.colon) + 1
    return [insertion(colon, " {}" if node.kind == "mapping" else " []"), lines]


def _cut_flow(node: Node, index: int) -> Splice:
    member = node.members[index]
    if index + 1 < len(node.members):
        return Splice(member.start, node.members[index + 1].start, "")
    start = node.members[index - 1].node.end if index else member.start
    return Splice(start, member.node.end, "")
