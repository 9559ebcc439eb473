"""`mcpgw init`: the data directory, its keys, the first workspace."""

from typing import Annotated

import typer

from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import print_json, say
from mcpgw.cli.place import in_gateway
from mcpgw.cli.prompt import ask, is_terminal
from mcpgw.cli.target import DEFAULT_WORKSPACE
from mcpgw.errors import InvalidInput
from mcpgw.model.token import OPERATOR


async def init(
    asked: Invocation,
    is_confirmed: Annotated[
        bool, typer.Option("--yes", help=f"Ask nothing: the workspace is '{DEFAULT_WORKSPACE}'.")
    ] = False,
) -> None:
    """Make the data directory, the master key and a first workspace; run again, change nothing."""
    config = asked.config()
    if not is_confirmed and not is_terminal() and not config.configuration_path.exists():
        raise InvalidInput("the first workspace has no name, and nobody can be asked", "add --yes")
    async with in_gateway(asked, is_created=True) as gateway:
        installation = gateway.installation
        is_new = await installation.establish(OPERATOR)
        say(f"data directory: {config.home}")
        say(f"master key: {installation.key_whereabouts}")
        if is_new:
            say(f"  {installation.key_advice}")
            say("  Keep a copy of it apart from the data: without it nothing can be opened.")
        known = [seen.workspace.slug for seen in await gateway.workspaces.list(OPERATOR)]
        if not known:
            slug = DEFAULT_WORKSPACE
            if not is_confirmed and is_terminal():
                slug = ask("first workspace", DEFAULT_WORKSPACE)
            known = [(await gateway.workspaces.create(OPERATOR, slug)).slug]
        say(f"workspaces: {', '.join(known)}")
    if asked.is_json:
        print_json(
            {
                "home": str(config.home),
                "is_new": is_new,
                "master_key": installation.key_whereabouts,
                "workspaces": known,
            }
        )
    say("next: mcpgw server add --help, then mcpgw token issue, then mcpgw serve")
