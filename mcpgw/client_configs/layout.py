"""How a file is laid out: its line ends and its indentation, so that what is added looks alike."""

import json
import re

BOM = "\ufeff"
"""What some editors write before everything else; it is no part of the document."""

DEFAULT_UNIT = "  "

LEADING = re.compile(r"[ \t]*")


def newline_of(text: str) -> str:
    """Return how lines end: as the first one does."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def indent_at(text: str, offset: int) -> str:
    """Return the blanks that the line of `offset` begins with."""
    start = text.rfind("\n", 0, offset) + 1
    found = LEADING.match(text, start)
    return found.group() if found else ""


def after_line(text: str, offset: int) -> int:
    """Return where the line after that of `offset` begins, or the end of the text."""
    end = text.find("\n", offset)
    return len(text) if end < 0 else end + 1


def json_text(value: object, unit: str, base: str, newline: str) -> str:
    """Return `value` as JSON over several lines; `base` stands before each but the first."""
    lines = json.dumps(value, indent=unit, ensure_ascii=False).split("\n")
    return f"{newline}{base}".join(lines)
