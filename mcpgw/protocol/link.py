"""Links to resources in the results of tools and prompts.

A linked resource need not be in any list: who returned the link knows it.
Source: MCP 2025-06-18, server/tools, Resource Links.
"""

import msgspec
from msgspec import Raw

MAX_LINKS = 1000
"""Links of one result that are looked at."""

MAX_RESULT_BYTES = 64_000
"""A larger result is not searched: it is a document, not a list of links."""

_KIND = b'"resource_link"'


class _Block(msgspec.Struct):
    """What is looked at in a content block."""

    type: Raw = Raw(b"")
    uri: Raw = Raw(b"")


class _Message(msgspec.Struct):
    """What is looked at in a message of a prompt."""

    content: Raw = Raw(b"")


class _Result(msgspec.Struct):
    """What is looked at in a result: `content` of a tool's, `messages` of a prompt's."""

    content: list[Raw] = []
    messages: list[Raw] = []


_result_decoder = msgspec.json.Decoder(_Result)
_message_decoder = msgspec.json.Decoder(_Message)
_block_decoder = msgspec.json.Decoder(_Block)
_text_decoder = msgspec.json.Decoder(str)


def linked_uris(result: Raw) -> list[str]:
    """Return the URIs of the resources that a result links to, each once; malformed ones not."""
    whole = memoryview(result)
    if len(whole) > MAX_RESULT_BYTES or _KIND not in whole.tobytes():
        return []
    try:
        found = _result_decoder.decode(result)
    except (ValueError, RecursionError):
        return []
    uris: dict[str, None] = {}
    for block in (*found.content, *map(_content, found.messages)):
        uri = _linked(block)
        if uri is not None:
            uris[uri] = None
        if len(uris) == MAX_LINKS:
            break
    return list(uris)


def _content(message: Raw) -> Raw:
    try:
        return _message_decoder.decode(message).content
    except ValueError:
        return message


def _linked(block: Raw) -> str | None:
    try:
        found = _block_decoder.decode(block)
        return _text_decoder.decode(found.uri) if bytes(found.type) == _KIND else None
    except ValueError:
        return None
