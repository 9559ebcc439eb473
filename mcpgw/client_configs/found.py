"""The servers in a client's configuration."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from mcpgw.client_configs.app import APPS, App
from mcpgw.client_configs.entry_parts import is_gateway, is_no_server, url_of
from mcpgw.client_configs.path import Path, at
from mcpgw.client_configs.reading import Read, Variable, read_entry
from mcpgw.model.server import MAX_NAME


@dataclass(frozen=True, slots=True)
class Found:
    """One server of a client: what the client calls it, where it stands, and what it says.

    `is_own` means that it is a gateway of ours.
    """

    name: str
    position: Path
    read: Read
    is_own: bool = False


def servers_in(
    app: App | None, document: Any, variable: Variable, own_urls: Collection[str] = ()
) -> Iterator[Found]:
    """Return the servers of a client's document.

    Args:
        app: the client, None for a file of any of them.
        document: what its file says.
        variable: looks a variable of the environment up.
        own_urls: URLs of gateways of ours.
    """
    for name, position in _positions(app, document):
        entry = at(document, position)
        if not isinstance(entry, dict) or is_no_server(entry):
            continue
        if url_of(entry) in own_urls or is_gateway(entry):
            yield Found(name, position, Read(refusal="it is the gateway itself"), is_own=True)
        else:
            yield Found(name, position, read_entry(entry, variable))


def server_name(name: str, taken: set[str]) -> str:
    """Return a name that a server of the gateway can have and that is not taken."""
    usual = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:MAX_NAME].strip("-") or "server"
    number, chosen = 1, usual
    while chosen in taken:
        number += 1
        ending = f"-{number}"
        chosen = f"{usual[: MAX_NAME - len(ending)].strip('-')}{ending}"
    return chosen


def _positions(app: App | None, document: Any) -> Iterator[tuple[str, Path]]:
    apps = APPS if app is None else (app,)
    seen = set()
    for one in apps:
        for pattern in (one.table, *one.containers):
            for path in _tables(document, pattern):
                if path not in seen:
                    seen.add(path)
                    yield from _members(document, path, one.mark or "name")


def _tables(document: Any, pattern: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if "*" not in pattern:
        yield pattern
        return
    star = pattern.index("*")
    for name in at(document, pattern[:star]) or ():
        yield from _tables(document, (*pattern[:star], name, *pattern[star + 1 :]))


def _members(document: Any, path: tuple[str, ...], mark: str) -> Iterator[tuple[str, Path]]:
    table = at(document, path)
    if isinstance(table, dict):
        for name in table:
            yield str(name), (*path, name)
    elif isinstance(table, list):
        for index, item in enumerate(table):
            if isinstance(item, dict) and isinstance(item.get(mark), str):
                yield item[mark], (*path, index)
