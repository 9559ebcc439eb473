"""A call's arguments, from a model's text to what the tool's server gets.

They pass verbatim when they fit the server's schema as they came, as nearly all do. Else they are
turned into the server's terms; what still does not fit is refused in a sentence for the model.
"""

from functools import lru_cache

import msgspec

from mcpgw.errors import InvalidInput
from mcpgw.formats.keyword import Schema, rebuilt
from mcpgw.formats.plain import Plain, plain
from mcpgw.formats.property_name import GEMINI_NAMES
from mcpgw.formats.restore import restored
from mcpgw.formats.validation import checker

HINT = "correct the arguments and call again"


def fitted(schema: bytes, arguments: bytes) -> bytes:
    """Return a call's arguments (raw JSON) as the server that wrote the schema (too) takes them.

    Raises:
        InvalidInput: they are no JSON object, or do not fit the schema.
    """
    written = arguments.strip() or b"{}"
    try:
        value = msgspec.json.decode(written)
    except (ValueError, RecursionError) as error:
        problem = str(error) if isinstance(error, msgspec.DecodeError) else "nested too deeply"
        raise InvalidInput(f"the arguments are no valid JSON: {problem}", HINT) from None
    if not isinstance(value, dict):
        raise InvalidInput("the arguments are no JSON object", HINT)
    check = checker(schema)
    given, has_foreign_names = _read(schema)
    if check is not None and not has_foreign_names and not check(value, len(written)):
        return written
    own = restored(given, value)
    if own is not value:
        written = msgspec.json.encode(own)
    problem = "" if check is None else check(own, len(written))
    if problem:
        raise InvalidInput(f"the arguments do not fit the tool's schema: {problem}", HINT)
    return written


@lru_cache(maxsize=512)
def _read(schema: bytes) -> tuple[Plain, bool]:
    """Return a schema (raw JSON) made plain, and whether some vendor takes other names for it."""
    try:
        written = msgspec.json.decode(schema)
    except (ValueError, RecursionError):
        written = {}
    given = plain(written)
    return given, any(map(_has_foreign_names, (given.root, *given.definitions.values())))


def _has_foreign_names(schema: Schema) -> bool:
    found = not all(map(GEMINI_NAMES.takes, schema.get("properties", ())))

    def visit(one: Schema, where: str) -> Schema:
        nonlocal found
        found = found or _has_foreign_names(one)
        return one

    rebuilt(schema, visit)
    return found
