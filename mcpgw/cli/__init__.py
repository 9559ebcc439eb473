"""The command line: all commands on one page, and the last line of defence.

Every module here but `serving.py`, `first_run.py`, `bridging/` and `connecting/` is light: they
import the gateway and HTTP when a command runs, so that help and version answer at once.
"""

import io
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.main import get_command

from mcpgw import __version__
from mcpgw.cli import (
    bridge,
    call,
    connect,
    doctor,
    explain,
    export,
    importing,
    installation,
    journal,
    lint,
    quickstart,
    serve,
    statistics,
    status,
    version,
)
from mcpgw.cli.alert import alerts
from mcpgw.cli.audit import logs
from mcpgw.cli.catalog import catalogs
from mcpgw.cli.invocation import EVERY_OPTION, Invocation, command, group, with_options
from mcpgw.cli.member import OFFBOARD_EXAMPLES, members, offboard
from mcpgw.cli.output import FAILED, USAGE, complain, fail, print_traceback
from mcpgw.cli.secret import secrets, set_secret
from mcpgw.cli.server import add, servers
from mcpgw.cli.token import issue, revoke, tokens
from mcpgw.cli.tool import tools
from mcpgw.cli.workspace import workspaces
from mcpgw.errors import GatewayError

app = group("One URL and one token in front of all of a team's MCP servers.")

_HOUSE: dict[str, Any] = {"in_workspace": False}
_RUNNING: dict[str, Any] = {"in_workspace": False, "prints_data": False}

command(app, "init", examples=["init", "init --yes"], **_HOUSE)(installation.init)
command(app, "serve", examples=serve.EXAMPLES, **_RUNNING)(serve.serve)
command(app, "quickstart", examples=quickstart.EXAMPLES, **_RUNNING)(quickstart.quickstart)
command(app, "bridge", examples=bridge.EXAMPLES, prints_data=False)(bridge.bridge)
command(app, "connect", examples=connect.CONNECT_EXAMPLES)(connect.connect)
command(app, "disconnect", examples=connect.DISCONNECT_EXAMPLES, in_workspace=False)(
    connect.disconnect
)
command(app, "import", examples=importing.EXAMPLES)(importing.import_servers)
command(app, "status", **_HOUSE)(status.status)
command(app, "doctor", **_HOUSE)(doctor.doctor)
command(app, "call", examples=call.EXAMPLES)(call.call)
command(app, "explain", examples=explain.EXAMPLES)(explain.explain)
command(app, "offboard", examples=OFFBOARD_EXAMPLES)(offboard)
command(app, "stats", examples=statistics.EXAMPLES)(statistics.stats)
command(app, "version", **_HOUSE)(version.version)
app.add_typer(workspaces, name="workspace")
app.add_typer(servers, name="server")
app.add_typer(catalogs, name="catalog")
app.add_typer(secrets, name="secret")
app.add_typer(tokens, name="token")
app.add_typer(members, name="member")
command(tools, "lint", examples=lint.EXAMPLES)(lint.lint)
app.add_typer(tools, name="tool")
command(logs, "export", examples=export.EXAMPLES, prints_data=False)(export.export)
command(logs, "verify", examples=journal.VERIFY_EXAMPLES, **_HOUSE)(journal.verify)
command(logs, "prune", examples=journal.PRUNE_EXAMPLES, **_HOUSE)(journal.prune)
app.add_typer(logs, name="logs")
app.add_typer(alerts, name="alert")
command(app, "add-server", hidden=True)(add)
command(app, "set-secret", hidden=True)(set_secret)
command(app, "issue-token", hidden=True)(issue)
command(app, "revoke", hidden=True)(revoke)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        print(f"mcpgw {__version__}")
        raise typer.Exit


def _options_before_the_command(
    asked: Invocation,
    is_version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Say which.")
    ] = False,
) -> None:
    """Take what is given before the command's name; it counts unless given again after it."""


app.callback(help=app.info.help, context_settings={"help_option_names": ["-h", "--help"]})(
    with_options(_options_before_the_command, EVERY_OPTION)
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    asked = Invocation()
    try:
        outcome = get_command(app).main(
            list(arguments), prog_name="mcpgw", standalone_mode=False, obj=asked
        )
    except GatewayError as error:
        return fail(error, is_debug=asked.is_debug)
    except typer.TyperException as error:
        return _misused(error)
    except typer.Abort:
        complain("cancelled: nothing was changed")
        return USAGE
    except Exception as error:  # the one place at this door where a bug becomes an answer
        if asked.is_debug:
            print_traceback(error)
        complain(f"internal error: {type(error).__name__}", "run again with --debug, and report it")
        return FAILED
    return outcome if isinstance(outcome, int) else 0


def _misused(error: typer.TyperException) -> int:
    """Tell how the command line was misused."""
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "mcpgw"
    complain(error.format_message().rstrip("."), f"see: {path} --help")
    return error.exit_code
