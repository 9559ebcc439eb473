"""The clients on this machine: which are installed, and where their files are."""

import shutil
import sys
from pathlib import Path

from mcpgw.cli.output import nearest
from mcpgw.client_configs.app import APPS, App, Templates, app
from mcpgw.client_configs.place import Surroundings
from mcpgw.client_configs.scope import Scope
from mcpgw.config import variable
from mcpgw.errors import InvalidInput, NotFound


def known_app(key: str) -> App:
    """Return a client by its key.

    Raises:
        NotFound: there is no such client; says which one may be meant.
    """
    found = app(key.lower().replace("_", "-"))
    if found is None:
        keys = [one.key for one in APPS]
        hint = " ".join(filter(None, (nearest(key, keys), f"there are: {', '.join(keys)}")))
        raise NotFound(f"no client {key[:40]!r} is known", hint)
    return found


def path_of(app: App, scope: Scope) -> Path:
    """Return the file of a client: the one that is there, else the one that it would read.

    Raises:
        InvalidInput: it has no file for that scope.
    """
    if scope is Scope.PROJECT:
        if not app.project:
            raise InvalidInput(
                f"{app.title} has no configuration for projects", "leave out --scope project"
            )
        return Path.cwd() / app.project
    paths = _paths(app.user)
    if not paths:
        raise InvalidInput(
            f"{app.title} has no file of its own for a user",
            "add --scope project in the directory of its deployment"
            if app.project
            else f"see what to enter: mcpgw connect {app.key} --print",
        )
    likely = [path for path in paths if _is_own(path.parent)]
    return (user_files(app) or likely or paths)[0]


def user_files(app: App) -> list[Path]:
    """Return the files of a client's user that are there."""
    return [path for path in _paths(app.user) if path.exists()]


def is_installed(app: App) -> bool:
    """Say whether a client is on this machine: a file, a directory or a program of it."""
    paths = _paths(app.user)
    return (
        any(path.exists() or _is_own(path.parent) for path in paths)
        or any(path.is_dir() for path in _paths(app.signs))
        or any(shutil.which(program) for program in app.programs)
    )


def check_installed(app: App) -> None:
    """Refuse a client that is not here.

    Raises:
        NotFound: nothing of it was found.
    """
    if not is_installed(app):
        looked = [*_paths(app.user), *app.programs]
        raise NotFound(
            f"{app.title} is not on this machine: no {', no '.join(map(str, looked))}",
            f"install and start it once, or see what to write: mcpgw connect {app.key} --print",
        )


def bridge_command(scope: Scope) -> tuple[str, ...]:
    """Return how a client starts us: by its full path, since not every client has our PATH.

    A project's file is shared, so nothing of this machine stands in it.
    """
    if scope is Scope.PROJECT:
        return ("mcpgw",)
    found = shutil.which("mcpgw")
    return (found,) if found else (sys.executable, "-m", "mcpgw")


def _paths(templates: Templates) -> list[Path]:
    here = Surroundings(sys.platform, str(Path.home()), variable)
    return [Path(path) for path in here.paths(templates)]


def _is_own(directory: Path) -> bool:
    """Say whether a directory is there and is not just the user's home."""
    return directory.is_dir() and directory != Path.home()
