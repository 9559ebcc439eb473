"""Which HTTP status and JSON-RPC code an error has: two tables, and the bodies made from them."""

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from mcpgw.errors import GatewayError, ProtocolError
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, error_bytes

HTTP_STATUS = {
    "invalid": 400,
    "not_found": 404,
    "conflict": 409,
    "unauthenticated": 401,
    "forbidden": 403,
    "vault_locked": 503,
    "storage": 503,
    "protocol": 400,
    "cancelled": 499,
    "upstream": 502,
    "upstream_timeout": 504,
    "internal": 500,
}

RPC_CODE = {
    "invalid": INVALID_PARAMS,
    "not_found": INVALID_PARAMS,
    "conflict": INVALID_PARAMS,
    "unauthenticated": -31009,
    "forbidden": -31010,
    "vault_locked": -31011,
    "storage": -31014,
    "protocol": INTERNAL_ERROR,
    "cancelled": -31015,
    "upstream": -31012,
    "upstream_timeout": -31013,
    "internal": INTERNAL_ERROR,
}
"""Our own codes stand outside of -32768..-32000: modern MCP reserves more of it than JSON-RPC."""

PLAIN_HEADERS = {
    "Server": "mcpgw",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer. The first hides what we are built with."""


_JSON_HEADERS = CIMultiDict({**PLAIN_HEADERS, "Content-Type": "application/json"})


def json_response(
    body: bytes, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """Return a response of raw JSON."""
    response = web.Response(body=body, status=status, headers=_JSON_HEADERS)
    if headers:
        response.headers.update(headers)
    return response


def error_response(error: GatewayError) -> web.Response:
    """Return the answer to a request that failed before it was known to be JSON-RPC."""
    body = {"error": error.code, "message": error.message, "hint": error.hint}
    headers = {}
    if error.code == "unauthenticated":
        headers["WWW-Authenticate"] = 'Bearer realm="mcpgw"'
    return json_response(msgspec.json.encode(body), HTTP_STATUS[error.code], headers)


def rpc_error_response(error: GatewayError, request_id: bytes) -> web.Response:
    """Return the answer to a JSON-RPC request that failed."""
    if isinstance(error, ProtocolError):
        body = error_bytes(request_id, error.rpc_code, error.message, error.data)
        return json_response(body, 200)
    body = error_bytes(request_id, RPC_CODE[error.code], error.message)
    return json_response(body, HTTP_STATUS[error.code])
