"""The change of a file, as it is shown: what comes and what goes, and not a word around it.

A usual diff shows the lines around a change. Here those hold other people's credentials.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from mcpgw.model.token import TOKEN_PATTERN

TOKEN = re.compile(TOKEN_PATTERN)
HIDDEN = "***"


def change_text(path: object, steps: Sequence[str]) -> str:
    """Return the change of a file that went through `steps`, the first as it was, the last new."""
    parts = [part for before, after in pairwise(steps) for part in _part(before, after)]
    return "\n".join((f"--- {path}", f"+++ {path}", *parts)) if parts else ""


def _part(before: str, after: str) -> list[str]:
    start = _shared(before, after)
    kept = _shared(before[start:][::-1], after[start:][::-1])
    gone, come = before[start : len(before) - kept], after[start : len(after) - kept]
    if not gone and not come:
        return []
    line = before.count("\n", 0, start) + 1
    return [f"@@ line {line} @@", *_marked("-", gone), *_marked("+", come)]


def _shared(one: str, other: str) -> int:
    """Return how many characters both begin with: by halves, for such files can be large."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        half = (least + most + 1) // 2
        if one[least:half] == other[least:half]:
            least = half
        else:
            most = half - 1
    return least


def _marked(mark: str, text: str) -> list[str]:
    lines = TOKEN.sub(HIDDEN, text).splitlines()
    return [f"{mark}{line}" for line in lines if line.strip()]
