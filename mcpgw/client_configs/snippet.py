"""The snippet of each client app, as its vendor documents it.

A snippet refers to the token by a variable of the environment, never holds it: such files are
copied, committed and shown to colleagues. VS Code asks for the token once and keeps it itself.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

VARIABLE = "MCPGW_TOKEN"
"""The variable that holds the token on a member's machine."""

ENTRY = "mcpgw"
"""What clients call the gateway; Claude Code reserves some other names, `workspace` for one."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """What to paste. `place` is a file or says what to do; `text` is verbatim."""

    client: str
    place: str
    text: str


def snippets(url: str, entry: str = ENTRY) -> tuple[Snippet, ...]:
    """Return the snippet of every client that we know, for a workspace's URL."""
    return tuple(write(url, entry) for write in _CLIENTS.values())


def snippet(client: str, url: str, entry: str = ENTRY) -> Snippet:
    """Return the snippet of one client, by its key in `clients()`.

    Raises:
        KeyError: there is no such client.
    """
    return _CLIENTS[client](url, entry)


def clients() -> tuple[str, ...]:
    """Return the keys of the clients that we know."""
    return tuple(_CLIENTS)


def _claude_code(url: str, entry: str) -> Snippet:
    server = {"type": "http", "url": url, "headers": _authorization(f"${{{VARIABLE}}}")}
    return Snippet(
        "Claude Code", ".mcp.json of a project", _pretty({"mcpServers": {entry: server}})
    )


def _cursor(url: str, entry: str) -> Snippet:
    server = {"url": url, "headers": _authorization(f"${{env:{VARIABLE}}}")}
    return Snippet("Cursor", "~/.cursor/mcp.json", _pretty({"mcpServers": {entry: server}}))


def _vs_code(url: str, entry: str) -> Snippet:
    token = {
        "type": "promptString",
        "id": "mcpgw-token",
        "description": "mcpgw token",
        "password": True,
    }
    server = {"type": "http", "url": url, "headers": _authorization("${input:mcpgw-token}")}
    return Snippet(
        "VS Code",
        ".vscode/mcp.json of a project",
        _pretty({"inputs": [token], "servers": {entry: server}}),
    )


def _codex(url: str, entry: str) -> Snippet:
    lines = (
        f"[mcp_servers.{entry}]",
        f"url = {json.dumps(url)}",
        f"bearer_token_env_var = {json.dumps(VARIABLE)}",
    )
    return Snippet("Codex", "~/.codex/config.toml", "\n".join(lines))


_CLIENTS: dict[str, Callable[[str, str], Snippet]] = {
    "claude-code": _claude_code,
    "cursor": _cursor,
    "vs-code": _vs_code,
    "codex": _codex,
}


def _authorization(reference: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {reference}"}


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2)
