"""The configuration files that `import` reads: those it is told, else those of this machine."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcpgw.cli.connecting.config_file import ConfigFile, read_config
from mcpgw.cli.connecting.machine import known_app, user_files
from mcpgw.cli.connecting.plan import about
from mcpgw.cli.output import say
from mcpgw.client_configs.app import APPS, App
from mcpgw.client_configs.edit import JSON, TOML, YAML, Format
from mcpgw.client_configs.found import Found, servers_in
from mcpgw.client_configs.path import at
from mcpgw.client_configs.scope import Scope
from mcpgw.config import variable
from mcpgw.errors import GatewayError, InvalidInput, NotFound

FORMATS: dict[str, Format] = {".toml": TOML, ".yaml": YAML, ".yml": YAML}
"""By the end of a file's name; any other is JSON."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file with servers. `app` is None when nothing says whose it is."""

    app: App | None
    scope: Scope
    file: ConfigFile
    found: tuple[Found, ...]

    @property
    def title(self) -> str:
        """The client, or the file."""
        return self.app.key if self.app else self.file.path.name


def gather(
    paths: Sequence[Path], client: str | None, own_urls: Collection[str] = ()
) -> list[Source]:
    """Return the files to import from, those without servers left out.

    Args:
        paths: what was named; without any, the user's files of all clients on this machine.
        client: whose files they are, if somebody says so.
        own_urls: URLs of gateways of ours: they are not imported.

    Raises:
        NotFound: there is nothing to read.
        InvalidInput: a file that was named is broken.
        StorageError: a file that was named cannot be read.
    """
    app = None if client is None else known_app(client)
    if paths:
        sources = [_source(path.absolute(), app, own_urls) for path in paths]
    else:
        apps = APPS if app is None else (app,)
        sources = [found for one in apps if (found := _source_of(one, own_urls)) is not None]
    if not sources:
        raise NotFound(
            "no client's configuration was found on this machine",
            "name a file: mcpgw import PATH --client CLIENT",
        )
    return [source for source in sources if source.found]


def _source_of(app: App, own_urls: Collection[str]) -> Source | None:
    """Return the user's file of a client, None when there is none or it cannot be read."""
    for path in user_files(app):
        try:
            return _source(path, app, own_urls)
        except GatewayError as error:
            say(f"skipped: {error.message}")
    return None


def _source(path: Path, app: App | None, own_urls: Collection[str]) -> Source:
    file = read_config(path)
    if file.content is None:
        raise NotFound(f"there is no file {path}", "check the path")
    with about(path):
        form = FORMATS.get(path.suffix, JSON) if app is None or app.form is None else app.form
        document = form.read(file.text)
        whose = _whose(path, document) if app is None else app
        if not isinstance(document, dict | None):
            raise InvalidInput("it is no client's configuration", "check the path")
        found = tuple(servers_in(whose, document, variable, own_urls))
    is_of_project = whose is not None and path == Path.cwd() / (whose.project or "/")
    return Source(whose, Scope.PROJECT if is_of_project else Scope.USER, file, found)


def _whose(path: Path, document: object) -> App | None:
    """Return the client that a file is of, by its place, its name or its table of servers."""
    for app in APPS:
        if path in user_files(app) or (app.project and path.match(app.project)):
            return app
    named = [app for app in APPS if path.name in _names(app)]
    likely = [app for app in named or APPS if app.table and at(document, app.table) is not None]
    return likely[0] if len(likely) == 1 else None


def _names(app: App) -> set[str]:
    return {template.rpartition("/")[2] for template in app.user["linux"]}
