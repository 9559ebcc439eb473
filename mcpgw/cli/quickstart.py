"""`mcpgw quickstart`: its options. What it does is in `first_run.py`, which is imported late."""

from typing import Annotated

import typer

from mcpgw.cli.hardening import harden
from mcpgw.cli.invocation import Invocation

EXAMPLES = ["quickstart", "quickstart --once"]


def quickstart(
    asked: Invocation,
    is_once: Annotated[bool, typer.Option("--once", help="End after the call.")] = False,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="0 picks a free one.")
    ] = None,
) -> None:
    """Set up a working gateway with an example server, call it once, and serve.

    Makes what is missing and keeps what is there. Your new token replaces the one of the run
    before, which cannot be shown again.
    """
    harden()
    # Late: help must not wait for the HTTP server to be imported.
    from mcpgw.cli.first_run import first_run
    from mcpgw.cli.serving import run

    run(first_run(asked, port, is_once))
