"""One run of `connect` or `disconnect`: plan, show, ask, carry out, say what comes next."""

import re
from dataclasses import replace
from pathlib import Path

from mcpgw.cli.connecting.change import change_text
from mcpgw.cli.connecting.config_file import read_config
from mcpgw.cli.connecting.connections import Connection, Connections
from mcpgw.cli.connecting.keeping import keep_token
from mcpgw.cli.connecting.machine import check_installed, path_of
from mcpgw.cli.connecting.plan import (
    Plan,
    carry_out,
    path_inside,
    plan_connect,
    plan_disconnect,
)
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import print_json, print_text, say
from mcpgw.cli.prompt import agree, read_secret
from mcpgw.client_configs.app import App, TokenPlace
from mcpgw.client_configs.entry import token_place
from mcpgw.client_configs.name import ENTRY, VARIABLE
from mcpgw.client_configs.scope import Scope
from mcpgw.client_configs.shape import Target
from mcpgw.client_configs.snippet import snippet_of
from mcpgw.errors import NotFound, Unauthenticated
from mcpgw.model.token import TOKEN_PATTERN

TOKEN_NOTE = {
    TokenPlace.ENVIRONMENT: f"the token comes from {VARIABLE} in its environment",
    TokenPlace.PROMPT: "it asks for the token",
    TokenPlace.KEYRING: "the token comes from the OS keyring, through mcpgw bridge",
    TokenPlace.FILE: "the token stands in the file, which only you can read",
}


def show_snippet(asked: Invocation, app: App, target: Target) -> None:
    """Print what to write into a client, and where."""
    snippet = snippet_of(app, target)
    if asked.is_json:
        print_json(
            {
                "client": app.key,
                "place": snippet.place,
                "text": snippet.text,
                "link": snippet.link or None,
            }
        )
        return
    say(f"for {snippet.client}, in {snippet.place}:")
    print_text(snippet.text)
    if snippet.link:
        say(f"or open: {snippet.link}")
    say(TOKEN_NOTE[token_place(app, target)])
    _say_next(app.next_step)


def say_snippet(app: App, url: str) -> None:
    """Say, beside a token just issued, what to write into a client; never the token itself."""
    target = Target(url, ENTRY)
    snippet = snippet_of(app, target)
    say(f"\n{snippet.client}, in {snippet.place}:\n\n{snippet.text}\n")
    if snippet.link:
        say(f"or open: {snippet.link}")
    say(
        f"{TOKEN_NOTE[token_place(app, target)]}; or run there: mcpgw connect {app.key} --url {url}"
    )


def connect_client(
    asked: Invocation,
    app: App,
    scope: Scope,
    target: Target,
    *,
    is_dry: bool,
    is_inline: bool,
    is_confirmed: bool,
) -> None:
    """Write our entry into a client's file.

    Raises:
        NotFound: the client is not on this machine.
        InvalidInput: its file is broken or not its own, or somebody said no.
        Conflict: an entry of that name is there, and it is not ours.
        StorageError: the file cannot be read or written.
    """
    path = path_of(app, scope)
    if scope is Scope.USER:
        check_installed(app)
    if is_inline:
        target = replace(target, token=_inline_token(asked), is_inline=True)
    directory = asked.config().state_directory
    known = Connections(directory)
    file = read_config(path, path_inside(scope))
    plan = plan_connect(app, scope, file, target, known)
    copy = None
    if plan.is_change:
        _show(asked, plan, is_dry=is_dry)
        if not is_dry:
            agree("write this?", is_confirmed)
            copy = carry_out(plan, known, directory)
    place = token_place(app, target)
    left = ""
    if place is TokenPlace.KEYRING and not is_dry:
        left = keep_token(target.url, asked.config().token)
    if asked.is_json:
        _print_result(app, plan, path, copy, token=place)
    if is_dry:
        say("nothing was written")
        return
    say(f"{app.title} {'is connected' if plan.is_change else 'was connected already'}: {path}")
    _say_copy(copy)
    say(TOKEN_NOTE[place])
    _say_next(left, app.next_step)


def disconnect_client(
    asked: Invocation, app: App, scope: Scope, name: str, *, is_dry: bool, is_confirmed: bool
) -> None:
    """Take our entry out of a client's file.

    Raises:
        NotFound: nothing was written there.
        InvalidInput: the file is broken by now, or somebody said no.
        Conflict: the entry leads elsewhere by now.
        StorageError: the file cannot be read or written.
    """
    directory = asked.config().state_directory
    known = Connections(directory)
    connection = _written(known, app, scope, name)
    plan = plan_disconnect(app, connection)
    copy = None
    if plan.is_change:
        _show(asked, plan, is_dry=is_dry)
    if not is_dry:
        agree("take this out?", is_confirmed)
        copy = carry_out(plan, known, directory)
    if asked.is_json:
        _print_result(app, plan, Path(connection.path), copy)
    if is_dry:
        say("nothing was written")
        return
    said = "is disconnected" if plan.is_change else "had no entry of ours any more"
    say(f"{app.title} {said}: {connection.path}")
    _say_copy(copy)


def _inline_token(asked: Invocation) -> str:
    """Return the token to write out: from the environment, a pipe or a hidden question.

    Raises:
        Unauthenticated: it is no token of ours.
    """
    given = asked.config().token or read_secret("token", "", None, None).reveal()
    # The shape is also by which a shown change hides it.
    if not re.fullmatch(TOKEN_PATTERN, given.strip()):
        raise Unauthenticated("that is no token of mcpgw", "issue one: mcpgw token issue")
    return given.strip()


def _written(known: Connections, app: App, scope: Scope, name: str) -> Connection:
    """Return what was written into the file of that scope; of projects, into this one's."""
    path = str(path_of(app, scope)) if scope is Scope.PROJECT else None
    for one in known.all():
        if (one.client, one.scope, one.entry) != (app.key, scope, name):
            continue
        if path is None or one.path == path:
            return one
    written = ", ".join(f"{one.client} ({one.entry} in {one.path})" for one in known.all())
    raise NotFound(
        f"mcpgw connect wrote no {name!r} for {app.title}",
        f"it wrote: {written}" if written else "there is nothing to take out",
    )


def _show(asked: Invocation, plan: Plan, *, is_dry: bool) -> None:
    """Show a change: as data when that is all that was asked for."""
    text = change_text(plan.file.path, plan.steps)
    if is_dry and not asked.is_json:
        print_text(text)
    else:
        say(text)


def _say_copy(copy: Path | None) -> None:
    if copy is not None:
        say(f"the file as it was: {copy}")


def _say_next(*steps: str) -> None:
    for step in filter(None, steps):
        say(f"next: {step}")


def _print_result(
    app: App, plan: Plan, path: Path, copy: Path | None, token: TokenPlace | None = None
) -> None:
    result = {
        "client": app.key,
        "path": str(path),
        "is_changed": plan.is_change,
        "backup": None if copy is None else str(copy),
    }
    print_json(result if token is None else {**result, "token": token.value})
