"""A tool's schema as each vendor takes it without being strict about it.

Every vendor refuses the whole request for one schema that it does not take, so what it does not
take is left out or said otherwise. What comes out may admit more than the original, never demands
something else; the arguments are held against the original.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mcpgw.formats.gemini import to_gemini
from mcpgw.formats.keyword import Schema, rebuilt, types_of
from mcpgw.formats.merge import merged
from mcpgw.formats.plain import plain
from mcpgw.formats.property_name import (
    ANTHROPIC_NAMES,
    GEMINI_NAMES,
    renamed,
    renamed_everywhere,
)
from mcpgw.formats.reference import inlined
from mcpgw.formats.root import flat


class Dialect(StrEnum):
    """Who takes a schema."""

    OPENAI = "openai"
    """Chat Completions and Responses."""
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    """Gemini's `parametersJsonSchema`."""
    GEMINI_OPENAPI = "gemini-openapi"
    """Gemini's older `parameters`: a subset of OpenAPI 3.0."""
    OPENAPI = "openapi"
    """An OpenAPI 3.1 document, which takes JSON Schema as it is."""


CONDITIONS = frozenset(
    {
        *("not", "if", "then", "else", "dependentRequired", "dependentSchemas"),
        *("patternProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties"),
        *("contains", "minContains", "maxContains"),
    }
)
"""Keywords that no vendor knows beyond passing them to the model."""

AT_THE_TOP = "alternatives or conditions at the top are told in words only"

GEMINI_DROPS = CONDITIONS | {"uniqueItems", "minProperties", "maxProperties", "examples"}


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A schema for a vendor. `notes` say what the model is not told, and where it stood."""

    schema: Schema
    notes: tuple[str, ...] = field(default=())


def narrowed(schema: object, dialect: Dialect) -> Narrowed:
    """Return a tool's schema as that vendor takes it."""
    given = plain(schema)
    if dialect is Dialect.OPENAPI:
        return Narrowed(_with_definitions(given.root, given.definitions), given.notes)
    if dialect in _IN_PLACE:
        given = inlined(given, keeps_recursion=False)
    root, is_exact = flat(given.root, given.definitions)
    shown = _PASSES[dialect](_with_definitions(root, given.definitions))
    return Narrowed(shown, given.notes if is_exact else (*given.notes, AT_THE_TOP))


def _openai(schema: Schema) -> Schema:
    return with_items(schema)


def _anthropic(schema: Schema) -> Schema:
    return renamed(schema, ANTHROPIC_NAMES)


def _gemini(schema: Schema) -> Schema:
    shown = with_items(without_all_of(without(schema, GEMINI_DROPS)))
    return renamed_everywhere(_with_known_required(shown), GEMINI_NAMES)


def _gemini_openapi(schema: Schema) -> Schema:
    shown = without_all_of(without(schema, CONDITIONS))
    return to_gemini(renamed_everywhere(shown, GEMINI_NAMES))


_IN_PLACE = (Dialect.GEMINI, Dialect.GEMINI_OPENAPI)
"""Who follows no references."""

_PASSES: Mapping[Dialect, Callable[[Schema], Schema]] = {
    Dialect.OPENAI: _openai,
    Dialect.ANTHROPIC: _anthropic,
    Dialect.GEMINI: _gemini,
    Dialect.GEMINI_OPENAPI: _gemini_openapi,
}


def with_items(schema: Schema, where: str = "") -> Schema:
    """Return a schema whose arrays all say what is in them, if only `{}`: OpenAI insists."""
    built = rebuilt(schema, with_items)
    if "array" in types_of(built) and "items" not in built:
        built["items"] = {}
    return built


def without(schema: Schema, keywords: frozenset[str], where: str = "") -> Schema:
    """Return a schema without some keywords, wherever they stand."""
    kept = {keyword: value for keyword, value in schema.items() if keyword not in keywords}
    return rebuilt(kept, lambda one, _: without(one, keywords))


def without_all_of(schema: Schema, where: str = "") -> Schema:
    """Return a schema in which what holds at once is one schema, as far as that can be said."""
    built = rebuilt(schema, without_all_of)
    together = built.pop("allOf", None)
    return built if together is None else merged([built, *together])[0]


def _with_definitions(root: Schema, definitions: Mapping[str, Schema]) -> Schema:
    return {**root, "$defs": definitions} if definitions else root


def _with_known_required(schema: Schema, where: str = "") -> Schema:
    """Return a schema that requires only properties which it describes: Gemini insists."""
    built = rebuilt(schema, _with_known_required)
    if "required" in built:
        known = built.get("properties", {})
        built["required"] = [name for name in built["required"] if name in known]
    return built
