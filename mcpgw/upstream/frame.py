"""JSON-RPC messages as a server sends them, read just deep enough to route them.

Values stay raw bytes. Made for the hot path, where `protocol.jsonrpc.parse` tells more than is
needed: one decode per message, ids as plain numbers since they are ours.
"""

from msgspec import Raw, Struct, json

from mcpgw.protocol.exchange import Reply
from mcpgw.protocol.jsonrpc import (
    HEADER_MISMATCH,
    METHOD_NOT_FOUND,
    UNSUPPORTED_VERSION,
    error_bytes,
    notification_bytes,
    raw_error_bytes,
    request_bytes,
    result_bytes,
)

CHANGES = frozenset(
    {
        "notifications/prompts/list_changed",
        "notifications/resources/list_changed",
        "notifications/resources/updated",
        "notifications/tools/list_changed",
    }
)
"""The notifications that belong to no call."""

PROGRESS = "notifications/progress"
CANCELLED = "notifications/cancelled"
LOG_MESSAGE = "notifications/message"

PING = "ping"

ROOTS = "roots/list"

QUESTIONS = frozenset({"elicitation/create", ROOTS, "sampling/createMessage"})
"""What a legacy server may ask a client for."""

OUR_FAULT = frozenset({HEADER_MISMATCH, UNSUPPORTED_VERSION})
"""Errors about how we speak to the server. A client would take them for its own."""


class Frame(Struct, gc=False):
    """One message: a request has `id` and `method`, a notification no `id`, a response no `method`.

    Ids are those of MCP: numbers or strings.
    """

    id: int | str | None = None
    method: str | None = None
    params: Raw = Raw(b"{}")
    result: Raw = Raw(b"")
    error: Raw = Raw(b"")

    def reply(self) -> Reply | None:
        """Return the answer that this message carries, None when it carries none."""
        if len(self.result):
            return Reply(self.result, None)
        return None if self.error_code() is None else Reply(None, self.error)

    def error_code(self) -> int | None:
        """Return the code of the error, None when there is no well-formed one."""
        try:
            return _error_decoder.decode(self.error).code
        except (ValueError, RecursionError):
            return None

    def supported_versions(self) -> tuple[str, ...]:
        """Return the revisions that an `unsupported version` error lists."""
        try:
            return _unsupported_decoder.decode(self.error).data.supported
        except (ValueError, RecursionError):
            return ()

    def cancelled_id(self) -> int | str | None:
        """Return the id of the request that a notification takes back, None when it names none."""
        try:
            return _cancelled_decoder.decode(self.params).request_id
        except (ValueError, RecursionError):
            return None

    def progress_token(self) -> int | str | None:
        """Return the progress token of a notification, None when it has none."""
        try:
            return _progress_decoder.decode(self.params).token
        except (ValueError, RecursionError):
            return None


_OUR_RESULTS = {
    "ping": b"{}",
    "roots/list": b'{"roots":[]}',
    "elicitation/create": b'{"action":"cancel"}',
}
"""What we say for ourselves; to anything else, that we do not offer it."""


class _Error(Struct):
    code: int


class _UnsupportedData(Struct):
    supported: tuple[str, ...]


class _Unsupported(Struct):
    data: _UnsupportedData


class _Cancelled(Struct, rename={"request_id": "requestId"}):
    request_id: int | str


class _Progress(Struct, rename={"token": "progressToken"}):
    token: int | str


_frame_decoder = json.Decoder(Frame)
_error_decoder = json.Decoder(_Error)
_unsupported_decoder = json.Decoder(_Unsupported)
_cancelled_decoder = json.Decoder(_Cancelled)
_progress_decoder = json.Decoder(_Progress)


def read_frame(data: bytes) -> Frame | None:
    """Return the message, None when `data` is not one JSON-RPC object in UTF-8."""
    try:
        if not data.isascii():
            data.decode()
        return _frame_decoder.decode(data)
    except (ValueError, RecursionError):
        return None


def request_frame(request_id: int, method: str, params: bytes) -> bytes:
    """Return a request. `params` is a raw JSON object."""
    return request_bytes(b"%d" % request_id, method, params)


def cancelled_frame(request_id: int) -> bytes:
    """Return the notification that takes a request back."""
    return notification_bytes(CANCELLED, b'{"requestId":%d}' % request_id)


def answer_frame(request: Frame, reason: str = "this client does not offer that") -> bytes:
    """Return our own answer to a request of the server that no client is there to answer."""
    result = _OUR_RESULTS.get(request.method or "")
    if result is not None:
        return result_bytes(json.encode(request.id), result)
    return refusal_frame(request, METHOD_NOT_FOUND, reason)


def refusal_frame(request: Frame, code: int, message: str) -> bytes:
    """Return an error of ours as the answer to a request of the server."""
    return error_bytes(json.encode(request.id), code, message)


def reply_frame(request: Frame, reply: Reply) -> bytes:
    """Return the client's answer to a request of the server."""
    request_id = json.encode(request.id)
    if reply.error is not None:
        return raw_error_bytes(request_id, bytes(reply.error))
    return result_bytes(request_id, bytes(reply.result or b"{}"))
