"""What stands on the network, on loopback in a thread: a hosted MCP server, and a registry."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

KEY = "hosted-canary"


@dataclass
class Hosted:
    """Speaks legacy MCP to whoever shows the key; answers GET as `registry` says, by path."""

    registry: dict[str, Any] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    url: str = ""


def answer(method: str) -> dict[str, Any]:
    if method == "initialize":
        me = {"name": "hosted", "version": "1"}
        version = {"protocolVersion": "2025-11-25", "serverInfo": me}
        return {"result": {**version, "capabilities": {"tools": {}}}}
    if method == "tools/list":
        return {"result": {"tools": [{"name": "ask", "inputSchema": {"type": "object"}}]}}
    return {"error": {"code": -32601, "message": "no such method"}}


@contextmanager
def hosted() -> Iterator[Hosted]:
    one = Hosted()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            one.seen.append(self.path)
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                self._send(401, b"")
            elif "id" not in message:
                self._send(202, b"")
            else:
                reply = {"jsonrpc": "2.0", "id": message["id"], **answer(message["method"])}
                self._send(200, json.dumps(reply).encode())

        def do_GET(self) -> None:
            one.seen.append(self.path)
            found = one.registry.get(self.path)
            body = b"" if found is None else json.dumps(found).encode()
            self._send(404 if found is None else 200, body)

        def do_DELETE(self) -> None:
            self._send(204, b"")

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        one.url = f"http://127.0.0.1:{server.server_address[1]}"
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield one
        finally:
            server.shutdown()
