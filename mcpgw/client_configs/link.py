"""Links that open a client with the gateway filled in. None ever holds a token.

A link is shown, logged and kept in histories: it carries the reference to the token, or the bridge.
"""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from mcpgw.client_configs.app import App
from mcpgw.client_configs.entry import entry_of
from mcpgw.client_configs.shape import Target, vs_code_input

Entry = dict[str, Any]


def link_of(app: App, target: Target) -> str:
    """Return the link for a client, empty when it has none."""
    make = _LINKS.get(app.key)
    if make is None or target.is_inline:
        return ""
    return make(target, entry_of(app, target))


def _cursor(target: Target, entry: Entry) -> str:
    query = {"name": target.entry, "config": _base64(entry)}
    return f"cursor://anysphere.cursor-deeplink/mcp/install?{urlencode(query)}"


def _vs_code(target: Target, entry: Entry) -> str:
    told = {"name": target.entry, **entry, "inputs": [vs_code_input(target).value]}
    return f"vscode:mcp/install?{quote(_compact(told), safe='')}"


def _lm_studio(target: Target, entry: Entry) -> str:
    return f"lmstudio://add_mcp?{urlencode({'name': target.entry, 'config': _base64(entry)})}"


def _kiro(target: Target, entry: Entry) -> str:
    query = urlencode({"name": target.entry, "config": _compact(entry)}, quote_via=quote)
    return f"https://kiro.dev/launch/mcp/add?{query}"


_LINKS: dict[str, Callable[[Target, Entry], str]] = {
    "cursor": _cursor,
    "vs-code": _vs_code,
    "lm-studio": _lm_studio,
    "kiro": _kiro,
}
"""The clients whose vendors document such a link that can carry more than a URL."""


def _compact(entry: Entry) -> str:
    return json.dumps(entry, separators=(",", ":"))


def _base64(entry: Entry) -> str:
    return base64.b64encode(_compact(entry).encode()).decode()
