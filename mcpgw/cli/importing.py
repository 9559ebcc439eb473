"""`mcpgw import`: its options. What it does is in `connecting`."""

from pathlib import Path
from typing import Annotated

import typer

from mcpgw.cli.invocation import Invocation

EXAMPLES = [
    "import                                         all clients on this machine",
    "import ~/.cursor/mcp.json --dry-run",
    "import --client claude-desktop --replace",
]


async def import_servers(
    asked: Invocation,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH...]", help="Configuration files.")
    ] = None,
    client: Annotated[
        str | None, typer.Option("--client", metavar="CLIENT", help="Whose they are; or only its.")
    ] = None,
    is_replacing: Annotated[
        bool, typer.Option("--replace", help="Put the gateway in their place in those files.")
    ] = False,
    is_dry: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; write nothing.")
    ] = False,
    is_untried: Annotated[
        bool, typer.Option("--no-test", help="Add servers without connecting to them first.")
    ] = False,
    is_confirmed: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take over the servers that clients have in their configurations.

    Shows what was found and what was decided about each value, never a value. Credentials are
    sealed in the vault; the servers refer to them as ${secret:NAME}. A server that does not answer
    is not added, and stays where it is. With --replace each file gets the gateway instead of what
    was taken over; the untouched file is kept as a copy.
    """
    # Late: help must not wait for what reads files and opens the store.
    from mcpgw.cli.connecting.import_run import ImportOptions, run_import

    options = ImportOptions(is_replacing, is_dry, is_untried, is_confirmed)
    await run_import(asked, paths or [], client, options)
