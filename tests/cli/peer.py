"""A legacy MCP server over stdio whose tools show what the command line does with what they say."""

import json
import os
import sys
from typing import Any

NUMBER, TEXT = {"type": "number"}, {"type": "string"}
SCHEMAS: dict[str, Any] = {
    "echo": {"type": "object", "properties": {"text": TEXT, "count": NUMBER}},
    "environment": {"type": "object"},
    "fail": {"type": "object"},
    "refuse": {"type": "object"},
    "blocks": {"type": "object", "properties": "nonsense"},
    "structured": {"type": "object"},
}
BLOCKS = [
    {"type": "text", "text": "one\x1b[2J"},
    {"type": "image", "data": "AAAA", "mimeType": "image/png"},
    {"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}},
    {"type": "resource", "resource": {"uri": "file:///b", "blob": "AAAA"}},
    {"type": "resource_link", "uri": "file:///c", "name": "c"},
]


def said(text: str, **more: object) -> dict[str, Any]:
    return {"result": {"content": [{"type": "text", "text": text}], **more}}


def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    answers = {
        "echo": said(json.dumps(arguments)),
        "environment": said(os.environ.get("KEY", "")),  # noqa: TID251  (no part of mcpgw)
        "fail": said("it broke", isError=True),
        "refuse": {"error": {"code": -32000, "message": "not today"}},
        "blocks": {"result": {"content": BLOCKS}},
        "structured": {"result": {"content": [], "structuredContent": {"a": 1}}},
    }
    return answers[name]


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method == "initialize":
        me = {"name": "peer", "version": "1"}
        version = {"protocolVersion": "2025-11-25", "serverInfo": me}
        return {"result": {**version, "capabilities": {"tools": {}}}}
    if method == "tools/list":
        tools = [{"name": name, "inputSchema": schema} for name, schema in SCHEMAS.items()]
        return {"result": {"tools": tools}}
    if method == "tools/call":
        return call(params["name"], params["arguments"])
    return {"error": {"code": -32601, "message": "no such method"}}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        reply = answer(message["method"], message.get("params", {}))
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], **reply}) + "\n")
        sys.stdout.flush()
