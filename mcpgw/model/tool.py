"""Exposed names: what clients see of a server's tools and prompts.

`server__tool`, at most 50 characters of `[A-Za-z0-9_-]`, so that every client's own prefix still
fits under the 64 that model vendors allow. A name that had to be changed beyond recognition or
that two tools claim gets a suffix of 7 hex digits of a digest of (server id, original name): the
same today, tomorrow and on another machine. A name is resolved by table, never by splitting it.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAX_EXPOSED = 50
"""Claude Code adds `mcp__<key>__`, Cursor and VS Code the server's name; the sum must stay at 64."""

SEPARATOR = "__"

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
_SUFFIX_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Named:
    """One thing that a server offers under a name: whose it is and what the server calls it."""

    server_id: str
    prefix: str
    name: str


def exposed_names(offered: Iterable[Named]) -> Mapping[str, Named]:
    """Return the table from exposed name to what stands behind it, in the order offered.

    Who comes first keeps a contested name; a name that needed no change goes before one that did.
    """
    things = list(dict.fromkeys(offered))
    wanted = [_wanted(thing) for thing in things]
    owner: dict[str, int] = {}
    for is_exact in (True, False):
        for position, (name, is_unchanged) in enumerate(wanted):
            if is_unchanged is is_exact and name not in owner:
                owner[name] = position
    table: dict[str, Named] = {}
    for position, (thing, (name, _)) in enumerate(zip(things, wanted, strict=True)):
        is_free = owner[name] == position and len(name) <= MAX_EXPOSED
        table[name if is_free else _suffixed(name, thing)] = thing
    return table


def _wanted(thing: Named) -> tuple[str, bool]:
    """Return the name before any suffix, and whether the server's own name stands in it whole."""
    clean = _FOREIGN.sub("_", thing.name)
    full = f"{thing.prefix}{SEPARATOR}{clean}" if thing.prefix else clean
    if not full[:1].isalpha():
        full = "t_" + full
    return full, full.endswith(thing.name)


def _suffixed(name: str, thing: Named) -> str:
    digest = hashlib.sha256(f"{thing.server_id}\0{thing.name}".encode()).hexdigest()
    return f"{name[: MAX_EXPOSED - _SUFFIX_DIGITS - 1]}_{digest[:_SUFFIX_DIGITS]}"
