"""`subscriptions/listen`: what a modern client wants to hear of, and the messages on its stream.

Every message names the subscription by the id of the request that opened it.
Source: MCP 2026-07-28, basic/patterns, Subscriptions.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.era import META_SERVER_INFO, META_SUBSCRIPTION_ID
from mcpgw.protocol.jsonrpc import (
    INVALID_PARAMS,
    is_object,
    notification_bytes,
    read_object,
    result_bytes,
    write_object,
)

MAX_URIS = 1000
"""Resources in one subscription; each costs its server a subscription too."""

ACKNOWLEDGED = "notifications/subscriptions/acknowledged"

_KINDS = {
    "tools": "toolsListChanged",
    "prompts": "promptsListChanged",
    "resources": "resourcesListChanged",
}

_encode = msgspec.json.Encoder().encode


class Wanted(msgspec.Struct, frozen=True):
    """What a client wants to hear of: the lists of `kinds` (tools, prompts, resources), and `uris`.

    The URIs are those of resources, each once.
    """

    kinds: frozenset[str]
    uris: tuple[str, ...]


class _Filter(msgspec.Struct, rename="camel"):
    """The member `notifications` as it travels."""

    tools_list_changed: bool | None = None
    prompts_list_changed: bool | None = None
    resources_list_changed: bool | None = None
    resource_subscriptions: list[str] | None = None


_filter_decoder = msgspec.json.Decoder(_Filter)


def read_wanted(params: Mapping[str, Raw]) -> Wanted:
    """Return what a `subscriptions/listen` asks for; what we do not know is left out.

    Raises:
        ProtocolError: -32602, it asks for nothing that can be read, or for too much.
    """
    try:
        found = _filter_decoder.decode(params.get("notifications", b"null"))
    except (ValueError, RecursionError):
        raise ProtocolError(
            "params.notifications must say, as an object, what to listen to", INVALID_PARAMS
        ) from None
    uris = tuple(dict.fromkeys(found.resource_subscriptions or ()))
    if len(uris) > MAX_URIS:
        problem = f"a subscription takes at most {MAX_URIS} resources"
        raise ProtocolError(problem, INVALID_PARAMS)
    flags = {
        "tools": found.tools_list_changed,
        "prompts": found.prompts_list_changed,
        "resources": found.resources_list_changed,
    }
    return Wanted(frozenset(kind for kind, is_on in flags.items() if is_on), uris)


def acknowledgement(request_id: bytes, wanted: Wanted) -> bytes:
    """Return the notification that a subscription begins with: what of it will be honoured."""
    honoured: dict[str, object] = {
        member: True for kind, member in _KINDS.items() if kind in wanted.kinds
    }
    if wanted.uris:
        honoured["resourceSubscriptions"] = wanted.uris
    return tagged(ACKNOWLEDGED, _encode({"notifications": honoured}), request_id)


def tagged(method: str, params: bytes | Raw, request_id: bytes) -> bytes:
    """Return a notification that names the subscription on whose stream it is sent.

    Raises:
        ProtocolError: `params` is not an object.
    """
    members = read_object(params)
    meta = members.get("_meta")
    kept = read_object(meta) if meta is not None and is_object(meta) else {}
    kept[META_SUBSCRIPTION_ID] = Raw(request_id)
    members["_meta"] = Raw(write_object(kept))
    return notification_bytes(method, write_object(members))


def listen_result(request_id: bytes, server_info: bytes) -> bytes:
    """Return the response that ends a subscription in good order."""
    meta = {META_SUBSCRIPTION_ID: Raw(request_id), META_SERVER_INFO: Raw(server_info)}
    return result_bytes(request_id, _encode({"resultType": "complete", "_meta": meta}))


def list_changed(kind: str) -> str:
    """Return the notification that says that a list changed: of tools, prompts or resources."""
    return f"notifications/{kind}/list_changed"


def updated_params(uri: str) -> bytes:
    """Return the parameters of the notification that a resource changed."""
    return _encode({"uri": uri})
