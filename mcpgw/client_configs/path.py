"""Where something stands in a document: names of tables, and positions in lists."""

from collections.abc import Sequence
from typing import Any

from mcpgw.errors import InvalidInput

Step = str | int
Path = Sequence[Step]


def nested(path: Sequence[str], value: Any) -> Any:
    """Return `value` inside of the tables that `path` names."""
    for name in reversed(path):
        value = {name: value}
    return value


def at(document: Any, path: Path) -> Any:
    """Return what stands at `path`, None when there is nothing."""
    for step in path:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def shown(path: Path) -> str:
    """Return the path as it is told to people."""
    return ".".join(map(str, path)) or "the document"


def wrong_shape(path: Path, expected: str) -> InvalidInput:
    """Return the error for something else than a table or a list."""
    return InvalidInput(
        f"{shown(path)} is not {expected}, as this client's configuration has it",
        "check that this is the right file; --print shows what to write there",
    )
