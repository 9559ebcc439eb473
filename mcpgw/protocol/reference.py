"""What a `completion/complete` is for: the prompt or the resource template that it refers to."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.jsonrpc import read_object, text, write_object


def referred(params: Mapping[str, Raw]) -> tuple[bool, str]:
    """Return whether a prompt is meant, and its name or the template; empty for nothing at all."""
    reference = _reference(params)
    name = reference.get("name")
    said = name if name is not None else reference.get("uri", Raw(b"null"))
    return name is not None, text(said) or ""


def with_name(params: Mapping[str, Raw], name: str) -> dict[str, Raw]:
    """Return parameters that refer to a prompt by that name; others unchanged."""
    reference = _reference(params)
    if "name" not in reference:
        return dict(params)
    reference["name"] = Raw(msgspec.json.encode(name))
    return {**params, "ref": Raw(write_object(reference))}


def _reference(params: Mapping[str, Raw]) -> dict[str, Raw]:
    try:
        return read_object(params.get("ref", Raw(b"{}")))
    except ProtocolError:
        return {}  # refers to nothing, which is then not found
