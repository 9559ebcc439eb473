"""What a client's HTTP request means: its era, its kind, and whether it is well formed.

Theory: the body decides, the headers must agree. A request whose `_meta` names a revision that is
not legacy is modern; one without that, under a header that is not legacy, is a broken modern one;
everything else belongs to a legacy session. A modern request is then held against the ladder:
required keys, headers, revision, method; the first rung that breaks is the answer.
Never checks a session: that needs keys. Source: MCP 2026-07-28, basic/transports and versioning.
"""

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.era import (
    ASSUMED_LEGACY,
    LEGACY_VERSIONS,
    META_CLIENT_CAPABILITIES,
    META_CLIENT_INFO,
    META_VERSION,
    METHODS,
    MODERN_VERSIONS,
    NAME_BEARING,
    Era,
    era_of,
)
from mcpgw.protocol.header import AMBIGUOUS, Headers, decode_value, disagreement, header_value
from mcpgw.protocol.header import param_headers as param_headers  # the other half of the check
from mcpgw.protocol.jsonrpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    UNSUPPORTED_VERSION,
    Message,
    error_bytes,
    is_object,
    parse,
    read_object,
    readable_id,
    text,
)
from mcpgw.protocol.request import Accepted as Accepted  # the shapes, for whoever asks here
from mcpgw.protocol.request import Batch as Batch
from mcpgw.protocol.request import Call as Call
from mcpgw.protocol.request import Initialize as Initialize
from mcpgw.protocol.request import Rejection as Rejection
from mcpgw.protocol.request import SessionEnd as SessionEnd
from mcpgw.protocol.request import SessionMessage as SessionMessage
from mcpgw.protocol.request import StreamOpen as StreamOpen

MAX_BATCH = 100
"""Messages in one batch; no client of the field sends more than a few."""

_VERSION_HEADER = "MCP-Protocol-Version"
_SESSION_HEADER = "Mcp-Session-Id"
_METHOD_HEADER = "Mcp-Method"
_NAME_HEADER = "Mcp-Name"
_LAST_EVENT_HEADER = "Last-Event-ID"

_EVENTS = "text/event-stream"
_LISTEN = "subscriptions/listen"


class _Request(msgspec.Struct, frozen=True):
    """A request whose era is being found out."""

    version_header: str | None
    id: bytes
    method: str
    params: dict[str, Raw]
    size: int


class _ClientInfo(msgspec.Struct):
    """What is looked at in a modern client's description of itself."""

    name: str = ""
    version: str = ""


_client_info_decoder = msgspec.json.Decoder(_ClientInfo)
_NO_CLIENT = _ClientInfo()


def classify_post(
    headers: Headers, body: bytes
) -> Call | Initialize | SessionMessage | Batch | Accepted | Rejection:
    """Say what a POST is."""
    try:
        message = parse(body)
    except ProtocolError as error:
        return _reject(400, error.rpc_code, error.message, readable_id(body))
    version_header = header_value(headers, _VERSION_HEADER)
    if isinstance(message, list):
        return _batch(headers, version_header, message, len(body))
    request_id = None if message.id is None else bytes(message.id)
    if version_header is AMBIGUOUS:
        return _mismatch(_VERSION_HEADER, request_id)
    if message.method is None or request_id is None:
        return _without_reply(headers, version_header, message)
    found = _classify_request(
        headers,
        _Request(version_header, request_id, message.method, message.params, len(body)),
    )
    if isinstance(found, Call):
        found = _served(found)
    if isinstance(found, Call) and found.method == _LISTEN and not _takes_events(headers):
        return _no_events(request_id)
    return found


def classify_message(
    body: bytes, session_id: str
) -> Call | Initialize | SessionMessage | Rejection:
    """Say what a POST of the transport HTTP+SSE is, whose session comes from the URL.

    That transport has no headers, no batches and no modern requests. As for any POST, a rejection
    with status 200 is an answer in the session; here it goes on the session's stream.
    """
    try:
        message = parse(body)
        if isinstance(message, list):
            raise ProtocolError("this transport has no batches", INVALID_REQUEST)
        if message.method is None or message.id is None:
            return SessionMessage(session_id, None, message)
        meta = _meta(message.params)
    except ProtocolError as error:
        return _reject(400, error.rpc_code, error.message, readable_id(body))
    request = _Request(None, bytes(message.id), message.method, message.params, len(body))
    if META_VERSION in meta and text(meta[META_VERSION]) not in LEGACY_VERSIONS:
        problem = "this transport serves no modern requests: POST them to the workspace's URL"
        return _reject(400, INVALID_REQUEST, problem, request.id)
    found = _legacy_request(request, meta, session_id)
    return _served(found) if isinstance(found, Call) else found


def classify_other(http_method: str, headers: Headers) -> StreamOpen | SessionEnd | Rejection:
    """Say what a request other than POST is."""
    version_header = header_value(headers, _VERSION_HEADER)
    era = Era.LEGACY if version_header is None else era_of(version_header)
    if era is Era.MODERN:
        return Rejection(405, b"", (("Allow", "POST"),))
    if http_method not in ("GET", "DELETE"):
        return Rejection(405, b"", (("Allow", "GET, POST, DELETE"),))
    if era is None:
        problem = f"the {_VERSION_HEADER} header is not supported"
        return _reject(400, INVALID_REQUEST, problem, None)
    session_id = _session_id(headers)
    if session_id is None:
        return _no_session(None)
    if http_method == "DELETE":
        return SessionEnd(session_id)
    last_event_id = header_value(headers, _LAST_EVENT_HEADER)
    if last_event_id is None or last_event_id is AMBIGUOUS:
        last_event_id = ""
    return StreamOpen(session_id, last_event_id) if _takes_events(headers) else _no_events(None)


def check_param_headers(
    headers: Headers,
    input_schema: bytes | Raw,
    arguments: Raw | None,
    request_id: bytes | None = None,
) -> Rejection | None:
    """Hold a modern tools/call's `Mcp-Param-*` headers against its arguments: the last rung."""
    header = disagreement(headers, input_schema, arguments)
    return None if header is None else _mismatch(header, request_id)


def _classify_request(headers: Headers, request: _Request) -> Call | Initialize | Rejection:
    """Tell the eras apart. Whether the method exists is not asked here."""
    header = request.version_header
    is_legacy_header = header is None or header in LEGACY_VERSIONS
    try:
        meta = _meta(request.params)
    except ProtocolError as error:
        return _reject(400, error.rpc_code, error.message, request.id)
    claim = meta.get(META_VERSION)
    if claim is None and not is_legacy_header:
        return _lacks_meta(request)
    if claim is not None:
        version = text(claim)
        if version not in LEGACY_VERSIONS:
            return _modern_request(headers, request, meta, version)
        if not is_legacy_header:
            return _mismatch(_VERSION_HEADER, request.id)
    return _legacy_request(request, meta, _session_id(headers))


def _served(call: Call) -> Call | Rejection:
    """Refuse a call of a method that its era does not have."""
    if call.method in METHODS[call.era]:
        return call
    status = 404 if call.era is Era.MODERN else 200
    return _reject(status, METHOD_NOT_FOUND, "Method not found", call.id)


def _legacy_request(
    request: _Request, meta: dict[str, Raw], session_id: str | None
) -> Call | Initialize | Rejection:
    if request.method == "initialize":
        return Initialize(request.id, request.params, request.size)
    if session_id is None:
        return _no_session(request.id)
    return Call(
        era=Era.LEGACY,
        version=request.version_header or "",
        id=request.id,
        method=request.method,
        params=request.params,
        meta=meta,
        session_id=session_id,
        client_name="",
        progress_token=_progress_token(meta),
        size=request.size,
    )


def _modern_request(
    headers: Headers, request: _Request, meta: dict[str, Raw], version: str | None
) -> Call | Rejection:
    """Climb the ladder of a modern request; `version` is None when it is not a string."""
    capabilities = meta.get(META_CLIENT_CAPABILITIES)
    if version is None or capabilities is None or not is_object(capabilities):
        return _lacks_meta(request)
    if request.version_header != version:
        return _mismatch(_VERSION_HEADER, request.id)
    if header_value(headers, _METHOD_HEADER) != request.method:
        return _mismatch(_METHOD_HEADER, request.id)
    parameter = NAME_BEARING.get(request.method)
    if parameter is not None and not _names_match(headers, request, parameter):
        return _mismatch(_NAME_HEADER, request.id)
    if version not in MODERN_VERSIONS:
        data = msgspec.json.encode({"supported": MODERN_VERSIONS, "requested": version})
        problem = "Unsupported protocol version"
        return _reject(400, UNSUPPORTED_VERSION, problem, request.id, data)
    client = _client(meta)
    return Call(
        era=Era.MODERN,
        version=version,
        id=request.id,
        method=request.method,
        params=request.params,
        meta=meta,
        session_id=None,
        client_name=client.name,
        client_version=client.version,
        progress_token=_progress_token(meta),
        size=request.size,
        headers=headers if request.method == "tools/call" else None,
    )


def _without_reply(
    headers: Headers, version_header: str | None, message: Message
) -> SessionMessage | Accepted | Rejection:
    """Classify a notification or a response."""
    if version_header in MODERN_VERSIONS:
        if message.method is not None:
            return Accepted()
        problem = "a client has no requests to respond to"
        return _reject(400, INVALID_REQUEST, problem, None)
    session_id = _session_id(headers)
    if session_id is None:
        return _no_session(None)
    return SessionMessage(session_id, version_header, message)


def _batch(
    headers: Headers, version_header: str | None, messages: list[Message], size: int
) -> Batch | Rejection:
    """Classify a batch. Its requests may ask for methods that do not exist: each has its answer."""
    if version_header not in (None, ASSUMED_LEGACY) or len(messages) > MAX_BATCH:
        return _reject(400, INVALID_REQUEST, "a batch cannot be served", None)
    session_id = _session_id(headers)
    if session_id is None:
        return _no_session(None)
    items: list[Call | SessionMessage] = []
    for message in messages:
        if message.method is None or message.id is None:
            items.append(SessionMessage(session_id, version_header, message))
            continue
        request = _Request(version_header, bytes(message.id), message.method, message.params, size)
        found = _classify_request(headers, request)
        if not isinstance(found, Call) or found.era is Era.MODERN:
            return _reject(400, INVALID_REQUEST, "this cannot be part of a batch", None)
        items.append(found)
    return Batch(session_id, version_header, tuple(items))


def _names_match(headers: Headers, request: _Request, parameter: str) -> bool:
    """Compare the name header with the body. A request that names nothing needs none."""
    header = header_value(headers, _NAME_HEADER)
    value = request.params.get(parameter)
    name = None if value is None else text(value)
    if header is None or name is None:
        return header is name
    return decode_value(header) == name


def _meta(params: dict[str, Raw]) -> dict[str, Raw]:
    """Return the members of `_meta`, none when there is none.

    Raises:
        ProtocolError: -32602, it is not an object.
    """
    try:
        return read_object(params["_meta"]) if "_meta" in params else {}
    except ProtocolError:
        raise ProtocolError("params._meta must be an object", INVALID_PARAMS) from None


def _client(meta: dict[str, Raw]) -> _ClientInfo:
    try:
        return _client_info_decoder.decode(meta.get(META_CLIENT_INFO, b"{}"))
    except ValueError:
        return _NO_CLIENT


def _progress_token(meta: dict[str, Raw]) -> bytes | None:
    """Return the token to report progress under, None when there is no valid one."""
    token = meta.get("progressToken")
    if token is None:
        return None
    raw = bytes(token)
    return raw if raw[:1] in b'"-0123456789' else None


def _session_id(headers: Headers) -> str | None:
    """Return the session's id, None unless there is exactly one."""
    session_id = header_value(headers, _SESSION_HEADER)
    return None if session_id is AMBIGUOUS else session_id or None


def _takes_events(headers: Headers) -> bool:
    return any(_EVENTS in value.lower() for value in headers.getall("Accept", []))


def _no_events(request_id: bytes | None) -> Rejection:
    problem = f"the Accept header must name {_EVENTS}: the answer is a stream"
    return _reject(406, INVALID_REQUEST, problem, request_id)


def _lacks_meta(request: _Request) -> Rejection:
    problem = f"params._meta needs {META_VERSION} (string) and {META_CLIENT_CAPABILITIES} (object)"
    return _reject(400, INVALID_PARAMS, problem, request.id)


def _mismatch(header: str, request_id: bytes | None) -> Rejection:
    problem = f"the {header} header is missing, sent twice or does not match the body"
    return _reject(400, HEADER_MISMATCH, problem, request_id)


def _no_session(request_id: bytes | None) -> Rejection:
    problem = f"one {_SESSION_HEADER} header is needed: initialize first"
    return _reject(400, INVALID_REQUEST, problem, request_id)


def _reject(
    status: int, code: int, problem: str, request_id: bytes | None, data: bytes | None = None
) -> Rejection:
    return Rejection(status, error_bytes(request_id, code, problem, data))
