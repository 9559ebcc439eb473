"""Several schemas that hold at once, as one: for vendors who know no `allOf`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from mcpgw.formats.keyword import Schema, types_of

ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
)
"""Keywords that describe and do not constrain: of two, the first one is kept."""


_encode = msgspec.json.Encoder(order="sorted").encode


def merged(schemas: Iterable[Schema]) -> tuple[Schema, bool]:
    """Return one schema in place of several, and whether it says exactly the same.

    Where it cannot, it admits more than they do.
    """
    whole: Schema = {}
    is_exact = True
    closed: list[frozenset[str]] = []
    for schema in schemas:
        if schema.get("additionalProperties", True) is not True:
            closed.append(frozenset(schema.get("properties", ())))
        for keyword, value in schema.items():
            is_exact &= _join(whole, keyword, value)
    everything = frozenset(whole.get("properties", ()))
    return whole, is_exact and all(names == everything for names in closed)


def _join(whole: Schema, keyword: str, value: Any) -> bool:
    """Add one keyword to what is there; says whether nothing was lost."""
    if keyword not in whole:
        whole[keyword] = value
        return True
    if keyword in ANNOTATIONS or _equal(whole[keyword], value):
        return True
    if keyword == "properties":
        whole[keyword], is_exact = _joined_properties(whole[keyword], value)
        return is_exact
    join = _JOINS.get(keyword)
    joined = None if join is None else join(whole[keyword], value)
    if joined is None:
        return False
    whole[keyword] = joined
    return True


def _joined_properties(
    first: Mapping[str, Schema], second: Mapping[str, Schema]
) -> tuple[dict[str, Schema], bool]:
    joined, is_exact = dict(first), True
    for name, schema in second.items():
        if name not in joined:
            joined[name] = schema
            continue
        joined[name], is_same = merged([joined[name], schema])
        is_exact &= is_same
    return joined, is_exact


def _equal(first: Any, second: Any) -> bool:
    """Compare as JSON does: 1 is not true."""
    return bool(first == second) and _encode(first) == _encode(second)


def _both_types(first: Any, second: Any) -> Any:
    others = types_of({"type": second})
    both = [name for name in types_of({"type": first}) if name in others]
    return (both[0] if len(both) == 1 else both) or None


def _both_values(first: Any, second: Any) -> Any:
    return [one for one in first if any(_equal(one, other) for other in second)] or None


def _all_names(first: Any, second: Any) -> Any:
    return list(dict.fromkeys((*first, *second)))


_JOINS: Mapping[str, Callable[[Any, Any], Any]] = {
    "type": _both_types,
    "enum": _both_values,
    "required": _all_names,
    "allOf": lambda first, second: [*first, *second],
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}
"""How two values of a keyword hold at once; None when they cannot, and the first one is kept."""
