"""Names of arguments: what vendors take, and the way back.

A vendor that refuses one name refuses the whole request. A name that would be refused is told as
another one, made from it alone; so the server's own name is found again from its schema, and no
table has to outlive the request. `filter[id]` becomes `filter_id__5f0c2b1d`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mcpgw.formats.keyword import Schema, rebuilt

MAX_LENGTH = 64

_SUFFIX_DIGITS = 8


@dataclass(frozen=True, slots=True)
class NameRule:
    """What a vendor takes as the name of an argument."""

    shape: "re.Pattern[str]"

    def takes(self, name: str) -> bool:
        """Say whether a name can stay as it is."""
        return self.shape.fullmatch(name) is not None


ANTHROPIC_NAMES = NameRule(re.compile(r"[A-Za-z0-9_.-]{1,64}"))
"""Holds at the top of a schema only."""

GEMINI_NAMES = NameRule(re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}"))
"""The narrowest: what it takes, everybody takes."""


def told_name(name: str) -> str:
    """Return the name that stands for one that a vendor does not take; every vendor takes it."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_SUFFIX_DIGITS]
    clean = re.sub(r"[^A-Za-z0-9_]", "_", name)
    begin = clean if GEMINI_NAMES.takes(clean[:1]) else f"_{clean}"
    return f"{begin[: MAX_LENGTH - _SUFFIX_DIGITS - 1]}_{digest}"


def own_names(names: Iterable[str]) -> Mapping[str, str]:
    """Return the server's own name by every name that a vendor may have been told in its place."""
    return {told_name(name): name for name in names if not GEMINI_NAMES.takes(name)}


def renamed(schema: Schema, rule: NameRule) -> Schema:
    """Return an object's schema with the names of its properties as a vendor takes them."""
    if all(map(rule.takes, schema.get("properties", ()))):
        return schema

    def told(name: str) -> str:
        return name if rule.takes(name) else told_name(name)

    changed = {**schema, "properties": {told(n): one for n, one in schema["properties"].items()}}
    if "required" in schema:
        changed["required"] = [*map(told, schema["required"])]
    return changed


def renamed_everywhere(schema: Schema, rule: NameRule) -> Schema:
    """Return a schema with the names of all properties in it as a vendor takes them."""
    return renamed(rebuilt(schema, lambda one, _: renamed_everywhere(one, rule)), rule)
