"""Exposed names: what clients see of a server's tools and prompts.

`server__tool`, at most 50 characters of `[A-Za-z0-9_-]`, so that every client's own prefix still
fits under the 64 that model vendors allow. A name that is too long or that somebody else has gets
a suffix of 7 hex digits of a digest of (server id, original name). No name is given twice, the
order of a server's list decides nothing, and a server keeps its names whatever is added after it.
A name is resolved by table, never by splitting it.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MAX_EXPOSED = 50
"""Claude Code adds `mcp__<key>__`, Cursor and VS Code the server's name; the sum stays at 64."""

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

    The server that comes first keeps a contested name. Within a server it goes to the thing that
    needed no change, else to none: two that were changed into the same name both get a suffix.
    """
    things = list(dict.fromkeys(offered))
    by_server: dict[str, list[Named]] = {}
    for thing in things:
        by_server.setdefault(thing.server_id, []).append(thing)
    exposed: dict[Named, str] = {}
    taken: set[str] = set()
    for mine in by_server.values():
        exposed |= _names_of_server(mine, taken)
        taken.update(exposed.values())
    return {exposed[thing]: thing for thing in things}


def _names_of_server(mine: Sequence[Named], taken: set[str]) -> dict[Named, str]:
    """Return the names of one server's things, beside those already `taken`."""
    wanted = {thing: _wanted(thing) for thing in mine}
    claims = Counter(name for name, _ in wanted.values())
    names: dict[Named, str] = {}
    used = set(taken)
    for thing, (name, is_unchanged) in wanted.items():
        is_ours = is_unchanged or claims[name] == 1
        if is_ours and len(name) <= MAX_EXPOSED and name not in used:
            names[thing] = name
            used.add(name)
    unnamed = [thing for thing in wanted if thing not in names]
    for thing in sorted(unnamed, key=lambda thing: (thing.name, thing.prefix)):
        names[thing] = _suffixed(wanted[thing][0], thing, used)
        used.add(names[thing])
    return names


def _wanted(thing: Named) -> tuple[str, bool]:
    """Return the name before any suffix, and whether the server's own name stands in it as it is.

    Some vendors refuse a name that begins with no letter, hence the `t_`.
    """
    full = f"{thing.prefix}{SEPARATOR}{thing.name}" if thing.prefix else thing.name
    clean = _FOREIGN.sub("_", full)
    if not clean[:1].isalpha():
        clean = "t_" + clean
    return clean, clean == full


def _suffixed(name: str, thing: Named, used: set[str]) -> str:
    """Return `name` with the first suffix that makes it unused: hashed again until it is."""
    text = f"{thing.server_id}\0{thing.name}"
    while True:
        text = hashlib.sha256(text.encode()).hexdigest()
        suffixed = f"{name[: MAX_EXPOSED - _SUFFIX_DIGITS - 1]}_{text[:_SUFFIX_DIGITS]}"
        if suffixed not in used:
            return suffixed
