"""`mcpgw connect` and `mcpgw disconnect`: their options. What they do is in `connecting`."""

import re
from typing import Annotated

import typer

from mcpgw.cli.invocation import Invocation
from mcpgw.cli.workspace_url import url_of, workspace_url
from mcpgw.client_configs.name import ENTRY
from mcpgw.client_configs.scope import Scope
from mcpgw.errors import InvalidInput

CONNECT_EXAMPLES = [
    "connect claude-code",
    "connect cursor --url https://gateway.example.com/ws/team",
    "connect vs-code --scope project --dry-run",
]
DISCONNECT_EXAMPLES = ["disconnect claude-code", "disconnect vs-code --scope project"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,31}")
RESERVED = frozenset({"workspace"})
"""Claude Code refuses it."""

ClientKey = Annotated[str, typer.Argument(metavar="CLIENT", help="Such as claude-code or cursor.")]
ScopeOption = Annotated[
    Scope, typer.Option("--scope", help="Your own configuration, or that of this project.")
]
NameOption = Annotated[
    str, typer.Option("--name", metavar="NAME", help="What the client calls the gateway.")
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Show the change; write nothing.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _check_client(key: str | None) -> str | None:
    """Refuse a client that is not known, before anything is done for it."""
    if key is not None:
        from mcpgw.cli.connecting.machine import known_app  # late: help must not wait for it

        known_app(key)
    return key


ToConnect = Annotated[
    str | None,
    typer.Option(
        "--client",
        metavar="CLIENT",
        callback=_check_client,
        help="Show what to write into this client, too.",
    ),
]


async def connect(  # noqa: PLR0913  (a parameter for each option)
    asked: Invocation,
    client: ClientKey,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The workspace's URL.")
    ] = None,
    scope: ScopeOption = Scope.USER,
    name: NameOption = ENTRY,
    is_printed: Annotated[
        bool, typer.Option("--print", help="Print what to write, and where; touch nothing.")
    ] = False,
    is_dry: DryOption = False,
    is_inline: Annotated[
        bool, typer.Option("--inline-token", help="Write the token itself into the file.")
    ] = False,
    is_confirmed: YesOption = False,
) -> None:
    """Write the gateway into a client's configuration.

    Uses --url, else MCPGW_URL, else the gateway on the data directory. All else in the file stays
    as it is; the change is shown first, a copy of the file is kept, and `mcpgw disconnect` takes
    out what was written. The file refers to the token (in the environment, a prompt of the client,
    or the OS keyring) unless --inline-token is given.
    """
    # Late, here and below: help must not wait for what reads and writes files.
    from mcpgw.cli.connecting.command import connect_client, show_snippet
    from mcpgw.cli.connecting.machine import bridge_command, known_app
    from mcpgw.client_configs.shape import Target

    app = known_app(client)
    if not NAME.fullmatch(name) or name in RESERVED:
        raise InvalidInput(f"{name[:40]!r} is no name for it", "use letters, digits and '-'")
    if is_inline and scope is Scope.PROJECT:
        raise InvalidInput(
            "a project's file is shared: it must not hold a token", "leave out one of the two"
        )
    target = Target(await workspace_url(asked, url), name, bridge_command(scope))
    if is_printed or app.form is None:
        show_snippet(asked, app, target)
    else:
        connect_client(
            asked, app, scope, target, is_dry=is_dry, is_inline=is_inline, is_confirmed=is_confirmed
        )


def tell_how_to_connect(asked: Invocation, slug: str, client: str | None) -> None:
    """Say what to write into a client, and its one-click link; nothing when there is no client.

    Neither holds the token. It goes to stderr: stdout is for the token.
    """
    if client is None:
        return
    from mcpgw.cli.connecting.command import say_snippet  # late, as above
    from mcpgw.cli.connecting.machine import known_app

    say_snippet(known_app(client), url_of(asked, slug))


def disconnect(
    asked: Invocation,
    client: ClientKey,
    scope: ScopeOption = Scope.USER,
    name: NameOption = ENTRY,
    is_dry: DryOption = False,
    is_confirmed: YesOption = False,
) -> None:
    """Take out of a client's configuration what `connect` wrote there, and nothing else."""
    from mcpgw.cli.connecting.command import disconnect_client
    from mcpgw.cli.connecting.machine import known_app

    disconnect_client(
        asked, known_app(client), scope, name, is_dry=is_dry, is_confirmed=is_confirmed
    )
