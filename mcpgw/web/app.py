"""The HTTP application: every route on one page, and the server that listens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcpgw.gateway.gateway import Gateway
from mcpgw.model.policy import Action
from mcpgw.web.api import openapi
from mcpgw.web.api.desk import Desk
from mcpgw.web.api.table import build_endpoints
from mcpgw.web.clients import Clients
from mcpgw.web.connect import connect_page, is_person
from mcpgw.web.connection import Listener
from mcpgw.web.cors import preflight
from mcpgw.web.event_stream import EventStreamEndpoint
from mcpgw.web.failure import Failures
from mcpgw.web.health import Health
from mcpgw.web.listening import Listening, bind
from mcpgw.web.mcp import McpEndpoint
from mcpgw.web.metrics import MetricsEndpoint
from mcpgw.web.middleware import Door
from mcpgw.web.npx import is_npm, npx
from mcpgw.web.origin import Origins, own_origin
from mcpgw.web.peer import TrustedProxies
from mcpgw.web.reception import Reception
from mcpgw.web.registry import RegistryEndpoint
from mcpgw.web.routing import OfToken, Public, Route, Routes
from mcpgw.web.stream import Streams
from mcpgw.web.tool_calls import TOOL_PATH, ToolCallsEndpoint
from mcpgw.web.tools import ToolsEndpoint

PREFLIGHT = Public("a browser asks before it sends a token; the answer is the same for all")

MONITORS = 16
"""Connections of the listener for who monitors."""


def build_routes(
    gateway: Gateway, max_body_bytes: int, streams: Streams, public_url: str = ""
) -> Routes:
    """Return every route there is; `public_url` is what clients use, without a path."""
    tools = ToolsEndpoint(gateway.functions, public_url)
    tool_calls = ToolCallsEndpoint(gateway.functions, streams, max_body_bytes)
    mcp = McpEndpoint(gateway.dispatcher, streams, max_body_bytes, tool_calls.instead)
    event_stream = EventStreamEndpoint(
        gateway.dispatcher, gateway.ongoing, streams, gateway.spawn, max_body_bytes
    )
    desk, endpoints = Desk(gateway.ongoing, max_body_bytes), build_endpoints(gateway)
    document = openapi.Document(endpoints)
    registry = RegistryEndpoint(public_url)
    health, metrics = Health(gateway), MetricsEndpoint(gateway)
    package = Public("npm sends no token; the package is the same for everybody")
    page = Public("a browser sends no token; the page is the same at every address")
    return Routes(
        [
            Route("GET", "/healthz", Public("says nothing but ok"), health.alive),
            Route("GET", "/readyz", Public("says nothing but whether"), health.ready),
            Route("GET", "/metrics", OfToken(Action.READ_ALL_CALLS), metrics.of_workspace),
            *(
                route
                for path in ("/ws/{slug}", "/ws/{slug}/mcp")
                for route in (
                    Route("POST", path, Action.USE, mcp.post),
                    Route(
                        "GET",
                        path,
                        Action.USE,
                        mcp.other,
                        instead=(
                            Route("GET", path, package, npx, is_meant=is_npm),
                            Route("GET", path, page, connect_page, is_meant=is_person),
                        ),
                    ),
                    Route("DELETE", path, Action.USE, mcp.other),
                )
            ),
            *(
                route
                for method, path, handler in (
                    ("GET", "/ws/{slug}/v1/tools", tools.list),
                    ("POST", TOOL_PATH, tool_calls.one),
                    ("POST", "/ws/{slug}/v1/tool-calls", tool_calls.many),
                    ("GET", "/ws/{slug}/openapi.json", tools.openapi),
                )
                for route in (
                    Route(method, path, Action.USE, handler, is_shared=True),
                    Route("OPTIONS", path, PREFLIGHT, preflight, is_shared=True),
                )
            ),
            Route("GET", "/ws/{slug}/sse", Action.USE, event_stream.open),
            Route("POST", "/ws/{slug}/messages", Action.USE, event_stream.post),
            Route("GET", "/registry/v0.1/servers", OfToken(Action.USE), registry.servers),
            Route("GET", openapi.PATH, Public("the same of every mcpgw"), document.serve),
            *map(desk.route, endpoints),
        ]
    )


@asynccontextmanager
async def serving(gateway: Gateway, listening: Listening) -> AsyncIterator[str]:
    """Listen until the block ends; yields the URL that clients use, without a path.

    Raises:
        Conflict: the port is taken.
        InvalidInput: the address is not one of this machine's.
    """
    sockets = await bind(listening.host, listening.port)
    own = own_origin(listening.scheme, listening.host, sockets[0].getsockname()[1])
    clients = Clients(listening.max_clients, listening.max_clients_per_address)
    url = listening.public_url.rstrip("/") or own.url
    streams = Streams(gateway.spawn)
    door = Door(
        gateway,
        build_routes(gateway, listening.max_body_bytes, streams, url),
        Origins(own, listening.public_url, listening.cors_origins),
        Failures(listening.max_auth_failures),
        clients,
    )
    listener = Listener(
        door.handle,
        max_body_bytes=listening.max_body_bytes,
        clients=clients,
        proxies=TrustedProxies(listening.trusted_proxies),
    )
    async with (
        Reception(listener, listening.certificate).open(sockets),
        _monitored(gateway, listening),
    ):
        try:
            yield url
        finally:
            streams.end_all()


def build_monitoring_routes(gateway: Gateway) -> Routes:
    """Return the routes of the listener for who monitors on this machine."""
    health, metrics = Health(gateway), MetricsEndpoint(gateway)
    here = Public("only who is on this machine can ask, and only if the operator wanted it")
    return Routes(
        [
            Route("GET", "/healthz", here, health.alive),
            Route("GET", "/readyz", here, health.ready),
            Route("GET", "/metrics", here, metrics.of_all),
        ]
    )


@asynccontextmanager
async def _monitored(gateway: Gateway, listening: Listening) -> AsyncIterator[None]:
    """Answer who monitors on this machine, if that is wanted."""
    if not listening.metrics_port:
        yield
        return
    sockets = await bind("127.0.0.1", listening.metrics_port)
    own = own_origin("http", "127.0.0.1", listening.metrics_port)
    clients = Clients(MONITORS, MONITORS)
    routes = build_monitoring_routes(gateway)
    door = Door(gateway, routes, Origins(own, ""), Failures(listening.max_auth_failures), clients)
    listener = Listener(door.handle, max_body_bytes=0, clients=clients, proxies=TrustedProxies(()))
    async with Reception(listener, None).open(sockets):
        yield
