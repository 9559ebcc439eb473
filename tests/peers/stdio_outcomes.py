"""An MCP server over stdio with a tool for every way in which a call can end.

`ok`, `fail` (says that it failed), `refuse` (answers with an error), `wait` (answers once there is
the file that it is given, whoever took the call back meanwhile).
"""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

NAMES = ("ok", "fail", "refuse", "wait")
lock = threading.Lock()


def write(**message: object) -> None:
    with lock:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def said(text: str, *, is_error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


def call(request_id: object, name: str, arguments: dict[str, Any]) -> None:
    if name == "wait":
        while not Path(arguments["file"]).exists():
            time.sleep(0.02)
    if name == "refuse":
        write(id=request_id, error={"code": -32000, "message": "not today"})
    else:
        write(id=request_id, result=said(name, is_error=name == "fail"))


def answer(method: str) -> dict[str, Any]:
    if method == "initialize":
        me = {"name": "outcomes", "version": "1"}
        version = {"protocolVersion": "2025-11-25", "serverInfo": me}
        return {"result": {**version, "capabilities": {"tools": {}}}}
    if method == "tools/list":
        schema = {"type": "object", "properties": {"file": {"type": "string"}}}
        return {"result": {"tools": [{"name": name, "inputSchema": schema} for name in NAMES]}}
    return {"error": {"code": -32601, "message": "no such method"}}


for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "tools/call":
        params = message["params"]
        work = (message["id"], params["name"], params.get("arguments") or {})
        if params["name"] == "wait":
            threading.Thread(target=call, args=work, daemon=True).start()
        else:
            call(*work)
    elif "id" in message:
        write(id=message["id"], **answer(message["method"]))
