"""Which HTTP status and JSON-RPC code an error has: two tables, and the bodies made from them."""

import asyncio
import math

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
}
"""On every answer. The first hides what we are built with."""


_JSON_HEADERS = CIMultiDict({**PLAIN_HEADERS, "Content-Type": "application/json"})

_HEAD = (
    "HTTP/1.1 200 OK\r\n"
    + "".join(f"{name}: {value}\r\n" for name, value in _JSON_HEADERS.items())
    + "Date: %b\r\nContent-Length: %d\r\n\r\n"
).encode()


READING_TIME_S = 30.0
"""How long a client may take to read what fills its connection; then it is dropped."""

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
            await self._wait_for_reader(request)
        return None

    async def _wait_for_reader(self, request: web.BaseRequest) -> None:
        """Take no further request of a client before it has read; drop it if it does not."""
        try:
            async with asyncio.timeout(READING_TIME_S):
                await request.writer.drain()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the client does not read") from None

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
    body = {"error": error.code, "message": error.message, "hint": error.hint}
    return json_response(msgspec.json.encode(body), HTTP_STATUS[error.code], _headers(error))


def rpc_error_response(
    error: GatewayError, request_id: bytes, *, is_modern: bool = False
) -> web.Response:
    """Return the answer to a JSON-RPC request that failed, of a client of that era."""
    status = HTTP_STATUS[error.code]
    if isinstance(error, ProtocolError):
        status = MODERN_STATUS.get(error.rpc_code, 200) if is_modern else 200
    return json_response(rpc_error(error, request_id), status, _headers(error))


def rpc_error(error: GatewayError, request_id: bytes) -> bytes:
    """Return the JSON-RPC response that says how a request failed."""
    if isinstance(error, ProtocolError):
        return error_bytes(request_id, error.rpc_code, error.message, error.data)
    return error_bytes(request_id, RPC_CODE[error.code], error.message)


def _headers(error: GatewayError) -> dict[str, str]:
    """Return the headers by which HTTP says what to do about an error."""
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="mcpgw"'}
    if isinstance(error, Limited):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
    return {}
