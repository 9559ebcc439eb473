"""How each client writes down a server: reached by a URL, or started as a command.

A function takes a `Target` and returns the entry as its vendor documents it. `target.token` is what
stands for the token: a reference in the client's own spelling, or the token itself where somebody
asked for that.
"""

from dataclasses import dataclass, replace
from typing import Any

from mcpgw.client_configs.edit import Change
from mcpgw.client_configs.name import VARIABLE


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """What to write: a workspace's URL under the name `entry`.

    `bridge` is the command that starts the bridge. `is_inline` says that `token` is the token
    itself; otherwise it is a reference, or empty where the client has none.
    """

    url: str
    entry: str
    bridge: tuple[str, ...] = ("mcpgw",)
    token: str = ""
    is_inline: bool = False


def typed(kind: str, url_name: str = "url", **more: Any) -> Any:
    """Return the shape with a type, a URL and headers; an empty `kind` has no type."""

    def shape(target: Target) -> dict[str, Any]:
        entry = {"type": kind} if kind else {}
        return {**entry, url_name: target.url, "headers": authorization(target), **more}

    return shape


def authorization(target: Target) -> dict[str, str]:
    """Return the headers by which a client shows the token."""
    return {"Authorization": f"Bearer {target.token}"}


def bridge(target: Target) -> dict[str, Any]:
    """Return the shape of clients that start commands; an inline token goes to its environment."""
    command, *before = target.bridge
    entry: dict[str, Any] = {
        "command": command,
        "args": [*before, "bridge", "--url", target.url],
    }
    if target.is_inline:
        entry["env"] = {VARIABLE: target.token}
    return entry


def copilot_in_jetbrains(target: Target) -> dict[str, Any]:
    """Return the shape of the Copilot plugin: its headers go through the options of a request."""
    return {"url": target.url, "requestInit": {"headers": authorization(target)}}


def codex(target: Target) -> dict[str, Any]:
    """Return the shape of Codex, which takes the name of a variable."""
    if target.is_inline:
        return {"url": target.url, "http_headers": authorization(target)}
    return {"url": target.url, "bearer_token_env_var": VARIABLE}


def goose(target: Target) -> dict[str, Any]:
    """Return the shape of Goose: `env_keys` come from the environment or its keyring."""
    return {
        "enabled": True,
        "type": "streamable_http",
        "name": target.entry,
        "description": "MCP servers of the team, through mcpgw",
        "uri": target.url,
        "env_keys": [] if target.is_inline else [VARIABLE],
        "headers": authorization(target),
        "timeout": 300,
    }


def continue_(target: Target) -> dict[str, Any]:
    """Return the shape of Continue, an item of a list."""
    return {
        "name": target.entry,
        "type": "streamable-http",
        "url": target.url,
        "requestOptions": {"headers": authorization(target)},
    }


def librechat(target: Target) -> dict[str, Any]:
    """Return the shape of LibreChat: each of its users enters a token of their own."""
    entry: dict[str, Any] = {
        "type": "streamable-http",
        "url": target.url,
        # Its probe comes without headers; the answer 401 would make it take us for OAuth.
        "requiresOAuth": False,
        "headers": authorization(target),
    }
    if not target.is_inline:
        told = {"title": "mcpgw token", "description": "Your own token", "sensitive": True}
        entry["customUserVars"] = {VARIABLE: told}
    return entry


def vs_code(target: Target) -> dict[str, Any]:
    """Return the shape of VS Code, which refers to its question for the token."""
    shown = target if target.is_inline else replace(target, token=f"${{input:{_input_id(target)}}}")
    return {"type": "http", "url": target.url, "headers": authorization(shown)}


def vs_code_input(target: Target) -> Change:
    """Return the question by which VS Code asks for the token once; it keeps the answer itself."""
    asked = {
        "type": "promptString",
        "id": _input_id(target),
        "description": "mcpgw token",
        "password": True,
    }
    return Change(("inputs",), asked, mark="id")


def _input_id(target: Target) -> str:
    """Return the name of that question: one for each entry."""
    return f"{target.entry}-token"
