"""The top of a tool's schema: an object and nothing else.

MCP allows alternatives and conditions there; every vendor refuses the whole request for one of
them. Here they become one object that has the properties of all, and a line that says what goes
together. It admits more than the original, which the arguments are held against.
"""

from collections.abc import Mapping, Sequence

from mcpgw.formats.keyword import Schema
from mcpgw.formats.merge import merged
from mcpgw.formats.reference import followed

MAX_STEPS = 300
"""Alternatives that are looked at, those within alternatives included; the rest is left out."""

_UNION = ("anyOf", "oneOf")
_REFUSED = ("not", "enum", "const")
"""What vendors refuse at the top besides, and what says little there."""


def flat(root: Schema, definitions: Mapping[str, Schema]) -> tuple[Schema, bool]:
    """Return the top of a schema as a plain object, and whether it says exactly the same."""
    flattener = _Flattener(definitions)
    whole = flattener.flatten(root)
    refused = [keyword for keyword in _REFUSED if whole.pop(keyword, None) is not None]
    is_exact = flattener.is_exact and not refused and "object" in whole.get("type", "object")
    said = [whole["description"]] if "description" in whole else []
    if flattener.hints:
        whole["description"] = "\n".join([*said, *flattener.hints])
    rest = {keyword: value for keyword, value in whole.items() if keyword != "type"}
    return {"type": "object", "properties": {}, **rest}, is_exact


class _Flattener:
    """Joins what stands at the top of one schema, within bounds: references may fan out."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._steps_left = MAX_STEPS
        self.is_exact = True
        self.hints: dict[str, None] = {}
        """Lines for the model that say which properties go together."""

    def flatten(self, schema: Schema) -> Schema:
        """Return a schema without anything that combines schemas at its top."""
        self._steps_left -= 1
        schema = followed(schema, self._definitions)
        combined = [keyword for keyword in ("allOf", *_UNION) if keyword in schema]
        own = {keyword: value for keyword, value in schema.items() if keyword not in combined}
        if not combined or self._steps_left < 0:
            self.is_exact &= not combined
            return own
        parts = [own, *self._flatten_all(schema.get("allOf", ()))]
        unions = [schema[keyword] for keyword in _UNION if keyword in schema]
        parts += [self._united(self._flatten_all(one)) for one in unions]
        whole, is_same = merged(parts)
        self.is_exact &= is_same
        return whole

    def _flatten_all(self, schemas: Sequence[Schema]) -> list[Schema]:
        """Return what is at the top of each, as far as steps are left; of the first one always."""
        return [self.flatten(one) for one in schemas[: max(self._steps_left, 1)]]

    def _united(self, branches: list[Schema]) -> Schema:
        """Return one object in place of several that are alternatives."""
        self.is_exact = False
        properties: dict[str, Schema] = {}
        for branch in branches:
            for name, schema in branch.get("properties", {}).items():
                known = properties.get(name)
                properties[name] = schema if known is None else _either(known, schema)
        needed = [set(branch.get("required", ())) for branch in branches]
        always = set.intersection(*needed)
        together = [", ".join(sorted(names - always)) for names in needed if names - always]
        if together:
            self.hints[f"Give one of: ({'), ('.join(dict.fromkeys(together))})."] = None
        united: Schema = {"properties": properties} if properties else {}
        return {**united, "required": sorted(always)} if always else united


def _either(first: Schema, second: Schema) -> Schema:
    """Return one schema for a property that two alternatives describe."""
    if first == second:
        return first
    values = [_values(one) for one in (first, second)]
    if values[0] and values[1]:
        joined = [*values[0], *(value for value in values[1] if value not in values[0])]
        rest = {k: v for k, v in {**second, **first}.items() if k not in ("const", "enum")}
        return {**rest, "enum": joined}
    either = [*first["anyOf"], second] if set(first) == {"anyOf"} else [first, second]
    return {"anyOf": either}


def _values(schema: Schema) -> list[object]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))
