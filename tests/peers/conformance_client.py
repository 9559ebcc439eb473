"""The reference client for the official suite's client scenarios, on PyPI `mcp` 2.x.

python -m tests.peers.conformance_client URL

The suite names the scenario and the revision in its environment; what each needs the client to do
stands in PLAYS.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.context import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client

from mcpgw.config import variable

TIMEOUT_S = 20
MODERN = "2026-07-28"

Play = Callable[[Client], Awaitable[None]]


async def elicit(
    context: ClientRequestContext, params: types.ElicitRequestParams
) -> types.ElicitResult:
    """Accept every question with the defaults of its form, and `True` where there are none."""
    schema = getattr(params, "requested_schema", {})
    properties: dict[str, Any] = schema.get("properties", {})
    content = {name: about.get("default", True) for name, about in properties.items()}
    return types.ElicitResult(action="accept", content=content)


async def list_tools(client: Client) -> None:
    await client.list_tools()


async def add_numbers(client: Client) -> None:
    await client.list_tools()
    await client.call_tool("add_numbers", {"a": 5, "b": 3})


async def call_all(client: Client) -> None:
    """Call every tool that is offered, with texts for what it requires."""
    for tool in (await client.list_tools()).tools:
        required = tool.input_schema.get("required", [])
        await client.call_tool(tool.name, dict.fromkeys(required, "text"))


async def call_as_told(client: Client) -> None:
    """Make the calls that the scenario gives."""
    await client.list_tools()
    context = json.loads(variable("MCP_CONFORMANCE_CONTEXT") or "{}")
    for call in context["toolCalls"]:
        await client.call_tool(call["name"], call["arguments"])


async def use_everything(client: Client) -> None:
    """List and use tools, resources and prompts."""
    await call_all(client)
    for resource in (await client.list_resources()).resources:
        await client.read_resource(resource.uri)
    for prompt in (await client.list_prompts()).prompts:
        await client.get_prompt(prompt.name)


async def bring_schema_back(client: Client) -> None:
    """Give the schema of one tool to the other one."""
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    schema = tools["json_schema_2020_12_tool"].input_schema
    await client.call_tool("json_schema_echo", {"schema": schema})


PLAYS: dict[str, Play] = {
    "initialize": list_tools,
    "tools_call": add_numbers,
    "elicitation-sep1034-client-defaults": call_all,
    "sse-retry": call_all,
    "request-metadata": list_tools,
    "sep-2322-client-request-state": call_all,
    "http-standard-headers": use_everything,
    "http-custom-headers": call_as_told,
    "http-invalid-tool-headers": call_all,
    "json-schema-ref-no-deref": list_tools,
    "json-schema-2020-12-preservation": bring_schema_back,
}


async def connect_and_play(url: str, headers: dict[str, str]) -> None:
    play = PLAYS[variable("MCP_CONFORMANCE_SCENARIO") or ""]
    is_modern = variable("MCP_CONFORMANCE_PROTOCOL_VERSION") == MODERN
    async with httpx2.AsyncClient(headers=headers, timeout=TIMEOUT_S) as http:
        transport = streamable_http_client(url, http_client=http)
        mode = "auto" if is_modern else "legacy"
        async with Client(transport, mode=mode, cache=None, elicitation_callback=elicit) as client:
            await play(client)


def run(url: str, token: str | None = None) -> None:
    """Play the scenario of the environment against a server."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    asyncio.run(connect_and_play(url, headers))


if __name__ == "__main__":
    run(sys.argv[1])
