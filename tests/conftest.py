"""For all tests: how properties are searched, and what is worth a look at the end of a run."""

import ast
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

PACKAGE = Path(__file__).parents[1] / "mcpgw"
LONG_FILE, LONG_FUNCTION = 400, 60

# Without a clock, so that a busy machine fails nothing.
settings.register_profile("mcpgw", deadline=None)
settings.load_profile("mcpgw")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what is long: shown, never judged, for it may have its reason."""
    # Python 3.11 cannot parse while a collection runs finalizers that parse too (gh-106905).
    gc.collect()
    found = list(long_ones())
    if found:
        terminalreporter.section("long, worth a look")
        terminalreporter.write_line("\n".join(found))


def long_ones() -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        text, name = path.read_text(), path.relative_to(PACKAGE.parent)
        if (lines := len(text.splitlines())) > LONG_FILE:
            yield f"{name}: {lines} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > LONG_FUNCTION:
                    yield f"{name}: {node.name} has {lines} lines"
