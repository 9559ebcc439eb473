"""Arguments held against the schema that their tool's server wrote.

The server checks them anyway; here a model gets one clear sentence instead of whatever the server
says, and arguments in a vendor's terms are told from such in the server's. A hostile schema costs
bounded time: one whose check could take long, or that refers to itself or out of itself, is left
to the server.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec

from mcpgw.formats.keyword import MANY, NAMED, ONE
from mcpgw.formats.plain import MAX_DEPTH, resolve

MAX_STEPS = 50_000_000
"""Steps of one check at the worst, each some nanoseconds: schemas times bytes of arguments."""

PATTERN_STEPS = 2000
"""What a regular expression counts as; it is matched in linear time."""

PATTERN_BYTES = 1 << 16
"""The largest compiled regular expression."""

MAX_PROBLEMS = 3

MAX_PROBLEM = 300
"""Characters of one: it may quote what was given."""

_UNFOLLOWED = ({"$dynamicRef", "$recursiveRef", "$id", "id"}, {"$dynamicRef", "$recursiveRef"})
"""Keywords by which references lead elsewhere, within a schema and at its top."""

_HOLD_SCHEMAS = ONE | MANY | {"additionalItems"}
_HOLD_NAMED = (NAMED - {"$defs"}) | {"dependencies"}

_NOTHING: Mapping[str, Any] = {}
"""All the documents that a schema may refer to."""

Problem = Callable[[Any, int], str]
"""Says what is wrong with arguments of that many bytes, or nothing."""


@lru_cache(maxsize=512)
def checker(schema: bytes) -> Problem | None:
    """Return what checks arguments by a schema (raw JSON), None when that is left to the server."""
    try:
        written = msgspec.json.decode(schema)
    except (ValueError, RecursionError):
        return None
    return checker_of(written)


def checker_of(schema: Any) -> Problem | None:
    """Return what checks values by a schema, None when that is left to the server."""
    cost = _cost(schema)
    if cost is None:
        return None
    # Late: 20 ms and 15 MB that only function calls need.
    import jsonschema_rs

    try:
        validator = jsonschema_rs.validator_for(
            schema,
            retriever=_NOTHING.__getitem__,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=PATTERN_BYTES),
        )
    except (ValueError, jsonschema_rs.ReferencingError):
        return None

    def problem(value: Any, size: int) -> str:
        if cost * max(size, 1) > MAX_STEPS:
            return ""
        try:
            return "; ".join(map(_sentence, islice(validator.iter_errors(value), MAX_PROBLEMS)))
        except ValueError:
            return ""  # nested deeper than can be looked at

    return problem


def _sentence(error: Any) -> str:
    place = "/".join(map(str, error.instance_path))
    said = str(error.message)
    said = said if len(said) <= MAX_PROBLEM else f"{said[:MAX_PROBLEM]}..."
    return f"{place}: {said}" if place else said


def _cost(schema: Any) -> int | None:
    """Return how many schemas one value can be held against at the worst, None when endless."""
    return _Counter(schema).count(schema, 0)


class _Counter:
    """Counts schemas as often as they are referred to."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._known: dict[int, int | None] = {}

    def count(self, schema: Any, depth: int) -> int | None:
        """Return the count of one schema and all that is in it or that it refers to."""
        if not isinstance(schema, dict):
            return 1
        if depth > MAX_DEPTH:
            return None
        key = id(schema)
        if key not in self._known:
            self._known[key] = None  # what comes back to itself has no end
            self._known[key] = self._sum(schema, depth)
        return self._known[key]

    def _sum(self, schema: dict[str, Any], depth: int) -> int | None:
        reference = schema.get("$ref", "#/")
        is_local = isinstance(reference, str) and (reference == "#" or reference[:2] == "#/")
        if not is_local or any(keyword in schema for keyword in _UNFOLLOWED[depth == 0]):
            return None
        total = 1 + PATTERN_STEPS * ("pattern" in schema)
        for one in self._within(schema):
            counted = self.count(one, depth + 1)
            if counted is None:
                return None
            total = min(total + counted, MAX_STEPS)
        return total

    def _within(self, schema: dict[str, Any]) -> Iterator[Any]:
        """Return the schemas in a schema, and the one that it refers to."""
        for keyword, value in schema.items():
            if keyword == "$ref":
                yield resolve(self._root, value)
            elif keyword in _HOLD_SCHEMAS and isinstance(value, list):
                yield from value
            elif keyword in _HOLD_NAMED and isinstance(value, dict):
                yield from value.values()
            elif keyword in _HOLD_SCHEMAS:
                yield value
            if keyword == "patternProperties":
                yield from [{"pattern": ""}] * len(value)
