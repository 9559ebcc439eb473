"""A tool's schema for a vendor's strict mode, in which a model cannot but follow it.

Strict modes know a part of JSON Schema, and everything must be described to its end. A schema
becomes narrower where that loses nothing that a call needs; where it would, the reasons are
returned, and the tool is announced without strictness. `restore.py` is the way back.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from mcpgw.formats.dialect import CONDITIONS
from mcpgw.formats.gemini import value_text
from mcpgw.formats.keyword import (
    CONSTRAINTS,
    Schema,
    implied_type,
    place,
    rebuilt,
    type_name,
    types_of,
)
from mcpgw.formats.merge import ANNOTATIONS, merged
from mcpgw.formats.plain import plain
from mcpgw.formats.property_name import ANTHROPIC_NAMES, renamed
from mcpgw.formats.reference import inlined, target_of
from mcpgw.formats.root import flat

MAX_REASONS = 5
"""Reasons that are given for one tool."""

MAX_LEVELS = 10
MAX_VALUES = 1000
MAX_PATTERN = 500
MAX_CHARACTERS = 120_000
"""Of all names and values of one schema together."""
MANY_VALUES, MAX_CHARACTERS_OF_MANY = 250, 15_000
"""One enumeration of more values than that has room for fewer characters."""

MAX_TOLD = 200
"""Characters of a constraint that is told in words."""

_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
_UNSAYABLE = CONDITIONS - {"unevaluatedItems", "unevaluatedProperties"}
_NULL: Schema = {"type": "null"}


@dataclass(frozen=True, slots=True)
class StrictRules:
    """What a vendor's strict mode takes.

    `constraints` are those that it knows; others are told in words. With `needs_all` every property
    must be required, so that an optional one admits null instead.
    """

    constraints: frozenset[str]
    formats: frozenset[str]
    needs_all: bool
    keeps_recursion: bool


OPENAI_STRICT = StrictRules(
    constraints=frozenset(
        {
            *("minimum", "maximum", "multipleOf", "minLength", "maxLength", "pattern"),
            *("minItems", "maxItems"),
        }
    ),
    formats=_FORMATS,
    needs_all=True,
    keeps_recursion=True,
)
ANTHROPIC_STRICT = StrictRules(
    constraints=frozenset(),
    formats=_FORMATS | {"uri"},
    needs_all=False,
    keeps_recursion=False,
)


@dataclass(frozen=True, slots=True)
class Strict:
    """A strict schema, and why it may not be used: no reasons, no doubt."""

    schema: Schema
    reasons: tuple[str, ...]


def strict(schema: object, rules: StrictRules) -> Strict:
    """Return a tool's schema for a vendor's strict mode."""
    expanded = inlined(plain(schema), keeps_recursion=rules.keeps_recursion)
    writer = _Writer(rules, dict.fromkeys(expanded.notes))
    root, is_exact = flat(expanded.root, expanded.definitions)
    if not is_exact:
        writer.refuse("", "alternatives or conditions at the top")
    if not root["properties"]:
        root = {"additionalProperties": False, **root}
    shown = writer.visit(root, "")
    definitions = {name: writer.visit(one, name) for name, one in expanded.definitions.items()}
    if definitions:
        shown["$defs"] = definitions
    if rules.needs_all:
        for reason in _excesses(shown):
            writer.refuse("", reason)
    else:
        shown = renamed(shown, ANTHROPIC_NAMES)
    return Strict(shown, tuple(writer.reasons)[:MAX_REASONS])


@dataclass(slots=True)
class _Writer:
    """Rewrites one schema."""

    rules: StrictRules
    reasons: dict[str, None] = field(default_factory=dict)

    def refuse(self, where: str, why: str) -> None:
        """Note why the schema cannot be strict."""
        self.reasons[f"{where}: {why}" if where else why] = None

    def visit(self, schema: Schema, where: str) -> Schema:
        """Return one schema as the vendor takes it."""
        schema = self._joined(schema, where)
        if target_of(schema):
            return {"$ref": schema["$ref"]}
        for keyword in sorted(_UNSAYABLE & schema.keys()):
            self.refuse(where, f"{keyword} cannot be said")
        if "anyOf" in schema or "oneOf" in schema:
            return self._union(schema, where)
        if "enum" in schema or "const" in schema:
            return self._values(schema, where)
        names = types_of(schema) or [implied_type(schema)]
        if len([name for name in names if name != "null"]) > 1:
            alternatives = [{**schema, "type": name} for name in names]
            return {"anyOf": [self.visit(one, where) for one in alternatives]}
        if names == [""]:
            self.refuse(where, "any value is allowed")
            return _about(schema)
        return self._typed(schema, names, where)

    def _joined(self, schema: Schema, where: str) -> Schema:
        """Return a schema with what holds at once as one."""
        if "allOf" not in schema:
            return schema
        own = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
        whole, is_exact = merged([own, *schema["allOf"]])
        nested = whole.pop("allOf", None)
        if not is_exact or nested or (target_of(whole) and len(_constraining(whole)) > 1):
            self.refuse(where, "allOf cannot be made one")
        return whole

    def _union(self, schema: Schema, where: str) -> Schema:
        """Return alternatives; beside them nothing else may constrain but a type."""
        if len(_constraining(schema) - {"type"}) > 1:
            self.refuse(where, "alternatives beside other keywords")
        types = types_of(schema)
        own_type = {"type": types[0] if len(types) == 1 else types} if types else {}
        branches = schema.get("anyOf") or schema["oneOf"]
        shown = [self.visit({**own_type, **one}, where) for one in branches]
        return {**_about(schema), "anyOf": shown}

    def _values(self, schema: Schema, where: str) -> Schema:
        """Return a schema that lists its values."""
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        if any(isinstance(value, list | dict) for value in values):
            self.refuse(where, "a value that is no text, number, flag or null")
        shown = []
        for name in sorted(set(map(type_name, values))):
            mine = [value for value in values if type_name(value) == name]
            shown.append({"type": name, "enum": mine} if name != "null" else _NULL)
        return {**_about(schema), **(shown[0] if len(shown) == 1 else {"anyOf": shown})}

    def _typed(self, schema: Schema, names: list[str], where: str) -> Schema:
        """Return a schema of one type, and perhaps null."""
        name = next((one for one in names if one != "null"), "null")
        shown: Schema = {"type": names[0] if len(names) == 1 else names}
        told: Schema = {}
        for keyword in sorted(CONSTRAINTS[name] & schema.keys()):
            (shown if self._knows(keyword, schema[keyword]) else told)[keyword] = schema[keyword]
        shown |= _about(schema, told)
        if name == "object":
            return {**shown, **self._members(schema, where)}
        if name == "array":
            if "prefixItems" in schema:
                self.refuse(where, "a list whose places differ")
            shown["items"] = self.visit(schema.get("items", {}), place(where, "items"))
        return shown

    def _knows(self, keyword: str, value: Any) -> bool:
        """Say whether the vendor knows a constraint with that value."""
        if keyword == "format":
            return value in self.rules.formats
        if keyword == "pattern" and not _is_plain_pattern(value):
            return False
        return keyword in self.rules.constraints or (keyword == "minItems" and value < 2)

    def _members(self, schema: Schema, where: str) -> Schema:
        """Return what an object consists of: no more than is described."""
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        others = schema.get("additionalProperties", schema.get("unevaluatedProperties", True))
        if isinstance(others, dict) or (others is True and not properties):
            self.refuse(where, "an object with members of any name")
        for name in required:
            if name not in properties:
                self.refuse(place(where, name), "required and not described")
        shown = {name: self.visit(one, place(where, name)) for name, one in properties.items()}
        needed = [name for name in shown if name in required]
        if self.rules.needs_all:
            for name in shown.keys() - needed:
                shown[name] = _nullable(shown[name])
            needed = list(shown)
        return {"properties": shown, "required": needed, "additionalProperties": False}


def _about(schema: Schema, told: Schema | None = None) -> Schema:
    """Return what describes a schema, with the constraints that only words can say."""
    about: Schema = {name: schema[name] for name in ("title", "description") if name in schema}
    if told:
        said = ", ".join(f"{keyword} {value_text(told[keyword])[:MAX_TOLD]}" for keyword in told)
        about["description"] = f"{about.get('description', '')} ({said})".strip()
    return about


def _is_plain_pattern(pattern: str) -> bool:
    """Say whether a regular expression is one that any engine takes: none that looks around."""
    try:
        return len(pattern) <= MAX_PATTERN and bool(re.compile(pattern)) and "(?" not in pattern
    except (re.error, RecursionError, OverflowError):
        return False


def _constraining(schema: Schema) -> set[str]:
    return set(schema) - ANNOTATIONS


def _takes_null(schema: Schema) -> bool:
    """Say whether a schema that is written already admits null."""
    return "null" in types_of(schema) or any(map(_takes_null, schema.get("anyOf", ())))


def _nullable(schema: Schema) -> Schema:
    """Return a written schema that admits null too."""
    if _takes_null(schema):
        return schema
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], _NULL]}
    if "type" not in schema:
        return {"anyOf": [schema, _NULL]}
    shown = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        shown["enum"] = [*schema["enum"], None]
    return shown


def _excesses(schema: Schema) -> list[str]:
    """Return which of OpenAI's limits a written schema breaks."""
    counts = _Counts()
    counts.visit(schema, 0)
    return [
        f"more than {most:,} {what}"
        for what, count, most in (
            ("levels", counts.levels, MAX_LEVELS),
            ("values in enumerations", counts.values, MAX_VALUES),
            ("characters in names and values", counts.characters, MAX_CHARACTERS),
            ("characters in one long enumeration", counts.of_many, MAX_CHARACTERS_OF_MANY),
        )
        if count > most
    ]


@dataclass(slots=True)
class _Counts:
    """What OpenAI's limits are about; no schema that was read has more properties than it takes."""

    levels: int = 0
    values: int = 0
    characters: int = 0
    of_many: int = 0

    def visit(self, schema: Schema, level: int) -> None:
        """Count one schema and what is in it."""
        self.levels = max(self.levels, level)
        names = (*schema.get("properties", ()), *schema.get("$defs", ()))
        values = schema.get("enum", ())
        texts = sum(len(value_text(value)) for value in values)
        self.values += len(values)
        self.characters += texts + sum(map(len, names))
        if len(values) > MANY_VALUES:
            self.of_many = max(self.of_many, texts)

        def count(one: Schema, where: str) -> Schema:
            self.visit(one, level + 1)
            return one

        rebuilt(schema, count)
