"""Our own MCP server on PyPI `mcp` 2.x: both eras, stdio and Streamable HTTP.

    python fixture_mcp2.py --stdio | --http PORT [--only legacy|modern] [--one-stream]

Port 0 picks a free one; the URL is printed. Every name that the official conformance suite asks for
is here, and a tool of ours for every feature, under the names of fixture_mcp1.py. What needs an
answer of the user asks by a request in the legacy era, and by `input_required` in the modern one.
`--one-stream` answers all calls on their own stream, as stdio does.
"""

import argparse
import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.runner import _serve_modern_stream, serve_loop
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import (
    EventCallback,
    EventMessage,
    EventStore,
    StreamableHTTPServerTransport,
)
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.subscriptions import ListenHandler
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types.version import LATEST_MODERN_VERSION
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.peers.fixture_call import Call, Context, InputNeeded, ToolFailure, state
from tests.peers.fixture_era_tools import UNLISTED, WATCHED
from tests.peers.fixture_tools import PIXEL, STRING, TOOLS, embedded, form, image, text

STATIC = "test://static-text"
BINARY = "test://static-binary"
ASKING = "test://asking"
TEMPLATE = "test://template/{id}/data"
PROMPTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "test_simple_prompt": ("Say something.", ()),
    "test_prompt_with_arguments": ("Repeat the arguments.", ("arg1", "arg2")),
    "test_prompt_with_embedded_resource": ("Enclose a resource.", ("resourceUri",)),
    "test_prompt_with_image": ("Show a pixel.", ()),
    "test_input_required_result_prompt": ("Ask what it is about.", ()),
}
Listed = types.PaginatedRequestParams | None


class Fixture(Server[Any]):
    """A server that says in the legacy era, too, that its lists change."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        changing = NotificationOptions(True, True, True)
        return super().create_initialization_options(changing)


async def list_tools(ctx: Context, params: Listed) -> types.ListToolsResult:
    tools = [definition for definition, _ in TOOLS.values()]
    if state.extra_tool is not None:
        schema = {"type": "object"}
        tools.append(types.Tool(name=state.extra_tool, description="Extra.", input_schema=schema))
    return types.ListToolsResult(tools=tools)


async def call_tool(
    ctx: Context, params: types.CallToolRequestParams
) -> types.CallToolResult | types.InputRequiredResult:
    if params.name == state.extra_tool:
        said: Any = "extra"
    elif params.name not in TOOLS:
        raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}")
    else:
        try:
            said = await TOOLS[params.name][1](Call(ctx, params))
        except InputNeeded as needed:
            return needed.result
        except (ToolFailure, KeyError) as error:
            return as_result(str(error), is_error=True)
    return said if isinstance(said, types.CallToolResult) else as_result(said)


def as_result(said: Any, is_error: bool = False) -> types.CallToolResult:
    blocks = [text(said)] if isinstance(said, str) else said
    return types.CallToolResult.model_validate({"content": blocks, "isError": is_error})


async def list_prompts(ctx: Context, params: Listed) -> types.ListPromptsResult:
    prompts = [
        types.Prompt(
            name=name,
            description=description,
            arguments=[types.PromptArgument(name=it, required=True) for it in arguments],
        )
        for name, (description, arguments) in PROMPTS.items()
    ]
    if state.extra_prompt is not None:
        prompts.append(types.Prompt(name=state.extra_prompt, description="Extra."))
    return types.ListPromptsResult(prompts=prompts)


async def get_prompt(
    ctx: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    call = Call(ctx, params)
    given = call.arguments
    match params.name:
        case "test_simple_prompt":
            blocks = [text("This is a simple prompt for testing.")]
        case "test_prompt_with_arguments":
            said = f"Prompt with arguments: arg1={given['arg1']!r}, arg2={given['arg2']!r}"
            blocks = [text(said)]
        case "test_prompt_with_embedded_resource":
            content = "Embedded resource content for testing."
            blocks = [embedded(given["resourceUri"], "text/plain", content), text("Read it.")]
        case "test_prompt_with_image":
            blocks = [image(), text("Look at it.")]
        case "test_input_required_result_prompt":
            try:
                answers = await call.ask({"user_context": form("What about?", context=STRING)})
            except InputNeeded as needed:
                return needed.result
            blocks = [text(json.dumps(answers["user_context"].get("content")))]
        case _:
            raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}")
    messages = [{"role": "user", "content": block} for block in blocks]
    return types.GetPromptResult.model_validate({"messages": messages})


async def list_resources(ctx: Context, params: Listed) -> types.ListResourcesResult:
    kinds = {STATIC: "text/plain", BINARY: "image/png", WATCHED: "text/plain", ASKING: "text/plain"}
    return types.ListResourcesResult(
        resources=[
            types.Resource(uri=uri, name=uri.removeprefix("test://"), mime_type=kind)
            for uri, kind in kinds.items()
        ]
    )


async def list_templates(ctx: Context, params: Listed) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        uri_template=TEMPLATE, name="template", mime_type="application/json"
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(
    ctx: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult | types.InputRequiredResult:
    texts = {
        STATIC: "This is the content of the static text resource.",
        WATCHED: state.note,
        UNLISTED: "No list shows this.",
    }
    uri = params.uri
    if uri == BINARY:
        content = {"uri": uri, "mimeType": "image/png", "blob": PIXEL}
    elif uri == ASKING:
        try:
            answers = await Call(ctx, params).ask({"user": form("Who reads?", name=STRING)})
        except InputNeeded as needed:
            return needed.result
        content = {"uri": uri, "mimeType": "text/plain", "text": json.dumps(answers["user"])}
    elif uri in texts:
        content = {"uri": uri, "mimeType": "text/plain", "text": texts[uri]}
    elif uri.startswith("test://template/") and uri.endswith("/data"):
        found = {"id": uri.split("/")[3], "templateTest": True}
        content = {"uri": uri, "mimeType": "application/json", "text": json.dumps(found)}
    else:
        code = types.INVALID_PARAMS if Call(ctx, params).is_modern else -32002
        raise MCPError(code, "Resource not found", {"uri": uri})
    return types.ReadResourceResult.model_validate({"contents": [content]})


async def subscribe(ctx: Context, params: types.SubscribeRequestParams) -> types.EmptyResult:
    state.watching.setdefault(params.uri, []).append(ctx.session)
    return types.EmptyResult()


async def unsubscribe(ctx: Context, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
    mine = ctx.session._connection
    watching = state.watching.get(params.uri, [])
    state.watching[params.uri] = [it for it in watching if it._connection is not mine]
    return types.EmptyResult()


async def complete(ctx: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    words = ["paris", "park", "party", "testing"]
    matching = [word for word in words if word.startswith(params.argument.value)]
    return types.CompleteResult(completion=types.Completion(values=matching))


async def set_level(ctx: Context, params: types.SetLevelRequestParams) -> types.EmptyResult:
    state.level = params.level
    return types.EmptyResult()


async def note_session(ctx: Context, params: types.NotificationParams | None) -> None:
    state.sessions.append(ctx.session)


def make_server() -> Fixture:
    server = Fixture(
        "fixture-mcp2",
        version="1.0",
        instructions="A server for tests.",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_subscribe_resource=subscribe,
        on_unsubscribe_resource=unsubscribe,
        on_completion=complete,
        on_subscriptions_listen=ListenHandler(state.bus),
    )
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, set_level)
    server.add_notification_handler(
        "notifications/initialized", types.NotificationParams, note_session
    )
    boundary = RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=None)
    server.middleware.append(boundary)
    return server


# Transports


class Replay(EventStore):
    """The events of one session, for clients that come back with a Last-Event-ID."""

    def __init__(self) -> None:
        self._events: list[tuple[str, types.JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(
        self, last_event_id: str, send_callback: EventCallback
    ) -> str | None:
        seen = int(last_event_id)
        stream, _ = self._events[seen - 1]
        for number, (stream_id, message) in enumerate(self._events[seen:], seen + 1):
            if stream_id == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


class Sessions(StreamableHTTPSessionManager):
    """Sessions with their own events each: the SDK's streams are named alike in all of them."""

    def _admit_session(self, requestor: Any) -> StreamableHTTPServerTransport | None:
        self.event_store = Replay()
        return super()._admit_session(requestor)


class OneEra:
    """Refuses the other era as servers of one era do."""

    def __init__(self, app: ASGIApp, era: str) -> None:
        self.app = app
        self.era = era

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        claims_modern = request.headers.get("mcp-protocol-version") == LATEST_MODERN_VERSION
        if claims_modern == (self.era == "modern"):
            await self.app(scope, receive, send)
            return
        response = self.refuse_legacy(await request.body()) if self.era == "modern" else REFUSAL
        await response(scope, receive, send)

    def refuse_legacy(self, body: bytes) -> Response:
        if not body:
            return Response(status_code=405, headers={"Allow": "POST"})
        message = json.loads(body)
        requested = message.get("params", {}).get("protocolVersion", "2025-03-26")
        data = {"supported": [LATEST_MODERN_VERSION], "requested": requested}
        error = {"code": -32022, "message": "Unsupported protocol version", "data": data}
        answer = {"jsonrpc": "2.0", "id": message.get("id"), "error": error}
        return JSONResponse(answer, status_code=400)


NO_SESSION = {"code": -32600, "message": "Bad Request: Missing session ID"}
REFUSAL = JSONResponse({"jsonrpc": "2.0", "id": "server-error", "error": NO_SESSION}, 400)


def serve_http(port: int, only: str | None) -> None:
    """Serve until the process is ended, after the URL is printed."""
    hosts = ["127.0.0.1:*", "localhost:*"]
    security = TransportSecuritySettings(
        allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
    )
    sessions = Sessions(make_server(), security_settings=security, retry_interval=100)
    endpoint: ASGIApp = StreamableHTTPASGIApp(sessions)
    if only is not None:
        endpoint = OneEra(endpoint, only)
    app = Starlette(routes=[Route("/mcp", endpoint)], lifespan=lambda _: sessions.run())
    listening = socket.create_server(("127.0.0.1", port))
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp\n")
    sys.stdout.flush()
    # httptools leaves the blanks after a header's value, h11 does not.
    settings = uvicorn.Config(app, log_level="error", http="h11", timeout_graceful_shutdown=1)
    uvicorn.Server(settings).run(sockets=[listening])


async def serve_stdio(only: str | None) -> None:
    server = make_server()
    async with stdio_server() as (read, write), server.lifespan(server) as lifespan:
        if only == "legacy":
            await serve_loop(server, read, write, lifespan_state=lifespan)
        elif only == "modern":
            await _serve_modern_stream(
                server, read, write, lifespan_state=lifespan, raise_exceptions=False
            )
        else:
            await server.run(read, write, server.create_initialization_options())


def main() -> None:
    parser = argparse.ArgumentParser()
    transport = parser.add_mutually_exclusive_group(required=True)
    transport.add_argument("--stdio", action="store_true")
    transport.add_argument("--http", type=int, metavar="PORT")
    parser.add_argument("--only", choices=("legacy", "modern"))
    parser.add_argument("--one-stream", action="store_true")
    options = parser.parse_args()
    state.has_one_stream_per_call = options.one_stream
    if options.stdio:
        asyncio.run(serve_stdio(options.only))
    else:
        serve_http(options.http, options.only)


if __name__ == "__main__":
    main()
