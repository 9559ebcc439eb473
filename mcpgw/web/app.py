"""The HTTP application: every route on one page, and the server that listens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aiohttp import web

from mcpgw.errors import Conflict, InvalidInput
from mcpgw.gateway.gateway import Gateway
from mcpgw.model.policy import Action
from mcpgw.web.api import Api
from mcpgw.web.connection import Listener
from mcpgw.web.event_stream import EventStreamEndpoint
from mcpgw.web.health import healthz
from mcpgw.web.mcp import McpEndpoint
from mcpgw.web.middleware import Door
from mcpgw.web.routing import Public, Route, Routes
from mcpgw.web.stream import Streams

SHUTDOWN_S = 5.0
"""How long running requests may take to end when the server stops. aiohttp waits for that twice:
for their end, and for the end of their cancellation."""


def build_routes(gateway: Gateway, max_body_bytes: int, streams: Streams) -> Routes:
    """Return every route there is."""
    mcp = McpEndpoint(gateway.dispatcher, streams, max_body_bytes)
    event_stream = EventStreamEndpoint(
        gateway.dispatcher, gateway.ongoing, streams, gateway.spawn, max_body_bytes
    )
    api = Api(gateway)
    return Routes(
        [
            Route("GET", "/healthz", Public("says nothing but ok"), healthz),
            *(
                route
                for path in ("/ws/{slug}", "/ws/{slug}/mcp")
                for route in (
                    Route("POST", path, Action.USE, mcp.post),
                    Route("GET", path, Action.USE, mcp.other),
                    Route("DELETE", path, Action.USE, mcp.other),
                )
            ),
            Route("GET", "/ws/{slug}/sse", Action.USE, event_stream.open),
            Route("POST", "/ws/{slug}/messages", Action.USE, event_stream.post),
            Route("GET", "/api/v1/workspaces/{slug}/calls", Action.READ_OWN_CALLS, api.calls),
        ]
    )


@asynccontextmanager
async def serving(
    gateway: Gateway, host: str, port: int, *, public_url: str, max_body_bytes: int
) -> AsyncIterator[str]:
    """Listen until the block ends; yields the URL that clients use, without a path.

    Raises:
        Conflict: the port is taken.
        InvalidInput: the address is not one of this machine's.
    """
    own_hosts = {host, urlsplit(public_url).hostname or host}
    streams = Streams(gateway.spawn)
    routes = build_routes(gateway, max_body_bytes, streams)
    door = Door(gateway, routes, frozenset(own_hosts))
    listener = Listener(door.handle, max_body_bytes=max_body_bytes)
    runner = web.ServerRunner(listener, shutdown_timeout=SHUTDOWN_S / 2)
    await runner.setup()
    try:
        await _start(web.TCPSite(runner, host, port), host, port)
        shown = f"[{host}]" if ":" in host else host
        yield public_url.rstrip("/") or f"http://{shown}:{runner.addresses[0][1]}"
    finally:
        streams.end_all()
        await runner.cleanup()


async def _start(site: web.TCPSite, host: str, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        if error.errno is not None and "in use" in str(error):
            raise Conflict(
                f"port {port} on {host} is taken", "choose another: mcpgw serve --port 0"
            ) from None
        raise InvalidInput(
            f"cannot listen on {host} port {port}: {error.strerror}", "see: mcpgw serve --help"
        ) from None
