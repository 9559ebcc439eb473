"""Arguments as the tool's server knows them, from what a model wrote in its vendor's terms.

The way back of `strict.py`, `property_name.py` and `gemini.py`: null where an optional argument
was left out, another name for an argument, text for a value of an enumeration. Guided by the
server's own schema, and by it alone, so that it does not matter how the tool was announced.
"""

from collections.abc import Iterator
from typing import Any

from mcpgw.formats.gemini import value_text
from mcpgw.formats.keyword import Schema, types_of
from mcpgw.formats.plain import MAX_DEPTH, Plain
from mcpgw.formats.property_name import own_names
from mcpgw.formats.reference import followed
from mcpgw.formats.validation import Problem, checker_of

ANYTHING: Schema = {}

MAX_STEPS = 20_000
"""Values and alternatives that are looked at in one call's arguments; the rest stays."""

MAX_PARTS = 50
"""Schemas that hold at once for one value."""

MAX_NESTED = 8
"""Alternatives within alternatives that are looked through for null."""

UNKNOWN_BYTES = 10_000
"""What a part of the arguments counts as when it is held against its schema."""


def restored(given: Plain, arguments: Any) -> Any:
    """Return the arguments in the server's terms; the same object when they are already."""
    return _Restorer(given).restore(given.root, arguments)


class _Restorer:
    """Walks the arguments of one call, and the schema beside them."""

    def __init__(self, given: Plain) -> None:
        self._definitions = given.definitions
        self._checks: dict[int, Problem | None] = {}
        """By the identity of schemas in `given`, which outlive this."""
        self._steps_left = MAX_STEPS
        self._depth = 0

    def restore(self, schema: Schema, value: Any) -> Any:
        """Return one value in the terms of its schema."""
        self._steps_left -= 1
        if self._steps_left < 0 or self._depth > MAX_DEPTH or not isinstance(value, _RESTORED):
            return value
        self._depth += 1
        parts = list(self._parts(schema))
        if isinstance(value, str):
            value = _listed_value(parts, value)
        elif isinstance(value, list):
            value = self._items(parts, value)
        else:
            value = self._members(parts, value)
        for part in parts:
            for branches in (part.get("anyOf"), part.get("oneOf")):
                value = self._by_branch(branches or [], value)
        self._depth -= 1
        return value

    def _parts(self, schema: Schema) -> Iterator[Schema]:
        """Return the schemas that hold at once where a schema holds: itself, its `allOf`."""
        waiting = [schema]
        for _ in range(MAX_PARTS):
            if not waiting:
                break
            part = followed(waiting.pop(), self._definitions)
            yield part
            waiting.extend(part.get("allOf", ()))

    def _by_branch(self, branches: list[Schema], value: Any) -> Any:
        """Return a value in the terms of the first alternative that it then fits."""
        for branch in branches:
            candidate = self.restore(branch, value)
            if self._fits(branch, candidate):
                return candidate
        return value

    def _items(self, parts: list[Schema], value: list[Any]) -> list[Any]:
        kind = next((part["items"] for part in parts if "items" in part), ANYTHING)
        items = [self.restore(kind, one) for one in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items

    def _members(self, parts: list[Schema], value: dict[str, Any]) -> dict[str, Any]:
        """Return an object under its own names, without the nulls that stand for nothing."""
        properties: dict[str, Schema] = {}
        required: set[str] = set()
        for part in parts:
            properties |= part.get("properties", {})
            required |= set(part.get("required", ()))
        own = own_names(properties)
        members: dict[str, Any] = {}
        for told, given in value.items():
            name = told if told in properties else own.get(told, told)
            kind = properties.get(name, ANYTHING)
            if given is not None or name in required or self._admits_null(kind, MAX_NESTED):
                members[name] = self.restore(kind, given)
        is_same = members.keys() == value.keys() and all(members[k] is value[k] for k in members)
        return value if is_same else members

    def _admits_null(self, schema: Schema, nested_left: int) -> bool:
        """Say whether a schema admits null; what is not clear counts as yes."""
        schema = followed(schema, self._definitions)
        self._steps_left -= 1
        if nested_left == 0 or self._steps_left < 0:
            return True
        values = schema.get("enum", [schema["const"]] if "const" in schema else [None])
        if None not in values or "null" not in (types_of(schema) or ["null"]):
            return False

        def admit(one: Schema) -> bool:
            return self._admits_null(one, nested_left - 1)

        unions = [schema[keyword] for keyword in ("anyOf", "oneOf") if keyword in schema]
        return all(map(admit, schema.get("allOf", ()))) and all(any(map(admit, u)) for u in unions)

    def _fits(self, schema: Schema, value: Any) -> bool:
        """Say whether a value fits a schema, as far as that can be told."""
        if id(schema) not in self._checks:
            whole = {**schema, "$defs": self._definitions}
            self._checks[id(schema)] = checker_of(whole)
        check = self._checks[id(schema)]
        return check is None or not check(value, UNKNOWN_BYTES)


_RESTORED = (str, list, dict)
"""The values that a vendor's terms can differ in; null is looked at where it stands."""


def _listed_value(parts: list[Schema], value: str) -> Any:
    """Return the value of an enumeration that a text stands for, the text when it is one itself."""
    for part in parts:
        values = part.get("enum", [part["const"]] if "const" in part else [])
        if value not in values:
            return next((one for one in values if value_text(one) == value), value)
    return value
