"""Several servers' lists, capabilities and instructions as one.

Items pass as their server wrote them, but for the exposed name and for what a client's revision
cannot read. Never decides names or order: the caller gives both.
"""

import unicodedata
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.model.tool import SEPARATOR
from mcpgw.protocol.era import META_SERVER_INFO, MODERN_VERSIONS, Era
from mcpgw.protocol.header import header_parameters
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR, is_object, read_object, text
from mcpgw.protocol.projection import has_object_output

ListItem = dict[str, Raw]
"""One tool, prompt, resource or template as its server listed it."""

_NEEDED = {
    "tools": ("name",),
    "prompts": ("name",),
    "resources": ("uri", "name"),
    "resourceTemplates": ("uriTemplate", "name"),
}
"""The members that must be strings, by the list's key: clients reject a list whole without them."""

_CAPABILITIES: Mapping[str, Mapping[str, bool]] = {
    "tools": {"listChanged": True},
    "prompts": {"listChanged": True},
    "resources": {"listChanged": True, "subscribe": True},
    "completions": {},
    "logging": {},
}
"""What the gateway can serve, and how it declares it."""

_COMPLETE = Raw(b'"complete"')
_PRIVATE = Raw(b'"private"')

_items_decoder = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.Encoder().encode


def read_items(result: bytes | Raw, key: str) -> tuple[list[ListItem], str | None]:
    """Return the usable items of one page of a list, and the cursor of the next page.

    Items without what every client needs are left out. An empty string is a cursor too.

    Raises:
        ProtocolError: -32603, the result is not such a list.
    """
    try:
        members = read_object(result)
        items = _items_decoder.decode(members.get(key, b"null"))
    except (ProtocolError, ValueError, RecursionError):
        raise ProtocolError(f"the result holds no list {key}", INTERNAL_ERROR) from None
    found = [read_object(item) for item in items if is_object(item)]
    return [item for item in found if _is_usable(item, key)], text(
        members.get("nextCursor", b"null")
    )


def has_valid_headers(item: ListItem) -> bool:
    """Say whether a tool's `x-mcp-header` marks follow the rules; one without any does."""
    return header_parameters(item.get("inputSchema", b"{}")) is not None


def tool_item(item: ListItem, exposed: str | None, version: str) -> bytes:
    """Return an item as a client of `version` is to see it, renamed unless `exposed` is None."""
    members: dict[str, object] = dict(item)
    if exposed is not None:
        members["name"] = exposed
    # Speaks of tasks, which the gateway waits for itself: a client must call without.
    members.pop("execution", None)
    if version not in MODERN_VERSIONS and not has_object_output(item):
        del members["outputSchema"]
    return _encode(members)


def list_result(
    key: str,
    items: Sequence[bytes],
    era: Era,
    server_info: bytes,
    ttl_ms: int,
    next_cursor: str | None = None,
) -> bytes:
    """Return the result of a listing method: one page; the last one has no `next_cursor`."""
    members: dict[str, object] = {key: Raw(b"[" + b",".join(items) + b"]")}
    if next_cursor is not None:
        members["nextCursor"] = next_cursor
    if era is Era.MODERN:
        members |= _modern_members(server_info, ttl_ms)
    return _encode(members)


def merge_capabilities(declared: Sequence[Mapping[str, Raw]], era: Era) -> bytes:
    """Return the union of what servers declare, as far as the gateway serves it.

    Tools are declared always: a server that is away now may be back before the session ends.
    Both eras are told the same: what a legacy client is sent on its stream, or subscribes to, a
    modern one listens to.
    """
    names = {"tools"}.union(*declared)
    return _encode({name: _CAPABILITIES[name] for name in _CAPABILITIES if name in names})


def merge_instructions(parts: Sequence[tuple[str, str, str]], cap_bytes: int = 4096) -> str:
    """Return the servers' instructions, each under a heading that says whose they are.

    `parts` are (server's name, prefix of its names, text). Together they stay within `cap_bytes`;
    who needs less than an equal share leaves the rest to the others.
    """
    sections = [_section(*part) for part in parts]
    sizes = sorted(len(section.encode()) for section in sections)
    rest_bytes = cap_bytes - len(_BETWEEN) * (len(sections) - 1)
    share_bytes = 0
    for position, size in enumerate(sizes):
        share_bytes = max(0, rest_bytes) // (len(sizes) - position)
        rest_bytes -= min(size, share_bytes)
    return _BETWEEN.join(_cut(section, share_bytes) for section in sections)


def discover_result(
    capabilities: bytes, instructions: str, server_info: bytes, ttl_ms: int
) -> bytes:
    """Return the result of `server/discover`; empty instructions are left out."""
    members: dict[str, object] = {
        "supportedVersions": MODERN_VERSIONS,
        "capabilities": Raw(capabilities),
    }
    if instructions:
        members["instructions"] = instructions
    return _encode(members | _modern_members(server_info, ttl_ms))


_BETWEEN = "\n\n"
_ELLIPSIS = "…"


def _modern_members(server_info: bytes, ttl_ms: int) -> dict[str, object]:
    """Return what every modern result of the gateway's own carries."""
    return {
        "resultType": _COMPLETE,
        "ttlMs": ttl_ms,
        "cacheScope": _PRIVATE,
        "_meta": {META_SERVER_INFO: Raw(server_info)},
    }


def _is_usable(item: ListItem, key: str) -> bool:
    if key == "tools" and not is_object(item.get("inputSchema", b"null")):
        return False
    return all(text(item.get(name, b"null")) is not None for name in _NEEDED[key])


def _section(name: str, prefix: str, said: str) -> str:
    names = f" (names begin with {prefix}{SEPARATOR})" if prefix else ""
    lines = "".join(filter(_is_visible, said)).strip().split("\n")
    # A heading inside the text must not pass for the heading of another server.
    body = "\n".join("#" + line if line.startswith("#") else line for line in lines)
    return f"# {name}{names}\n{body}"


def _is_visible(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Co", "Cs"}


def _cut(section: str, most_bytes: int) -> str:
    whole = section.encode()
    if len(whole) <= most_bytes:
        return section
    kept = max(0, most_bytes - len(_ELLIPSIS.encode()))
    return whole[:kept].decode(errors="ignore") + _ELLIPSIS
