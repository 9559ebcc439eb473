"""What older clients cannot read, put in terms that they can.

Extra members are harmless to every client; content blocks of an unknown type and structured
output that is not an object make old clients reject the whole message.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.era import LEGACY_VERSIONS, is_older
from mcpgw.protocol.jsonrpc import (
    INTERNAL_ERROR,
    is_object,
    read_object,
    text,
    write_object,
)

_ADDED = {"audio": "2025-03-26", "resource_link": "2025-06-18"}
"""Types of content blocks that not every revision has, and the first that has them."""

_UNKNOWN = {
    version: tuple(kind for kind, added in _ADDED.items() if is_older(version, added))
    for version in LEGACY_VERSIONS
}

_items_decoder = msgspec.json.Decoder(list[Raw])


class _Schema(msgspec.Struct):
    """The root of a JSON schema."""

    type: Raw = Raw(b"")


_schema_decoder = msgspec.json.Decoder(_Schema)


def for_client(result: bytes, method: str, version: str) -> bytes:
    """Return the result of a `tools/call` or `prompts/get` with content that `version` knows."""
    unknown = _UNKNOWN.get(version, ())
    if not any(b'"%b"' % kind.encode() in result for kind in unknown):
        return result
    members = read_object(result)
    if method == "tools/call" and "content" in members:
        blocks = [_block(one, unknown) for one in _items(members["content"])]
        members["content"] = _array(blocks)
    elif method == "prompts/get" and "messages" in members:
        messages = [_message(one, unknown) for one in _items(members["messages"])]
        members["messages"] = _array(messages)
    return write_object(members)


def has_object_output(item: Mapping[str, Raw]) -> bool:
    """Say whether a tool's output, if it declares any, is an object: all was before the modern era.

    Legacy clients can be given neither the schema of another output nor the output.
    """
    return "outputSchema" not in item or is_object_schema(item["outputSchema"])


def is_object_schema(schema: Raw) -> bool:
    """Say whether a schema describes an object."""
    try:
        return bytes(_schema_decoder.decode(schema).type) == b'"object"'
    except (ValueError, RecursionError):
        return False


def _message(message: Raw, unknown: Sequence[str]) -> Raw:
    if not is_object(message):
        return message
    members = read_object(message)
    if "content" in members:
        members["content"] = _block(members["content"], unknown)
    return Raw(write_object(members))


def _block(block: Raw, unknown: Sequence[str]) -> Raw:
    """Return a content block, as text when its type is unknown to the client."""
    if not is_object(block):
        return block
    members = read_object(block)
    kind = text(members.get("type", b"null"))
    if kind not in unknown:
        return block
    if kind == "resource_link":
        said = f"{text(members.get('name', b'null'))}: {text(members.get('uri', b'null'))}"
    else:
        said = f"[{kind}, {text(members.get('mimeType', b'null'))}: this client cannot play it]"
    return Raw(msgspec.json.encode({"type": "text", "text": said}))


def _items(raw: Raw) -> list[Raw]:
    try:
        return _items_decoder.decode(raw)
    except (ValueError, RecursionError):
        raise ProtocolError("the server's content is not a list", INTERNAL_ERROR) from None


def _array(items: list[Raw]) -> Raw:
    return Raw(msgspec.json.encode(items))
