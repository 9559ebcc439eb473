"""A tiny MCP server over stdio, in plain Python: two tools, no dependency.

    mcpgw server add greeter -- python3 /path/to/examples/greeter.py

It reads one JSON-RPC message a line from stdin and writes one a line to stdout. Whatever it prints
to stderr is for people.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

VERSION = "2025-11-25"
METHOD_NOT_FOUND, INVALID_PARAMS = -32601, -32602


def greet(name: str) -> str:
    """Greet somebody by name."""
    return f"Hello {name}, this came through mcpgw."


def add(a: float, b: float) -> str:
    """Add two numbers."""
    return str(a + b)


TOOLS: dict[str, tuple[Callable[..., str], dict[str, str]]] = {
    "greet": (greet, {"name": "string"}),
    "add": (add, {"a": "number", "b": "number"}),
}
"""Each tool with the JSON types of its arguments."""


def listed(name: str) -> dict[str, Any]:
    """Return a tool as `tools/list` shows it."""
    function, types = TOOLS[name]
    return {
        "name": name,
        "description": function.__doc__,
        "inputSchema": {
            "type": "object",
            "properties": {argument: {"type": kind} for argument, kind in types.items()},
            "required": list(types),
        },
        "annotations": {"readOnlyHint": True},
    }


def called(params: dict[str, Any]) -> dict[str, Any]:
    """Return what a tool says; its failure is a result too, for the model to read."""
    function, _ = TOOLS[params["name"]]
    try:
        said, is_error = function(**params.get("arguments", {})), False
    except TypeError as error:
        said, is_error = str(error), True
    return {"content": [{"type": "text", "text": said}], "isError": is_error}


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a request, without its id."""
    if method == "initialize":
        capabilities: dict[str, Any] = {"tools": {}}
        me = {"name": "greeter", "version": "1.0"}
        wanted = params.get("protocolVersion", VERSION)
        version = wanted if wanted < VERSION else VERSION
        return {
            "result": {"protocolVersion": version, "capabilities": capabilities, "serverInfo": me}
        }
    if method == "ping":
        return {"result": {}}
    if method == "tools/list":
        return {"result": {"tools": [listed(name) for name in TOOLS]}}
    if method == "tools/call":
        if params.get("name") in TOOLS:
            return {"result": called(params)}
        return {"error": {"code": INVALID_PARAMS, "message": "no such tool"}}
    return {"error": {"code": METHOD_NOT_FOUND, "message": "no such method"}}


def main() -> None:
    """Answer until stdin ends."""
    for line in sys.stdin:
        message = json.loads(line)
        if "method" in message and "id" in message:
            reply = answer(message["method"], message.get("params", {}))
            sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], **reply}) + "\n")
            sys.stdout.flush()


main()
