"""Our own legacy MCP server on PyPI `mcp` 1.x: stdio, Streamable HTTP and HTTP+SSE.

    python fixture_mcp1.py --stdio | --http PORT | --sse PORT

Port 0 picks a free one; the URL is printed. It has the tools of fixture_era_tools.py under the same
names, which ask by requests to the client, and a few that only this era has. Runs in an environment
of its own, because 1.x and 2.x cannot be installed together.
"""

import argparse
import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any

import mcp.types as types
import uvicorn
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.session import ServerSession
from mcp.server.sse import SseServerTransport
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import McpError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.peers.fixture_tools_mcp1 import TOOLS, UNLISTED, WATCHED, ToolFailure, here, state, text

STATIC = "test://static-text"
NOT_FOUND = -32002


class Fixture(Server):
    """A server that knows its sessions, and says that its lists and resources change."""

    async def _handle_message(self, message: Any, session: ServerSession, *more: Any) -> None:
        if session not in state.sessions:
            state.sessions.append(session)
        await super()._handle_message(message, session, *more)

    def create_initialization_options(self, *_: Any, **__: Any) -> Any:
        options = super().create_initialization_options(NotificationOptions(True, True, True))
        options.capabilities.resources.subscribe = True
        return options


server = Fixture("fixture-mcp1", version="1.0", instructions="A legacy server for tests.")


async def list_tools(request: types.ListToolsRequest) -> types.ServerResult:
    tools = [definition for definition, _ in TOOLS.values()]
    if state.has_extra_tool:
        schema = {"type": "object"}
        tools.append(types.Tool(name="extra_tool", description="Extra.", inputSchema=schema))
    return types.ServerResult(types.ListToolsResult(tools=tools))


async def call_tool(request: types.CallToolRequest) -> types.ServerResult:
    name = request.params.name
    if name not in TOOLS:
        raise McpError(types.ErrorData(code=types.INVALID_PARAMS, message=f"Unknown tool: {name}"))
    try:
        said = await TOOLS[name][1](request.params.arguments or {})
    except ToolFailure as failure:
        said = {"content": [text(str(failure))], "isError": True}
    result = {"content": [text(said)]} if isinstance(said, str) else said
    return types.ServerResult(types.CallToolResult.model_validate(result))


async def read_resource(request: types.ReadResourceRequest) -> types.ServerResult:
    uri = str(request.params.uri)
    texts = {STATIC: "Static text.", WATCHED: state.note, UNLISTED: "No list shows this."}
    if uri.startswith("test://template/"):
        texts[uri] = json.dumps({"id": uri.split("/")[3]})
    if uri not in texts:
        error = types.ErrorData(code=NOT_FOUND, message="Resource not found", data={"uri": uri})
        raise McpError(error)
    content = {"uri": uri, "mimeType": "text/plain", "text": texts[uri]}
    result = types.ReadResourceResult.model_validate({"contents": [content]})
    return types.ServerResult(result)


@server.list_resources()
async def list_resources() -> list[types.Resource]:
    return [
        types.Resource.model_validate({"uri": uri, "name": uri.removeprefix("test://")})
        for uri in (STATIC, WATCHED)
    ]


@server.list_resource_templates()
async def list_templates() -> list[types.ResourceTemplate]:
    return [types.ResourceTemplate(uriTemplate="test://template/{id}/data", name="template")]


@server.subscribe_resource()
async def subscribe(uri: Any) -> None:
    if str(uri) == WATCHED:
        state.watching.append(here().session)


@server.unsubscribe_resource()
async def unsubscribe(uri: Any) -> None:
    if here().session in state.watching:
        state.watching.remove(here().session)


@server.set_logging_level()
async def set_level(level: types.LoggingLevel) -> None:
    state.level = level


@server.list_prompts()
async def list_prompts() -> list[types.Prompt]:
    arguments = [types.PromptArgument(name="arg1", required=True)]
    return [types.Prompt(name="repeat", description="Repeat it.", arguments=arguments)]


@server.get_prompt()
async def get_prompt(name: str, arguments: dict[str, str] | None) -> types.GetPromptResult:
    content = types.TextContent(type="text", text=(arguments or {})["arg1"])
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content)])


@server.completion()
async def complete(reference: Any, argument: Any, context: Any) -> types.Completion:
    return types.Completion(
        values=[it for it in ("paris", "park") if it.startswith(argument.value)]
    )


server.request_handlers[types.ListToolsRequest] = list_tools
server.request_handlers[types.CallToolRequest] = call_tool
server.request_handlers[types.ReadResourceRequest] = read_resource


# Transports


class Endpoint:
    """The Streamable HTTP endpoint."""

    def __init__(self, sessions: StreamableHTTPSessionManager) -> None:
        self.sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.sessions.handle_request(scope, receive, send)


def streamable_app() -> Starlette:
    sessions = StreamableHTTPSessionManager(server)
    return Starlette(routes=[Route("/mcp", Endpoint(sessions))], lifespan=lambda _: sessions.run())


def sse_app() -> Starlette:
    transport = SseServerTransport("/messages/")

    async def connect(request: Request) -> Response:
        streams = transport.connect_sse(request.scope, request.receive, request._send)
        async with streams as (read, write):
            await server.run(read, write, server.create_initialization_options())
        return Response()

    return Starlette(
        routes=[Route("/sse", connect), Mount("/messages/", transport.handle_post_message)]
    )


def serve(app: Starlette, path: str, port: int) -> None:
    """Serve until the process is ended, after the URL is printed."""
    listening = socket.create_server(("127.0.0.1", port))
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}{path}\n")
    sys.stdout.flush()
    settings = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
    uvicorn.Server(settings).run(sockets=[listening])


async def serve_stdio() -> None:
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def main() -> None:
    parser = argparse.ArgumentParser()
    transport = parser.add_mutually_exclusive_group(required=True)
    transport.add_argument("--stdio", action="store_true")
    transport.add_argument("--http", type=int, metavar="PORT")
    transport.add_argument("--sse", type=int, metavar="PORT")
    options = parser.parse_args()
    if options.stdio:
        asyncio.run(serve_stdio())
    elif options.http is not None:
        serve(streamable_app(), "/mcp", options.http)
    else:
        serve(sse_app(), "/sse", options.sse)


if __name__ == "__main__":
    main()
