"""Asks the vendors' own packages, in their environment, about what the gateway wrote."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2]
VENDORS_PYTHON = ROOT / ".venv-vendors" / "bin" / "python"
JUDGE = ROOT / "tests" / "peers" / "types_vendors.py"


def problems(judged: Sequence[tuple[str, Any]]) -> list[str]:
    """Return what is wrong with each (kind, value), empty for nothing."""
    done = subprocess.run(
        [VENDORS_PYTHON, JUDGE],
        input=msgspec.json.encode(judged),
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: list[str] = json.loads(done.stdout)
    assert len(found) == len(judged)
    return found
