"""YAML as a tree that knows where each part stands in the text, made from PyYAML's events.

PyYAML reads and says where; it never writes here, for it would lay the file out anew. Values are
those of YAML 1.2: `yes` is a word.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from mcpgw.errors import InvalidInput

WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
DASH = re.compile(r"^[ ]*(-)(?=[ \t\r\n]|\Z)", re.MULTILINE)

MAX_DEPTH = 100
"""Nobody nests settings deeper; it keeps the reader from Python's own limit."""

MAX_NODES = 200_000
"""How many nodes aliases may unfold to: a small file could stand for billions."""


@dataclass(slots=True)
class Node:
    """A value from `start` to `end`.

    `kind` is `mapping`, `sequence`, `scalar` or `alias`; `is_flow` means braces or brackets. `end`
    is behind the value's last character, without what follows on its line; a block scalar ends at
    the beginning of a line. An alias has what it stands for in `target`.
    """

    kind: str
    start: int
    end: int
    is_flow: bool = False
    members: list["Member"] = field(default_factory=list)
    scalar: Any = None
    target: "Node | None" = None

    def find(self, key: str) -> "Member | None":
        """Return the member of a mapping with that key."""
        return next((one for one in self.members if one.key == key), None)


@dataclass(slots=True)
class Member:
    """A member of a mapping (`key`) or of a sequence (None).

    `start` is where the key begins, or the dash, or in brackets the value; `colon` is where the
    colon behind a key may be found: at it or after it.
    """

    key: Any
    start: int
    node: Node
    colon: int = 0


def parse_yaml(text: str) -> Node | None:
    """Return the tree of a file with one document, None when there is nothing in it.

    Raises:
        InvalidInput: it is no YAML, or holds several documents.
    """
    try:
        return _Reader(text).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise InvalidInput(f"it is no valid YAML{where}", "correct the file first") from None


def value_of(root: Node | None) -> Any:
    """Return the document as Python values.

    Raises:
        InvalidInput: its aliases unfold to more than anybody writes.
    """
    return None if root is None else _Unfolding().value(root)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node | None:
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise InvalidInput("it holds several YAML documents", "split the file first")
                root = self._node(next(self._events), 0)
        is_empty = root is None or (root.kind == "scalar" and root.start == root.end)
        return None if is_empty else root

    def _node(self, event: Any, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise InvalidInput(f"it is nested deeper than {MAX_DEPTH} levels", "correct it first")
        node = Node("scalar", event.start_mark.index, event.end_mark.index)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(node, event)
        if isinstance(event, yaml.ScalarEvent):
            node.scalar = _scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._mapping(node, event, depth)
        else:
            self._sequence(node, event, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, node: Node, event: Any) -> Node:
        node.kind, node.target = "alias", self._anchors.get(event.anchor)
        if node.target is None:
            raise InvalidInput(
                "it has an alias for something that is not there", "correct it first"
            )
        return node

    def _mapping(self, node: Node, event: Any, depth: int) -> None:
        node.kind, node.is_flow = "mapping", bool(event.flow_style)
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            name = key.scalar if key.kind == "scalar" else None
            node.members.append(Member(name, key.start, value, key.end))
        _close(node, event)

    def _sequence(self, node: Node, event: Any, depth: int) -> None:
        node.kind, node.is_flow = "sequence", bool(event.flow_style)
        behind = self._text.rfind("\n", 0, node.start) + 1
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            value = self._node(event, depth + 1)
            dash = None if node.is_flow else DASH.search(self._text, behind, value.start)
            start = dash.start(1) if dash else value.start
            node.members.append(Member(None, start, value))
            behind = value.end
        _close(node, event)


def _close(node: Node, event: Any) -> None:
    if node.is_flow:
        node.end = event.end_mark.index
    else:
        # A block has a member, and ends with its last; the event's mark is at the next token.
        node.end = node.members[-1].node.end


class _Unfolding:
    def __init__(self) -> None:
        self._left = MAX_NODES

    def value(self, node: Node) -> Any:
        self._left -= 1
        if self._left < 0:
            raise InvalidInput("its aliases unfold without end", "write it without aliases")
        if node.target is not None:
            return self.value(node.target)
        if node.kind == "mapping":
            return {one.key: self.value(one.node) for one in node.members}
        if node.kind == "sequence":
            return [self.value(one.node) for one in node.members]
        return node.scalar


def _scalar(event: Any) -> Any:
    text: str = event.value
    if event.style or event.tag:
        return text
    if text in WORDS:
        return WORDS[text]
    return int(text) if WHOLE.fullmatch(text) else text
