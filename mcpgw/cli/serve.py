"""`mcpgw serve`: its options, and what is refused before anything is opened."""

from typing import Annotated

import typer

from mcpgw.cli.exposure import check_exposure
from mcpgw.cli.hardening import harden
from mcpgw.cli.invocation import Invocation

EXAMPLES = ["serve", "serve --port 9000 --public-url https://gateway.example.com"]


def serve(
    asked: Invocation,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="0 picks a free one.")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option("--public-url", metavar="URL", help="What clients use.")
    ] = None,
    is_insecure: Annotated[
        bool, typer.Option("--insecure-http", help="Listen beyond this machine without TLS.")
    ] = False,
) -> None:
    """Serve all workspaces until stopped (Ctrl-C or SIGTERM)."""
    harden()
    config = asked.config(host=host, port=port, public_url=public_url)
    check_exposure(config, is_insecure)
    # Late: help must not wait for the HTTP server to be imported.
    from mcpgw.cli.serving import run, serve_data

    run(serve_data(config))
