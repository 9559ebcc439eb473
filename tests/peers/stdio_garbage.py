"""An MCP server over stdio that writes any bytes it is told to, and only then its answer.

    python stdio_garbage.py [SIZE]

The tool `say` takes `bytes`, in Base64; its description has SIZE characters.
"""

import base64
import json
import sys
from typing import Any

TOOL = {
    "name": "say",
    "description": "x" * int(sys.argv[1] if len(sys.argv) > 1 else "1"),
    "inputSchema": {"type": "object"},
}


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method == "initialize":
        me = {"name": "garbage", "version": "1"}
        version = {"protocolVersion": "2025-11-25", "serverInfo": me}
        return {"result": {**version, "capabilities": {"tools": {}}}}
    if method == "tools/list":
        return {"result": {"tools": [TOOL]}}
    if method == "tools/call":
        arguments = params.get("arguments")
        said = arguments.get("bytes") if isinstance(arguments, dict) else ""
        sys.stdout.buffer.write(base64.b64decode(said if isinstance(said, str) else ""))
        return {"result": {"content": [{"type": "text", "text": "said"}]}}
    return {"error": {"code": -32601, "message": "no such method"}}


for line in sys.stdin.buffer:
    message = json.loads(line)
    if "id" in message and "method" in message:
        reply = {"jsonrpc": "2.0", "id": message["id"]}
        reply |= answer(message["method"], message.get("params", {}))
        sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n")
        sys.stdout.buffer.flush()
