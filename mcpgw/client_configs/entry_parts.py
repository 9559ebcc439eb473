"""The parts of a client's entry for a server, wherever each client writes them."""

import re
from base64 import b64encode
from itertools import pairwise
from typing import Any
from urllib.parse import unquote, urlsplit

from mcpgw.client_configs.name import VARIABLE
from mcpgw.model.token import TOKEN_PATTERN

URL_NAMES = ("url", "httpUrl", "serverUrl", "uri")
ENV_NAMES = ("env", "environment", "envs")
CONTAINERS = ("docker", "podman", "nerdctl")
REMOTE = re.compile(r"mcp-remote(@.*)?")


def is_no_server(entry: dict[str, Any]) -> bool:
    """Say whether an entry is something else: what a client brings along, or a table of servers."""
    return not any(name in entry for name in (*URL_NAMES, "command", "cmd"))


def is_gateway(entry: dict[str, Any]) -> bool:
    """Say whether an entry leads to a gateway of ours: it has our token, or starts our bridge."""
    shown = repr(entry)
    is_bridge = "bridge" in command_of(flat(entry)) and "mcpgw" in shown
    return is_bridge or VARIABLE in shown or bool(re.search(TOKEN_PATTERN, shown))


def flat(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of an older kind, whose command is a table, as those of today are."""
    command = entry.get("command")
    if not isinstance(command, dict):
        return entry
    return {**entry, **command, "command": command.get("path")}


def command_of(entry: dict[str, Any]) -> list[str]:
    """Return the command of an entry with its arguments."""
    command = entry.get("command") or entry.get("cmd")
    arguments = entry.get("args")
    first = command if isinstance(command, list) else [command] if command else []
    return [str(part) for part in (*first, *(arguments if isinstance(arguments, list) else ()))]


def url_of(entry: dict[str, Any]) -> str | None:
    """Return the URL of an entry, None when it starts a command."""
    return next((entry[name] for name in URL_NAMES if isinstance(entry.get(name), str)), None)


def env_of(entry: dict[str, Any]) -> dict[str, str]:
    """Return the variables of an entry; those that Goose keeps apart are referred to."""
    env = _texts(next((entry[name] for name in ENV_NAMES if name in entry), {}))
    kept = entry.get("env_keys")
    names = map(str, kept) if isinstance(kept, list) else ()
    return {**{name: f"${{{name}}}" for name in names}, **env}


def headers_of(entry: dict[str, Any]) -> dict[str, str]:
    """Return the headers of an entry, wherever its client has them."""
    headers: dict[str, str] = {}
    for holder in (entry, entry.get("requestInit"), entry.get("requestOptions")):
        if isinstance(holder, dict):
            headers |= _texts(holder.get("headers") or holder.get("http_headers"))
    for name, variable in _texts(entry.get("env_http_headers")).items():
        headers[name] = f"${{{variable}}}"
    token = entry.get("bearer_token_env_var")
    if isinstance(token, str):
        headers["Authorization"] = f"Bearer ${{{token}}}"
    if isinstance(entry.get("apiKey"), str):
        headers["Authorization"] = f"Bearer {entry['apiKey']}"
    return headers


def _texts(table: Any) -> dict[str, str]:
    """Return the values of a table as texts: numbers and words of JSON as they are written."""
    pairs = table.items() if isinstance(table, dict) else ()
    return {
        str(name): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in pairs
        if value is not None
    }


def remote_of(command: list[str]) -> tuple[str, dict[str, str]] | None:
    """Return the URL and headers of a command that only bridges to a URL, None for any other."""
    at_remote = next((i for i, part in enumerate(command) if REMOTE.fullmatch(part)), None)
    urls = [part for part in command if part.startswith(("http://", "https://"))]
    if at_remote is None or len(urls) != 1:
        return None
    headers = {}
    for flag, value in pairwise(command[at_remote:]):
        if flag == "--header":
            name, _, header = value.partition(":")
            headers[name.strip()] = header.strip()
    return urls[0], headers


def filled(text: str, env: dict[str, str]) -> str:
    """Return a header with the variables that its own entry sets filled in."""
    return re.sub(r"\$\{(\w+)\}", lambda found: env.get(found.group(1), found.group()), text)


def without_container_variables(command: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return a container's command with `-e NAME=value` as `-e NAME`, and those variables."""
    if not command or command[0].rpartition("/")[2] not in CONTAINERS:
        return command, {}
    kept, moved = command[:1], {}
    for flag, argument in pairwise(command):
        name, equals, value = argument.partition("=")
        if flag in ("-e", "--env") and equals:
            moved[name] = value
            kept.append(name)
        else:
            kept.append(argument)
    return kept, moved


def without_user(url: str) -> tuple[str, str]:
    """Return a URL without user and password, and both as a header has them."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, ""
    if parts.username is None:
        return url, ""
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return bare, b64encode(user.encode()).decode()
