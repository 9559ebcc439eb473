"""References put in place: for vendors who follow none, or none that leads back to itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpgw.formats.keyword import Schema, place, rebuilt
from mcpgw.formats.plain import DEFINITIONS, MAX_DEPTH, MAX_SCHEMAS, Plain

ANY_OBJECT: Schema = {"type": "object"}
"""What stands for a part that refers to itself, where that cannot be said."""


def inlined(given: Plain, *, keeps_recursion: bool) -> Plain:
    """Put what is referred to in its place; what refers to itself stays, or is cut to an object."""
    recursive = _recursive(given.definitions)
    inliner = _Inliner(given.definitions, recursive, keeps_recursion)
    root = inliner.visit(given.root, "")
    kept = sorted(recursive) if keeps_recursion else []
    definitions = {name: inliner.visit(given.definitions[name], name) for name in kept}
    return Plain(root, definitions, (*given.notes, *inliner.notes))


def target_of(schema: Schema) -> str:
    """Return the name of the definition that a schema refers to, empty when it refers to none."""
    return str(schema.get("$ref", "")).removeprefix(DEFINITIONS)


def followed(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Return a schema with the reference at its own top put in place; a circle is left open."""
    seen: set[str] = set()
    while name := target_of(schema):
        siblings = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
        if name in seen:
            return siblings
        seen.add(name)
        schema = {**definitions[name], **siblings}
    return schema


@dataclass(slots=True)
class _Inliner:
    """Copies a schema with its references in place, within bounds: they may fan out endlessly."""

    definitions: Mapping[str, Schema]
    recursive: frozenset[str]
    keeps_recursion: bool
    notes: dict[str, None] = field(default_factory=dict)
    _left: int = MAX_SCHEMAS
    _depth: int = 0

    def visit(self, schema: Schema, where: str) -> Schema:
        self._left -= 1
        if self._depth > MAX_DEPTH or self._left < 0:
            self.notes["the schema is too large once its references are followed; cut"] = None
            return {}
        name = target_of(schema)
        if name in self.recursive:
            if self.keeps_recursion:
                return {"$ref": DEFINITIONS + name}
            self.notes[f"{place(where, name)}: refers to itself; shown as any object"] = None
            return {**ANY_OBJECT, **_annotations(schema)}
        if name:
            siblings = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
            return self.visit({**self.definitions[name], **siblings}, where)
        self._depth += 1
        try:
            return rebuilt(schema, self.visit, where)
        finally:
            self._depth -= 1


def _annotations(schema: Schema) -> Schema:
    return {keyword: schema[keyword] for keyword in ("title", "description") if keyword in schema}


def _recursive(definitions: Mapping[str, Schema]) -> frozenset[str]:
    """Return the definitions that lead back to themselves."""
    leads_to = {name: _targets(schema) for name, schema in definitions.items()}
    return frozenset(name for name in definitions if name in _reached(leads_to, name))


def _targets(schema: Schema) -> set[str]:
    found: set[str] = set()

    def visit(one: Schema, where: str) -> Schema:
        if name := target_of(one):
            found.add(name)
        rebuilt(one, visit)
        return one

    visit(schema, "")
    return found


def _reached(leads_to: Mapping[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    waiting = list(leads_to[start])
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(leads_to[name])
    return reached
