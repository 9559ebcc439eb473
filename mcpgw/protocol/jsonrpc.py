"""JSON-RPC 2.0: reads envelopes, writes envelopes. Values inside stay raw JSON, byte for byte.

Nothing is decoded deeper than a message's own members, so big integers, the text of floats and
escapes survive. The one repair: a surrogate escape without its pair, which JavaScript servers
produce by cutting text inside an emoji, becomes U+FFFD; no UTF-8 could carry it.
Source: JSON-RPC 2.0; MCP 2026-07-28, basic/index.
"""

import re
from collections.abc import Mapping

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
MISSING_CAPABILITY = -32021
UNSUPPORTED_VERSION = -32022
RESOURCE_NOT_FOUND = -32002
URL_ELICITATION_REQUIRED = -32042

UNAUTHENTICATED = -31009
"""Our own code, outside of the ranges that JSON-RPC and MCP reserve: the token is not valid."""

_ABSENT = Raw(b"")
"""A member that was not there; compared by identity."""


class Message(msgspec.Struct, frozen=True):
    """One message: a request has `id` and `method`, a notification no `id`, a response no `method`.

    A response has exactly one of `result` and `error`; only one with `error` may lack `id`.
    `params` is empty when there were none.
    """

    id: Raw | None
    method: str | None
    params: dict[str, Raw]
    has_params: bool
    result: Raw | None
    error: Raw | None


class _Envelope(msgspec.Struct):
    """A message as it travels."""

    jsonrpc: str = ""
    id: Raw = _ABSENT
    method: str | None = None
    params: dict[str, Raw] | None = None
    result: Raw = _ABSENT
    error: Raw = _ABSENT


class _ToolResult(msgspec.Struct, rename="camel"):
    """What is looked at in the result of a tool."""

    is_error: Raw = _ABSENT


_envelope_decoder = msgspec.json.Decoder(_Envelope)
_raw_decoder = msgspec.json.Decoder(Raw)
_items_decoder = msgspec.json.Decoder(list[Raw])
_object_decoder = msgspec.json.Decoder(dict[str, Raw])
_text_decoder = msgspec.json.Decoder(str)
_tool_result_decoder = msgspec.json.Decoder(_ToolResult)
_encode = msgspec.json.Encoder().encode


def parse(body: bytes) -> Message | list[Message]:
    """Read one message, or a batch of them.

    Raises:
        ProtocolError: -32700 when `body` is not JSON, -32600 when it is not JSON-RPC.
    """
    try:
        if not body.isascii():
            body.decode()
        envelope = _envelope_decoder.decode(body)
    except (ValueError, RecursionError):
        return _parse_unusual(body)
    return _message(envelope)


def readable_id(body: bytes) -> bytes | None:
    """Return the id of a message that `parse` refused, None when there is no valid one."""
    try:
        request_id = bytes(_object_decoder.decode(body).get("id", _ABSENT))
    except (ValueError, RecursionError):
        return None
    return request_id if _is_id(request_id) else None


def read_object(raw: bytes | Raw) -> dict[str, Raw]:
    """Return the members of a JSON object, values raw.

    Raises:
        ProtocolError: -32600, it is not an object.
    """
    try:
        return _object_decoder.decode(raw)
    except (ValueError, RecursionError):
        raise ProtocolError("a JSON object was expected", INVALID_REQUEST) from None


def write_object(members: Mapping[str, bytes | Raw]) -> bytes:
    """Return a JSON object of raw values, verbatim and in their order."""
    return _encode(
        {name: value if isinstance(value, Raw) else Raw(value) for name, value in members.items()}
    )


def text(raw: bytes | Raw) -> str | None:
    """Return the value of a JSON string, None when it is not one."""
    try:
        return _text_decoder.decode(raw)
    except ValueError:
        return None


def canonical(raw: bytes | Raw) -> bytes:
    """Return JSON with its members sorted and nothing between them, or as it is if that fails.

    Two spellings of the same value become one, as far as numbers fit any type.
    """
    try:
        return msgspec.json.encode(msgspec.json.decode(raw), order="sorted")
    except (ValueError, RecursionError):
        return bytes(raw)


def is_object(raw: bytes | Raw) -> bool:
    """Say whether raw JSON, known to be valid, is an object."""
    return bytes(raw)[:1] == b"{"


def is_tool_error(result: bytes | Raw) -> bool:
    """Say whether a tool reports its own failure.

    Raises:
        ProtocolError: -32603, the result is not an object.
    """
    if bytes(result).endswith(b',"isError":false}'):
        return False  # as most servers write it; spares a scan of a long result
    try:
        found = _tool_result_decoder.decode(result)
    except (ValueError, RecursionError):
        raise ProtocolError("the server's result is not an object", INTERNAL_ERROR) from None
    return bytes(found.is_error) == b"true"


def repair_surrogates(body: bytes) -> bytes:
    """Return JSON with U+FFFD for every surrogate escape that lacks its pair.

    For bodies that would not decode: the decoder accepts no such escape.
    """
    return _ESCAPE.sub(_paired, body)


def result_bytes(request_id: bytes, result: bytes) -> bytes:
    """Return the response that carries a result."""
    return b"".join((b'{"jsonrpc":"2.0","id":', request_id, b',"result":', result, b"}"))


def raw_error_bytes(request_id: bytes | None, error: bytes) -> bytes:
    """Return the response that carries a raw error object."""
    return b'{"jsonrpc":"2.0","id":' + (request_id or b"null") + b',"error":' + error + b"}"


def error_bytes(
    request_id: bytes | None, code: int, message: str, data: bytes | None = None
) -> bytes:
    """Return the response that carries an error; `data` is raw JSON."""
    return raw_error_bytes(request_id, error_object(code, message, data))


def error_object(code: int, message: str, data: bytes | None = None) -> bytes:
    """Return an error object; `data` is raw JSON."""
    tail = b"}" if data is None else b',"data":' + data + b"}"
    return b'{"code":%d,"message":' % code + _encode(message) + tail


def request_bytes(request_id: bytes, method: str, params: bytes) -> bytes:
    """Return a request. `params` is a raw JSON object."""
    return b'{"jsonrpc":"2.0","id":' + request_id + b"," + _method_bytes(method, params)


def notification_bytes(method: str, params: bytes) -> bytes:
    """Return a notification. `params` is a raw JSON object."""
    return b'{"jsonrpc":"2.0",' + _method_bytes(method, params)


def _method_bytes(method: str, params: bytes) -> bytes:
    return b'"method":' + _encode(method) + b',"params":' + params + b"}"


def _parse_unusual(body: bytes) -> Message | list[Message]:
    """Read what is no plain message: a batch, unpaired surrogates, or nothing valid at all."""
    try:
        body.decode()
        whole = bytes(_raw_decoder.decode(repair_surrogates(body)))
        if whole[:1] != b"[":
            return _read_message(whole)
        items = _items_decoder.decode(whole)
        if not items:
            raise ProtocolError("the batch is empty", INVALID_REQUEST)
        return [_read_message(item) for item in items]
    except (ValueError, RecursionError):
        raise ProtocolError("the body is not JSON", PARSE_ERROR) from None


def _read_message(raw: bytes | Raw) -> Message:
    try:
        envelope = _envelope_decoder.decode(raw)
    except ValueError:
        raise ProtocolError("this is not a JSON-RPC message", INVALID_REQUEST) from None
    return _message(envelope)


def _message(envelope: _Envelope) -> Message:
    """Check an envelope's rules.

    Raises:
        ProtocolError: -32600, one is broken.
    """
    if envelope.jsonrpc != "2.0":
        raise ProtocolError('jsonrpc must be "2.0"', INVALID_REQUEST)
    request_id, params = envelope.id, envelope.params
    result = None if envelope.result is _ABSENT else envelope.result
    error = None if envelope.error is _ABSENT else envelope.error
    if envelope.method is None:
        if (result is None) is (error is None):
            raise ProtocolError("neither a request nor a response", INVALID_REQUEST)
        if result is None and bytes(request_id) == b"null":
            # The error answers a request whose id could not be read.
            request_id = _ABSENT
        if result is not None and request_id is _ABSENT:
            raise ProtocolError("a result needs an id", INVALID_REQUEST)
    if request_id is not _ABSENT and not _is_id(bytes(request_id)):
        raise ProtocolError("id must be a string or an integer", INVALID_REQUEST)
    return Message(
        None if request_id is _ABSENT else request_id,
        envelope.method,
        {} if params is None else params,
        params is not None,
        result,
        error,
    )


def _is_id(raw: bytes) -> bool:
    return raw[:1] == b'"' or raw.removeprefix(b"-").isdigit()


_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.",
    re.DOTALL,
)
"""An escape in a JSON string: a pair of surrogates, an unpaired one, or the start of another."""


def _paired(escape: re.Match[bytes]) -> bytes:
    found = escape[0]
    return b"\\ufffd" if len(found) == len(b"\\ud800") else found
