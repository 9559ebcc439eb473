"""Append a table to TOML, and cut tables out of it; every other byte stays.

A table may stand anywhere at the top level, so a new one goes to the end. To cut, the text is split
into statements (a header, or `key = value`), each with the path that it is about. tomllib has read
the text before: what reaches the splitting is valid TOML.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mcpgw.client_configs.layout import BOM, after_line, newline_of
from mcpgw.client_configs.path import Path, shown
from mcpgw.client_configs.splice import Splice, insertion
from mcpgw.errors import InvalidInput

BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
PIECE = re.compile(
    r'"""(?:[^\\]|\\[\s\S])*?"{3,5}(?!")|'
    r"'''[\s\S]*?'{3,5}(?!')|"
    r'"(?:[^"\\\n]|\\.)*"|'
    r"'[^'\n]*'|"
    r"#[^\n]*|"
    r"[\[\]{}\n]|"
    r"[^\"'#\[\]{}\n]+"
)
"""What a statement is made of: four kinds of strings, comments, brackets, line ends, the rest."""

KEY = re.compile(r"(?:\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^\"'=\n])*")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
LINE_OF_ERROR = re.compile(r"at line (\d+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """A header or `key = value`, from `start` to `end`; `path` is all of what it is about."""

    start: int
    end: int
    path: tuple[str, ...]
    is_header: bool


class TomlText:
    """TOML."""

    name = "TOML"

    def read(self, text: str) -> Any:
        """Return the document as Python values, None when it is empty. Raises InvalidInput."""
        try:
            return tomllib.loads(text.removeprefix(BOM)) or None
        except tomllib.TOMLDecodeError as error:
            # The message may quote the document; its line is all that is told.
            line = LINE_OF_ERROR.search(str(error))
            where = f" (line {line.group(1)})" if line else ""
            raise InvalidInput(f"it is no valid TOML{where}", "correct the file first") from None
        except RecursionError:
            raise InvalidInput("it is nested too deep", "correct the file first") from None

    def put(self, text: str, path: Sequence[str], value: Any) -> list[Splice]:
        """Return what adds the table `value` under `path`."""
        lines = [f"[{'.'.join(map(_key, path))}]"]
        lines += [f"{_key(name)} = {_value(each)}" for name, each in value.items()]
        newline = newline_of(text)
        table = "".join(f"{line}{newline}" for line in lines)
        if not text.removeprefix(BOM):
            return [insertion(len(text), table)]
        ended = "" if text.endswith("\n") else newline
        return [insertion(len(text), f"{ended}{newline}{table}")]

    def append(self, text: str, path: Sequence[str], value: Any) -> list[Splice]:
        """Refuse: no client has a list of servers in TOML."""
        raise InvalidInput(f"{shown(path)} cannot be a list in TOML", "see: mcpgw connect --help")

    def cut(self, text: str, path: Path) -> list[Splice]:
        """Return what takes out all that is about `path`, and a blank line before each header.

        Raises:
            InvalidInput: it stands inside of an inline table.
        """
        wanted = tuple(path)
        splices = [
            Splice(_beginning(text, one), after_line(text, one.end), "")
            for one in _statements(text)
            if one.path[: len(wanted)] == wanted
        ]
        if not splices:
            hint = "take it out by hand"
            raise InvalidInput(f"{shown(path)} stands inside of an inline table", hint)
        return splices


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(name)} = {_value(one)}' for name, one in value.items())} }}"
    # What we write are strings, numbers, booleans and lists: TOML spells them as JSON does.
    return json.dumps(value, ensure_ascii=False)


def _statements(text: str) -> Iterator[Statement]:
    table: tuple[str, ...] = ()
    at = _past_blank(text, len(BOM) if text.startswith(BOM) else 0)
    while at < len(text):
        end = _statement_end(text, at)
        is_header = text[at] == "["
        if is_header:
            table = _names(text[at:end].rstrip("\r"))
            yield Statement(at, end, table, is_header)
        else:
            key = KEY.match(text, at)
            assert key is not None  # noqa: S101  (it matches the empty text too)
            yield Statement(at, end, table + _names(f"{key.group()}=0"), is_header)
        at = _past_blank(text, end)


def _past_blank(text: str, at: int) -> int:
    found = BLANK.match(text, at)
    return found.end() if found else at


def _statement_end(text: str, at: int) -> int:
    """Return where the line break after a statement is, or the end of the text."""
    depth = 0
    while found := PIECE.match(text, at):
        piece = found.group()
        if piece == "\n" and not depth:
            return at
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(piece, 0)
        at = found.end()
    return at


def _names(statement: str) -> tuple[str, ...]:
    """Return the names that a header or a key is made of."""
    found: Any = tomllib.loads(statement)
    names = []
    while found:
        [(name, found)] = found.items()
        names.append(name)
        found = found[0] if isinstance(found, list) else found
    return tuple(names)


def _beginning(text: str, statement: Statement) -> int:
    start = text.rfind("\n", 0, statement.start) + 1
    before = text.rfind("\n", 0, max(start - 1, 0)) + 1
    is_blank = statement.is_header and before > 0 and not text[before:start].strip()
    return before if is_blank else start
