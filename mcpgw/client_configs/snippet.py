"""What to paste into a client, as its vendor documents it.

A snippet refers to the token and never holds it: such texts are copied, committed and shown to
colleagues.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mcpgw.client_configs.app import APPS, App, app
from mcpgw.client_configs.edit import add
from mcpgw.client_configs.entry import changes_for
from mcpgw.client_configs.link import link_of
from mcpgw.client_configs.name import ENTRY, VARIABLE
from mcpgw.client_configs.place import usual_place
from mcpgw.client_configs.shape import Target

SHOWN_FIRST = ("claude-code", "cursor", "vs-code", "codex")
"""The clients that a first run shows: with all of them nobody would find their own."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """What to paste. `place` is a file or says where; `text` is verbatim; `link` may be empty."""

    client: str
    place: str
    text: str
    link: str = ""


def snippets(url: str, entry: str = ENTRY) -> tuple[Snippet, ...]:
    """Return the snippets of the clients that a first run shows, for a workspace's URL."""
    return tuple(snippet(key, url, entry) for key in SHOWN_FIRST)


def snippet(client: str, url: str, entry: str = ENTRY) -> Snippet:
    """Return the snippet of one client, by its key in `clients()`.

    Raises:
        KeyError: there is no such client.
    """
    found = app(client)
    if found is None:
        raise KeyError(client)
    return snippet_of(found, Target(url, entry))


def snippet_of(app: App, target: Target) -> Snippet:
    """Return the snippet of a client."""
    if app.form is None:
        place, write = _TOLD[app.key]
        return Snippet(app.title, place, write(target))
    text = add(app.form, app.preamble, changes_for(app, target, None)).text
    return Snippet(app.title, usual_place(app), text.rstrip("\n"), link_of(app, target))


def clients() -> tuple[str, ...]:
    """Return the keys of the clients that we know."""
    return tuple(one.key for one in APPS)


def _open_webui(target: Target) -> str:
    return (
        f"Type: MCP (Streamable HTTP)\nURL: {target.url}\nAuth: Bearer\nKey: the token ({VARIABLE})"
    )


def _n8n(target: Target) -> str:
    return (
        f"Endpoint: {target.url}\nServer Transport: HTTP Streamable\n"
        f"Authentication: Bearer Auth, with a credential that holds the token ({VARIABLE})"
    )


_TOLD: dict[str, tuple[str, Callable[[Target], str]]] = {
    "open-webui": ("Admin Panel > Settings > External Tools > Add Connection", _open_webui),
    "n8n": ("an MCP Client Tool node", _n8n),
}
"""Clients that keep their servers in a database of their own: where to go, and what to enter."""
