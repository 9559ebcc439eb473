"""Other processes that use the same files."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start(
    program: str, *arguments: str | Path, stdin: int | None = None
) -> subprocess.Popen[bytes]:
    """Start a Python program; its output can be read, its tracebacks are shown."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        stdin=stdin,
        stdout=subprocess.PIPE,
    )


def run(program: str, *arguments: str | Path) -> str:
    """Run a Python program that must succeed, and return its output."""
    with start(program, *arguments) as child:
        output, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    return output.decode()
