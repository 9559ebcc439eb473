"""What commands print, and how they end.

The rules of our terminal UI:

- Data goes to stdout, everything else (progress, hints, warnings, questions) to stderr.
- `--json` prints one object with its fields at the top level, or one array; times are ISO-8601 UTC.
- A table is drawn on a terminal and plain aligned columns when piped; its first column can be
  pasted into the next command and is never wrapped.
- An error is one line that says what, and one that says what to do. Never a traceback: `--debug`
  shows one, without the values of variables.
- What came from servers loses its control characters: it cannot draw on the terminal.
- A secret is never printed; a token once, when it is issued.
- Scripts may rely on the exit codes below; Ctrl-C is 130.
"""

import json
import sys
import traceback
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches

from mcpgw.config import variable
from mcpgw.errors import GatewayError

EXIT_CODE = {
    "internal": 1,
    "invalid": 2,
    "not_found": 3,
    "unauthenticated": 4,
    "forbidden": 4,
    "conflict": 5,
    "protocol": 6,
    "upstream": 6,
    "upstream_headers": 6,
    "upstream_timeout": 6,
    "storage": 74,
    "limited": 75,
    "vault_locked": 78,
    "cancelled": 130,
}
"""By the code of the error."""

FAILED, USAGE, TOOL_FAILED, FOUND_PROBLEMS = 1, 2, 6, 7

_COLORS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35}

REPLACED = "\N{REPLACEMENT CHARACTER}"


def clean(text: str, kept: str = "") -> str:
    """Return `text` without control characters but those of `kept`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in kept else REPLACED for c in text)


def say(text: str) -> None:
    """Tell the person something that is no data."""
    print(clean(text, "\n"), file=sys.stderr, flush=True)


def print_text(text: str) -> None:
    """Print data of several lines."""
    print(clean(text, "\n\t"), flush=True)


def print_json(value: object) -> None:
    """Print one object or array on one line."""
    print(json.dumps(value), flush=True)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, is_colored: bool = True
) -> None:
    """Print rows under the names of their columns: drawn on a terminal, plain when piped."""
    cleaned = [[clean(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(columns, cleaned, is_colored)
        return
    for line in _aligned([list(columns), *cleaned]):
        print(line)
    sys.stdout.flush()


def tinted(text: str, color: str, *, is_colored: bool = True) -> str:
    """Return `text` in a color, if it goes to a terminal whose user likes colors."""
    is_wanted = is_colored and sys.stdout.isatty() and variable("TERM") != "dumb"
    if not color or not is_wanted or variable("NO_COLOR"):
        return text
    return f"\x1b[{_COLORS[color]}m{text}\x1b[0m"


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print what is known of one thing, a line for each field."""
    for line in _aligned([[name, clean(value)] for name, value in fields]):
        print(line)
    sys.stdout.flush()


def fail(error: GatewayError, *, is_debug: bool) -> int:
    """Tell what went wrong and what to do, and return the exit code."""
    if is_debug:
        print_traceback(error)
    complain(error.message, error.hint)
    return EXIT_CODE[error.code]


def print_traceback(error: BaseException) -> None:
    """Print where an error came from, without the values of variables."""
    traceback.print_exception(error)


def complain(message: str, hint: str = "") -> None:
    """Print the two lines of an error."""
    say(f"error: {clean(message)}")
    if hint:
        say(f"hint: {clean(hint)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "did you mean ...?" when one of `known` looks like `name`, else nothing."""
    found = get_close_matches(name, list(known), n=1)
    return f"did you mean {found[0]}?" if found else ""


def iso(moment: float | None) -> str | None:
    """Return a time as JSON has it: ISO-8601 UTC, None when there is none."""
    if moment is None:
        return None
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def local(moment: float) -> str:
    """Return a time as people read it: local, with the offset, good for `--since` too."""
    return datetime.fromtimestamp(moment, UTC).astimezone().isoformat(timespec="seconds")


def counted(number: int, noun: str) -> str:
    """Return "1 tool" or "2 tools"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _draw(columns: Sequence[str], rows: Sequence[Sequence[str]], is_colored: bool) -> None:
    # Late: only a terminal needs it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        table.add_column(name, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(no_color=not is_colored, highlight=False)
    console.print(table)
