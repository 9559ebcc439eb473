"""From the arguments of `server add` to a launch. Refuses credentials written out in them."""

import re
from collections.abc import Sequence
from pathlib import Path

from mcpgw.errors import InvalidInput
from mcpgw.model.secret import is_sensitive
from mcpgw.model.server import HttpLaunch, Launch, StdioLaunch

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def read_launch(
    target: Sequence[str], headers: Sequence[str], env: Sequence[str], cwd: str | None
) -> Launch:
    """Return how the server is started or reached.

    Args:
        target: a URL, or a command with its arguments.
        headers: `Name: value` each.
        env: `NAME=value` each.
        cwd: where the command runs.

    Raises:
        InvalidInput: it is neither, options do not fit, or a credential is written out.
    """
    if not target:
        raise InvalidInput(
            "neither a URL nor a command is given",
            "mcpgw server add NAME URL, or mcpgw server add NAME -- COMMAND ARGS...",
        )
    if URL.match(target[0]):
        if len(target) > 1 or env or cwd is not None:
            raise InvalidInput(
                "a URL takes no command, --env or --cwd", "pass credentials as --header"
            )
        return HttpLaunch(target[0], tuple(map(_header, headers)))
    if headers:
        raise InvalidInput("a command takes no --header", "pass credentials as --env")
    command = (_program(target[0], cwd), *target[1:])
    return StdioLaunch(command, tuple(map(_variable, env)), _directory(cwd))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise InvalidInput("a --header has no colon", "use --header 'Name: value'")
    return name.strip(), _without_credential(name.strip(), value.strip(), "--header 'N: ", "'")


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput("an --env has no '='", "use --env NAME=value")
    return name, _without_credential(name, value, "--env 'N=", "'")


def _without_credential(name: str, value: str, before: str, after: str) -> str:
    """Refuse a credential in the clear: arguments are public and the configuration not sealed."""
    is_literal = bool(value) and "${secret:" not in value
    if is_literal and is_sensitive(name):
        secret = re.sub(r"\W", "_", name.upper())
        flag = before.replace("N", name, 1)
        scheme = "Bearer " if name.lower() == "authorization" else ""
        raise InvalidInput(
            f"the value of {name[:80]} is written out, where every user of this machine can read"
            " it",
            f"use {flag}{scheme}${{secret:{secret}}}{after}, and replace the one just shown",
        )
    return value


def _program(program: str, cwd: str | None) -> str:
    """Return a program given as a path so that it is found from anywhere."""
    is_relative = "/" in program and not program.startswith(("/", "~"))
    return str(Path(program).absolute()) if is_relative and cwd is None else program


def _directory(cwd: str | None) -> str | None:
    if cwd is None:
        return None
    path = Path(cwd).absolute()
    if not path.is_dir():
        raise InvalidInput(f"{path} is no directory", "give --cwd one that exists")
    return str(path)
