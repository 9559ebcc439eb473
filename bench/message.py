"""What a client sends: requests of both eras as bytes with a mark where each call's number goes.

A number has always eight digits, so that a request is one join and its length never changes.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import json

MARK = "@number@"
FIRST_NUMBER, LAST_NUMBER = 10_000_000, 99_999_999

MODERN_VERSION = "2026-07-28"
LEGACY_VERSION = "2025-11-25"
CLIENT_INFO = {"name": "mcpgw-bench", "version": "1"}
JSON_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}
_META = "io.modelcontextprotocol/"
_NO_PARAMS: Mapping[str, Any] = {}


def modern_headers(method: str, params: Mapping[str, Any] = _NO_PARAMS) -> dict[str, str]:
    """Return the headers of a modern request."""
    headers = {**JSON_HEADERS, "MCP-Protocol-Version": MODERN_VERSION, "Mcp-Method": method}
    return {**headers, "Mcp-Name": params["name"]} if "name" in params else headers


def modern_body(method: str, params: Mapping[str, Any] = _NO_PARAMS) -> bytes:
    """Return a modern request, which carries its revision and its client with it."""
    meta = {
        f"{_META}protocolVersion": MODERN_VERSION,
        f"{_META}clientInfo": CLIENT_INFO,
        f"{_META}clientCapabilities": {},
    }
    return legacy_body(method, {**params, "_meta": meta})


def legacy_headers(session_id: str) -> dict[str, str]:
    """Return the headers of a request in a session."""
    return {
        **JSON_HEADERS,
        "MCP-Protocol-Version": LEGACY_VERSION,
        "Mcp-Session-Id": session_id,
    }


def legacy_body(method: str, params: Mapping[str, Any] = _NO_PARAMS) -> bytes:
    """Return a request as it is in a session."""
    request = {"jsonrpc": "2.0", "id": MARK, "method": method, "params": params}
    return json.encode(request).replace(f'"id":"{MARK}"'.encode(), f'"id":{MARK}'.encode())


def function_body(tool: str) -> bytes:
    """Return what an application of OpenAI posts: its model's message with one call."""
    function = {"name": tool, "arguments": json.encode({"nonce": f"nonce-{MARK}"}).decode()}
    call = {"id": f"call-{MARK}", "type": "function", "function": function}
    return json.encode({"role": "assistant", "content": None, "tool_calls": [call]})


def http_request(host: str, path: str, headers: Mapping[str, str], body: bytes) -> list[bytes]:
    """Return the POST of `body` in pieces: a number goes between each two."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, "", ""]).encode()
    return (head + body).split(MARK.encode())
