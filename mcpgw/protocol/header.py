"""Values of the `Mcp-Name` and `Mcp-Param-*` headers: their encoding, and which a tool asks for.

A tool's input schema marks a property with `x-mcp-header: Region`; the argument's value then
travels in `Mcp-Param-Region` too, so that a proxy can route by it. Never follows a `$ref`.
Source: MCP 2026-07-28, basic/transports, Standard and Custom Headers.
"""

import base64
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.jsonrpc import read_object, text

PARAM_PREFIX = "Mcp-Param-"

_KEYWORD = "x-mcp-header"
_ALLOWED_TYPES = frozenset({"string", "integer", "boolean"})
_TOKEN = frozenset(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")
"""The characters of a header's name (RFC 9110, 5.6.2)."""

_OPENING, _CLOSING = "=?base64?", "?="

AMBIGUOUS = "\ud800"
"""Stands for a header that came twice: no text of a body can equal it."""

_SUBSCHEMA = frozenset(
    {
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_SUBSCHEMA_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SUBSCHEMA_MAP = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties"})


class Headers(Protocol):
    """A case-insensitive mapping that knows when a header came twice, such as multidict's."""

    def getall(self, key: str, default: list[str], /) -> list[str]:
        """Return all values of a header."""
        ...


@dataclass(frozen=True, slots=True)
class HeaderParameter:
    """An argument that travels in a header too. `path` leads to it from the arguments' root."""

    path: tuple[str, ...]
    header: str
    is_integer: bool


def header_value(headers: Headers, name: str) -> str | None:
    """Return a header's value, `AMBIGUOUS` when it came more than once."""
    values = headers.getall(name, [])
    if not values:
        return None
    return values[0].strip(" \t") if len(values) == 1 else AMBIGUOUS


def encode_value(value: str) -> str:
    """Return `value` as a header can carry it, in base64 where plain text would not survive."""
    is_plain = value.isascii() and value.isprintable() and value == value.strip()
    if is_plain and not _is_encoded(value):
        return value
    return _OPENING + base64.b64encode(value.encode()).decode() + _CLOSING


def decode_value(value: str) -> str | None:
    """Return what a header's value stands for, None when its base64 is broken."""
    if not _is_encoded(value):
        return value
    payload = value[len(_OPENING) : -len(_CLOSING)]
    try:
        decoded = base64.b64decode(payload, validate=True)
        # Several spellings of the same bytes would let two readers disagree.
        return decoded.decode() if base64.b64encode(decoded).decode() == payload else None
    except ValueError:
        return None


def header_parameters(input_schema: bytes | Raw) -> tuple[HeaderParameter, ...] | None:
    """Return the arguments that a tool wants in headers, None when its marks break the rules."""
    if _KEYWORD.encode() not in bytes(input_schema):
        return ()
    try:
        schema = msgspec.json.decode(input_schema)
    except (ValueError, RecursionError):
        return None
    found: dict[str, HeaderParameter] = {}
    for path, position in _positions(schema):
        if _KEYWORD not in position:
            continue
        header, kind = position[_KEYWORD], position.get("type")
        if not path or not _is_token(header) or not _is_allowed_type(kind):
            return None
        if header.lower() in found:
            return None
        found[header.lower()] = HeaderParameter(path, PARAM_PREFIX + header, kind == "integer")
    return tuple(found.values())


def argument_text(arguments: Raw | None, parameter: HeaderParameter) -> str | None:
    """Return an argument's value as its header says it, None when there is nothing to say."""
    value = arguments
    for name in parameter.path:
        if value is None:
            return None
        try:
            value = read_object(value).get(name)
        except ProtocolError:
            return None
    if value is None:
        return None
    raw = bytes(value)
    if raw[:1] == b'"':
        return text(raw)
    if raw == b"null" or raw[:1] in (b"{", b"["):
        return None
    return integral(raw.decode()) if parameter.is_integer else raw.decode()


def param_headers(input_schema: bytes | Raw, arguments: Raw | None) -> tuple[tuple[str, str], ...]:
    """Return the `Mcp-Param-*` headers to send with a call; none when the marks are invalid."""
    said = [
        (parameter.header, argument_text(arguments, parameter))
        for parameter in header_parameters(input_schema) or ()
    ]
    return tuple((header, encode_value(value)) for header, value in said if value is not None)


def disagreement(headers: Headers, input_schema: bytes | Raw, arguments: Raw | None) -> str | None:
    """Return the first `Mcp-Param-*` header that does not say what its argument says, else None.

    Marks that break the rules check nothing: such a tool is in no list.
    """
    for parameter in header_parameters(input_schema) or ():
        sent = header_value(headers, parameter.header)
        wanted = argument_text(arguments, parameter)
        said = None if sent is None else decode_value(sent)
        if said is not None and parameter.is_integer:
            said = integral(said)
        if said != wanted or (said is None and sent is not None):
            return parameter.header
    return None


def integral(number: str) -> str:
    """Return a whole number in its shortest form (`42.0` is `42`), anything else unchanged."""
    whole, _, fraction = number.partition(".")
    digits = whole.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or fraction.strip("0"):
        return number
    shortest = digits.lstrip("0") or "0"
    return "-" + shortest if whole.startswith("-") and shortest != "0" else shortest


def _is_encoded(value: str) -> bool:
    return value.startswith(_OPENING) and value.endswith(_CLOSING) and len(value) >= 11


def _is_token(header: object) -> bool:
    return isinstance(header, str) and bool(header) and _TOKEN.issuperset(header)


def _is_allowed_type(kind: object) -> bool:
    return isinstance(kind, str) and kind in _ALLOWED_TYPES


def _positions(schema: Any) -> Iterator[tuple[tuple[str, ...] | None, dict[str, Any]]]:
    """Yield every subschema with its chain of `properties`, None when it is reached otherwise."""
    waiting: list[tuple[tuple[str, ...] | None, Any]] = [((), schema)]
    while waiting:
        path, position = waiting.pop()
        if not isinstance(position, dict):
            continue
        yield path, position
        for keyword, value in position.items():
            if keyword == "properties" and isinstance(value, dict):
                for name, property_schema in value.items():
                    waiting.append((None if path is None else (*path, name), property_schema))
            else:
                waiting.extend((None, found) for found in _subschemas(keyword, value))


def _subschemas(keyword: str, value: Any) -> Iterator[Any]:
    """Yield the schemas under a keyword; values that are data, such as `default`, are none."""
    if keyword in _SUBSCHEMA:
        yield value
    elif keyword in _SUBSCHEMA_LIST and isinstance(value, list):
        yield from value
    elif keyword in _SUBSCHEMA_MAP and isinstance(value, dict):
        yield from value.values()
