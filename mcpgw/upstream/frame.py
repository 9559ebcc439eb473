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
    request_bytes,
    result_bytes,
)

LIST_CHANGED = frozenset(
    f"notifications/{kind}/list_changed" for kind in ("tools", "prompts", "resources")
)
"""The notifications that belong to no call."""

PROGRESS = "notifications/progress"
LOG_MESSAGE = "notifications/message"

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

    def progress_token(self) -> int | str | None:
        """Return the progress token of a notification, None when it has none."""
        try:
            return _progress_decoder.decode(self.params).token
        except (ValueError, RecursionError):
            return None


class _Error(Struct):
    code: int


class _UnsupportedData(Struct):
    supported: tuple[str, ...]


class _Unsupported(Struct):
    data: _UnsupportedData


class _Progress(Struct, rename={"token": "progressToken"}):
    token: int | str


_frame_decoder = json.Decoder(Frame)
_error_decoder = json.Decoder(_Error)
_unsupported_decoder = json.Decoder(_Unsupported)
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
    return notification_bytes("notifications/cancelled", b'{"requestId":%d}' % request_id)


def answer_frame(request: Frame) -> bytes:
    """Return our answer to a request of the server: a pong, or that we offer nothing else."""
    request_id = json.encode(request.id)
    if request.method == "ping":
        return result_bytes(request_id, b"{}")
    return error_bytes(request_id, METHOD_NOT_FOUND, "this client does not offer that")
