"""JSON with comments and trailing commas as a tree that knows where each part stands in the text.

Reads what editors read: `//` and block comments, a comma after the last member. Anything else that
is not JSON is refused with its line; the text itself is never quoted, for it may hold credentials.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from mcpgw.client_configs.layout import BOM
from mcpgw.client_configs.path import Path
from mcpgw.errors import InvalidInput

TRIVIA = re.compile(r"[ \t\r\n]+|//[^\r\n]*|/\*[\s\S]*?\*/")
STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
WORD = re.compile(r"[-+.0-9A-Za-z]+")

MAX_DEPTH = 100
"""Nobody nests settings deeper; it keeps the reader from Python's own limit."""


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


DECODER = json.JSONDecoder(parse_constant=_refuse)
"""Python's own, which is quick, for all that has no comments."""

CLOSING = {"{": "}", "[": "]"}


@dataclass(slots=True)
class Node:
    """A value from `start` to `end`. `opening` is `{`, `[`, or empty for a string, number, word."""

    start: int
    end: int
    opening: str
    members: list["Member"] = field(default_factory=list)
    scalar: Any = None

    def find(self, key: str) -> "Member | None":
        """Return the member of an object that counts: the last one of that name."""
        return next((one for one in reversed(self.members) if one.key == key), None)

    def value(self) -> Any:
        """Return the value as Python has it."""
        if self.opening == "{":
            return {member.key: member.node.value() for member in self.members}
        if self.opening == "[":
            return [member.node.value() for member in self.members]
        return self.scalar


@dataclass(slots=True)
class Member:
    """A member of an object (`key`) or an array (None). `comma` is where the comma after it is."""

    key: str | None
    start: int
    node: Node
    comma: int | None = None


def read_jsonc(text: str) -> Any:
    """Return a document as Python values, None when it holds nothing but blanks and comments.

    Raises:
        InvalidInput: it is no JSON.
    """
    try:
        return DECODER.decode(text.removeprefix(BOM))
    except (ValueError, RecursionError):
        # Comments, or broken: the reader tells, and says where.
        root = parse_jsonc(text)
        return None if root is None else root.value()


def parse_jsonc(text: str, along: Path | None = None) -> Node | None:
    """Return the tree of a document, None when it holds nothing but blanks and comments.

    Args:
        text: the document.
        along: what is asked of the tree, so that all beside that path may be leaves: clients keep
            megabytes there.

    Raises:
        InvalidInput: it is no JSON.
    """
    return _Reader(text).document(along)


def past_trivia(text: str, offset: int) -> int:
    """Return where the next token begins: behind blanks and comments."""
    while found := TRIVIA.match(text, offset):
        offset = found.end()
    return offset


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = len(BOM) if text.startswith(BOM) else 0

    def document(self, along: Path | None) -> Node | None:
        self._skip()
        if self._at == len(self._text):
            return None
        root = self._node(0, along)
        self._skip()
        if self._at < len(self._text):
            raise self._broken("something follows the document")
        return root

    def _node(self, depth: int, along: Path | None) -> Node:
        if depth > MAX_DEPTH:
            raise self._broken(f"it is nested deeper than {MAX_DEPTH} levels")
        start = self._at
        opening = self._text[start : start + 1]
        if opening in CLOSING:
            self._at += 1
            node = Node(start, start, opening)
            self._fill(node, depth, along)
            node.end = self._at
            return node
        scalar = self._scalar()
        return Node(start, self._at, "", scalar=scalar)

    def _fill(self, node: Node, depth: int, along: Path | None) -> None:
        closing = CLOSING[node.opening]
        is_open = True
        while True:
            self._skip()
            if self._take(closing):
                return
            if not is_open:
                raise self._broken(f"a comma or '{closing}' is missing")
            start = self._at
            key = self._key() if node.opening == "{" else None
            step = len(node.members) if key is None else key
            if along is None:
                value = self._node(depth + 1, None)
            elif along and along[0] == step:
                value = self._node(depth + 1, along[1:])
            else:
                value = self._leaf() or self._node(depth + 1, None)
            member = Member(key, start, value)
            node.members.append(member)
            self._skip()
            is_open = self._take(",")
            member.comma = self._at - 1 if is_open else None

    def _leaf(self) -> Node | None:
        """Read a value at once, None when it has comments or is broken."""
        start = self._at
        try:
            value, self._at = DECODER.raw_decode(self._text, start)
        except (ValueError, RecursionError):
            return None
        return Node(start, self._at, "", scalar=value)

    def _key(self) -> str:
        key: str = self._string()
        self._skip()
        if not self._take(":"):
            raise self._broken("a colon is missing")
        self._skip()
        return key

    def _scalar(self) -> Any:
        if self._text.startswith('"', self._at):
            return self._string()
        found = WORD.match(self._text, self._at)
        if not found:
            raise self._broken("a value is missing")
        try:
            scalar = DECODER.decode(found.group())
        except ValueError:
            raise self._broken("there is a value that JSON does not have") from None
        self._at = found.end()
        return scalar

    def _string(self) -> Any:
        found = STRING.match(self._text, self._at)
        if not found:
            raise self._broken("a name or a value in double quotes is missing or has no end")
        try:
            string = json.loads(found.group())
        except ValueError:
            raise self._broken("a string holds an escape that JSON does not have") from None
        self._at = found.end()
        return string

    def _skip(self) -> None:
        self._at = past_trivia(self._text, self._at)

    def _take(self, character: str) -> bool:
        is_there = self._text.startswith(character, self._at)
        self._at += is_there
        return is_there

    def _broken(self, what: str) -> InvalidInput:
        line = self._text.count("\n", 0, self._at) + 1
        return InvalidInput(f"it is no valid JSON: {what} (line {line})", "correct the file first")
