"""Which HTTP status and JSON-RPC code an error has: two tables, and the bodies made from them."""

import math
from http import HTTPStatus

import msgspec
from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

from mcpgw.errors import GatewayError, Limited, ProtocolError, Unauthenticated
from mcpgw.protocol.jsonrpc import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_CAPABILITY,
    UNAUTHENTICATED,
    UNSUPPORTED_VERSION,
    error_bytes,
)
from mcpgw.web.refusal import Distinct, Refused
from mcpgw.web.wire.problem import Refusal

HTTP_STATUS = {
    "invalid": 400,
    "not_found": 404,
    "conflict": 409,
    "unauthenticated": 401,
    "forbidden": 403,
    "limited": 429,
    "vault_locked": 503,
    "storage": 503,
    "protocol": 400,
    "cancelled": 499,
    "upstream": 502,
    "upstream_headers": 502,
    "upstream_timeout": 504,
    "internal": 500,
}

RPC_CODE = {
    "invalid": INVALID_PARAMS,
    "not_found": INVALID_PARAMS,
    "conflict": INVALID_PARAMS,
    "unauthenticated": UNAUTHENTICATED,
    "forbidden": -31010,
    "limited": -31016,
    "vault_locked": -31011,
    "storage": -31014,
    "protocol": INTERNAL_ERROR,
    "cancelled": -31015,
    "upstream": -31012,
    "upstream_headers": -31012,
    "upstream_timeout": -31013,
    "internal": INTERNAL_ERROR,
}
"""Our own codes stand outside of -32768..-32000: modern MCP reserves more of it than JSON-RPC."""

MODERN_STATUS = {
    HEADER_MISMATCH: 400,
    MISSING_CAPABILITY: 400,
    UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}
"""What a modern client must be told by the HTTP status too; any other code comes with 200."""


PLAIN_HEADERS = {
    "Server": "mcpgw",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""On every answer. The first hides what we are built with; the rest keeps browsers from making
anything of an answer that they were led to."""


_JSON_HEADERS = CIMultiDict({**PLAIN_HEADERS, "Content-Type": "application/json"})

_HEAD = (
    "HTTP/1.1 200 OK\r\n"
    + "".join(f"{name}: {value}\r\n" for name, value in _JSON_HEADERS.items())
    + "Date: %b\r\nContent-Length: %d\r\n\r\n"
).encode()


BUSY_RETRY_S = "5"
"""When it is worth another try after there was no room."""

COPIED_BYTES = 16 << 10
"""Up to this size joining head and body costs less than writing them as two."""


class Answered(web.Response):
    """A 200 with raw JSON for a client that keeps its connection: one write, head and body.

    aiohttp's own way to the same bytes costs several times as much, for every call.
    """

    def __init__(self, body: bytes) -> None:
        super().__init__(body=body, headers=_JSON_HEADERS)
        self._raw_body = body
        self._is_written = False

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection may serve another request."""
        return True if self._is_written else super().keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything at once, or leave it to aiohttp when the client is not the usual one."""
        if request.version != HttpVersion11 or not request.keep_alive:
            return await super().prepare(request)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client left")
        head = _HEAD % (rfc822_formatted_time().encode(), len(self._raw_body))
        if len(self._raw_body) < COPIED_BYTES:
            transport.write(head + self._raw_body)
        else:
            transport.writelines((head, self._raw_body))
        self._is_written = True
        if request.protocol.writing_paused:
            # No further request is taken of a client before it has read.
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """End, which `prepare` did already."""
        if not self._is_written:
            await super().write_eof(data)


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
    return json_response(_error_body(error), status_of(error), error_headers(error))


def raw_error(error: GatewayError) -> bytes:
    """Return the whole answer to a client with whom no request was begun; the connection ends."""
    status = status_of(error)
    body = _error_body(error)
    headers = {**_JSON_HEADERS, **error_headers(error), "Connection": "close"}
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head += f"Date: {rfc822_formatted_time()}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def status_of(error: GatewayError) -> int:
    """Return the HTTP status of an error."""
    return error.http_status if isinstance(error, Distinct) else HTTP_STATUS[error.code]


def rpc_error_response(
    error: GatewayError, request_id: bytes, *, is_modern: bool = False
) -> web.Response:
    """Return the answer to a JSON-RPC request that failed, of a client of that era."""
    status = HTTP_STATUS[error.code]
    if isinstance(error, ProtocolError):
        status = MODERN_STATUS.get(error.rpc_code, 200) if is_modern else 200
    return json_response(rpc_error(error, request_id), status, error_headers(error))


def rpc_error(error: GatewayError, request_id: bytes) -> bytes:
    """Return the JSON-RPC response that says how a request failed."""
    if isinstance(error, ProtocolError):
        return error_bytes(request_id, error.rpc_code, error.message, error.data)
    return error_bytes(request_id, RPC_CODE[error.code], error.message)


def _error_body(error: GatewayError) -> bytes:
    said = Refusal(error=error.code, message=error.message, hint=error.hint)
    return msgspec.json.encode(said)


def error_headers(error: GatewayError) -> dict[str, str]:
    """Return the headers by which HTTP says what to do about an error."""
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="mcpgw"'}
    if isinstance(error, Limited):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
    if isinstance(error, Refused) and error.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": BUSY_RETRY_S}
    return {}
