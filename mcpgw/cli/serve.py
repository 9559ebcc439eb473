"""`mcpgw serve`: its options, and what is refused before anything is opened."""

from typing import Annotated

import typer

from mcpgw.cli.exposure import check_exposure
from mcpgw.cli.hardening import harden
from mcpgw.cli.invocation import Invocation

EXAMPLES = [
    "serve",
    "serve --port 9000 --public-url https://gateway.example.com --trusted-proxy 127.0.0.1",
    "serve --host 10.1.2.3 --port 8443 --tls-cert chain.pem --tls-key key.pem",
]


def serve(  # noqa: PLR0913  (a parameter for each option)
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
    tls_cert: Annotated[
        str | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate chain (PEM).")
    ] = None,
    tls_key: Annotated[
        str | None, typer.Option("--tls-key", metavar="FILE", help="Its private key (PEM).")
    ] = None,
    trusted_proxies: Annotated[
        list[str] | None,
        typer.Option(
            "--trusted-proxy", metavar="CIDR", help="Proxies that say who the client is; again."
        ),
    ] = None,
    is_insecure: Annotated[
        bool, typer.Option("--insecure-http", help="Listen beyond this machine without TLS.")
    ] = False,
) -> None:
    """Serve all workspaces until stopped (Ctrl-C or SIGTERM)."""
    harden()
    config = asked.config(
        host=host,
        port=port,
        public_url=public_url,
        tls_cert=tls_cert,
        tls_key=tls_key,
        trusted_proxies=trusted_proxies or None,
    )
    check_exposure(config, is_insecure)
    # Late: help must not wait for the HTTP server to be imported.
    from mcpgw.cli.serving import run, serve_data

    run(serve_data(config))
