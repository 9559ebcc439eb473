"""Between a client's era and a server's: parameters out; results, errors and progress back.

Every value passes verbatim; only the target's name, `_meta` and the members that one era has and
the other lacks are touched. Never asks what a method means beyond that.
Source: MCP 2026-07-28, basic/versioning; the revisions' schemas.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.model.audit import printable
from mcpgw.protocol.era import (
    LISTS,
    META,
    META_CLIENT_CAPABILITIES,
    META_CLIENT_INFO,
    META_LOG_LEVEL,
    META_SERVER_INFO,
    META_VERSION,
    NAME_BEARING,
    Era,
    is_older,
)
from mcpgw.protocol.input_required import INPUT_REQUIRED
from mcpgw.protocol.jsonrpc import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    MISSING_CAPABILITY,
    RESOURCE_NOT_FOUND,
    UNSUPPORTED_VERSION,
    URL_ELICITATION_REQUIRED,
    error_object,
    is_object,
    read_object,
    text,
    write_object,
)
from mcpgw.protocol.projection import for_client

COMPLETION_CONTEXT_SINCE = "2025-06-18"
"""The revision that gave `completion/complete` its `context`."""

_CACHEABLE = frozenset({*LISTS, "resources/read"})
"""The methods whose modern results say how long they may be kept."""

_MODERN_ONLY = ("resultType", "ttlMs", "cacheScope")
_ROUND_TRIP = ("inputResponses", "requestState")

_OUR_AFFAIR = frozenset({HEADER_MISMATCH, UNSUPPORTED_VERSION})
"""Errors about how we spoke to the server; a client would correct itself by them."""

_COMPLETE = Raw(b'"complete"')
_COMPLETE_FIRST = b'{"resultType":"complete",'
"""How results begin that some SDKs write: a long one need not be read to know its type."""
_PRIVATE = Raw(b'"private"')

_encode = msgspec.json.Encoder().encode


class _Error(msgspec.Struct):
    """An error object."""

    code: int
    message: str
    data: Raw = Raw(b"")


class _MissingCapability(msgspec.Struct, rename="camel"):
    """The data of the modern error for a capability that the client did not declare."""

    required_capabilities: dict[str, Raw]


class _NotFound(msgspec.Struct):
    """The data of the modern error for a resource that is not there."""

    uri: str


_error_decoder = msgspec.json.Decoder(_Error)
_missing_capability_decoder = msgspec.json.Decoder(_MissingCapability)
_not_found_decoder = msgspec.json.Decoder(_NotFound)


def params_to_upstream(  # noqa: PLR0913  (all of it goes into one object; named at the call)
    params: Mapping[str, Raw],
    *,
    upstream_era: Era,
    upstream_version: str,
    target: tuple[str, str] | None,
    client_era: Era,
    client_meta: Mapping[str, Raw],
    client_capabilities: bytes,
    client_info: bytes,
    progress_token: int | None,
    log_level: str = "",
) -> bytes:
    """Return a request's parameters as the server is to see them.

    `target` is the parameter that names the tool, prompt or URI, and the server's own name for it.
    `client_capabilities` and `client_info` are raw JSON, for a modern server, as is the least
    `log_level` that the client wants to hear, empty for none.
    """
    members: dict[str, object] = dict(params)
    if target is not None:
        members[target[0]] = target[1]
    if upstream_era is Era.LEGACY:
        for name in _ROUND_TRIP:
            members.pop(name, None)
    if Era.LEGACY in (upstream_era, client_era):
        # A client's word about its own revision means nothing to a server of the other era.
        meta: dict[str, object] = {
            key: value for key, value in client_meta.items() if not key.startswith(META)
        }
    else:
        meta = dict(client_meta)
    if upstream_era is Era.MODERN:
        meta[META_VERSION] = upstream_version
        meta[META_CLIENT_INFO] = Raw(client_info)
        meta[META_CLIENT_CAPABILITIES] = Raw(client_capabilities)
        if log_level:
            meta[META_LOG_LEVEL] = log_level
    elif "ref" in members and is_older(upstream_version, COMPLETION_CONTEXT_SINCE):
        members.pop("context", None)
    meta.pop("progressToken", None)
    if progress_token is not None:
        meta["progressToken"] = progress_token
    members.pop("_meta", None)
    if meta:
        members["_meta"] = meta
    return _encode(members)


def result_to_client(  # noqa: PLR0913  (what both sides are; named at the call)
    result: Raw,
    *,
    method: str,
    upstream_era: Era,
    client_era: Era,
    client_version: str,
    server_info: bytes,
    ttl_ms: int = 0,
    has_object_output: bool = True,
) -> bytes:
    """Return a server's result as the client is to see it. `server_info` is the gateway's.

    A result that asks for input passes only to a modern client of a modern server.
    `has_object_output` is False for a tool whose output schema legacy clients are not shown.

    Raises:
        ProtocolError: -32603, it is no result, or one that the client cannot be given.
    """
    if not is_object(result):
        raise ProtocolError("the server's result is not an object", INTERNAL_ERROR)
    if client_era is Era.LEGACY:
        plain = _to_legacy(result, upstream_era, has_object_output)
        return for_client(plain, method, client_version)
    if upstream_era is Era.MODERN:
        return _checked(result, method)
    return _with_modern(result, method, server_info, ttl_ms)


def error_to_client(error: Raw | None, *, client_era: Era, method: str) -> bytes:
    """Return a server's error as the client is to see it; codes that would mislead it change."""
    try:
        found = _error_decoder.decode(error or b"")
    except (ValueError, RecursionError):
        return error_object(INTERNAL_ERROR, "the server sent a malformed error")
    data = bytes(found.data) or None
    if found.code == MISSING_CAPABILITY and client_era is Era.LEGACY:
        problem = f"the server needs what this client cannot be asked for: {_required(data)}"
        return error_object(INTERNAL_ERROR, problem, data)
    code = _code_to_client(found.code, data, client_era, method)
    return error_object(code, found.message, data)


def lacking_capability(error: Raw) -> ProtocolError | None:
    """Return a server's -32021 as an error to raise, None when its error is another one."""
    if b"%d" % MISSING_CAPABILITY not in bytes(error):
        return None
    try:
        found = _error_decoder.decode(error)
    except (ValueError, RecursionError):
        return None
    if found.code != MISSING_CAPABILITY:
        return None
    return ProtocolError(found.message, found.code, data=bytes(found.data) or None)


def progress_to_client(params: Raw, token: bytes) -> bytes:
    """Return the parameters of a progress notification under the client's own token (raw JSON).

    Raises:
        ProtocolError: `params` is not an object.
    """
    return write_object({**read_object(params), "progressToken": token})


def _checked(result: Raw, method: str) -> bytes:
    """Return a modern result for a modern client: untouched, once its type is known."""
    untouched = bytes(result)
    if untouched.startswith(_COMPLETE_FIRST):
        return untouched
    members = _members(result)
    if "resultType" not in members:
        return write_object({**members, "resultType": _COMPLETE})
    if method not in NAME_BEARING or bytes(members["resultType"]) != INPUT_REQUIRED:
        _require_complete(members["resultType"])
    return untouched


def _to_legacy(result: Raw, upstream_era: Era, has_object_output: bool) -> bytes:
    """Return a result without what only modern clients know."""
    if upstream_era is Era.LEGACY and has_object_output:
        return bytes(result)
    members = _members(result)
    output = members.get("structuredContent")
    if output is not None and not (has_object_output and is_object(output)):
        # Legacy clients validate that it is an object; the text in `content` says the same.
        del members["structuredContent"]
    if upstream_era is Era.MODERN:
        _require_complete(members.get("resultType", _COMPLETE))
        for name in _MODERN_ONLY:
            members.pop(name, None)
    return write_object(members)


def _with_modern(result: Raw, method: str, server_info: bytes, ttl_ms: int) -> bytes:
    """Return a legacy result with what modern clients need."""
    members: dict[str, object] = {**_members(result), "resultType": _COMPLETE}
    if method in _CACHEABLE:
        members["ttlMs"] = ttl_ms
        members["cacheScope"] = _PRIVATE
    meta = members.get("_meta")
    kept = read_object(meta) if isinstance(meta, Raw) and is_object(meta) else {}
    members["_meta"] = {**kept, META_SERVER_INFO: Raw(server_info)}
    return _encode(members)


def _members(result: Raw) -> dict[str, Raw]:
    try:
        return read_object(result)
    except ProtocolError:
        raise ProtocolError("the server's result cannot be read", INTERNAL_ERROR) from None


def _require_complete(result_type: Raw) -> None:
    kind = text(result_type)
    if kind == "input_required":
        raise ProtocolError("the server asks for input where none can be given", INTERNAL_ERROR)
    if kind != "complete":
        raise ProtocolError("the server sent a result of an unknown type", INTERNAL_ERROR)


def _code_to_client(code: int, data: bytes | None, client_era: Era, method: str) -> int:
    if code in _OUR_AFFAIR:
        return INTERNAL_ERROR
    is_about_resource = method == "resources/read"
    if client_era is Era.MODERN:
        if code == RESOURCE_NOT_FOUND and is_about_resource:
            return INVALID_PARAMS
        # Codes that the modern era took out of use.
        is_retired = -32019 <= code <= -32001 or code == URL_ELICITATION_REQUIRED
        return INTERNAL_ERROR if is_retired else code
    if code == INVALID_PARAMS and is_about_resource and _names_resource(data):
        return RESOURCE_NOT_FOUND
    return code


def _required(data: bytes | None) -> str:
    """Return what a server says that it needs, such as `elicitation.form, roots`, for people."""
    try:
        needed = _missing_capability_decoder.decode(data or b"").required_capabilities
    except (ValueError, RecursionError):
        return "a capability that it does not name"
    named = [
        f"{name}.{kind}" if kind else name
        for name, kinds in needed.items()
        for kind in (read_object(kinds) if is_object(kinds) else None) or ("",)
    ]
    return printable(", ".join(named)) or "a capability that it does not name"


def _names_resource(data: bytes | None) -> bool:
    try:
        _not_found_decoder.decode(data or b"")
    except (ValueError, RecursionError):
        return False
    return True
