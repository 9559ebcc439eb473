"""A server's schema made plain: safe to walk, every reference local, nothing malformed.

What comes from a server is hostile until proven otherwise: it may be endlessly deep, huge, refer to
itself or to the network. Here it is copied within bounds; a part beyond them becomes `{}`, which
admits anything, for the server checks its arguments anyway. Nothing is ever fetched.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from mcpgw.formats.keyword import MANY, MAY_BE_FLAG, NAMED, ONE, Schema, has_shape, place

MAX_DEPTH = 32
"""Schemas within schemas. Real tools have five levels, vendors take ten."""

MAX_SCHEMAS = 5000
"""Schemas in one schema, those that it refers to included; no real one has a tenth of it."""

MAX_VALUE_PARTS = 2000
"""Values in one `enum`, `const`, `default` or `examples`, however nested."""

MAX_EXAMPLES = 3

MAX_NOTES = 20

DEFINITIONS = "#/$defs/"

_TELLING = frozenset({"type", "enum", "required", "properties", *MANY})
"""Keywords whose malformed values are worth a note; others are ignored as by everybody."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain schema. Each `$ref` in it, and in `definitions`, is `#/$defs/` and a name in those.

    `notes` say what was left out and where.
    """

    root: Schema
    definitions: dict[str, Schema]
    notes: tuple[str, ...]


def plain(schema: object) -> Plain:
    """Return a schema as everything here can walk it; one that is no object admits anything."""
    reader = _Reader(schema)
    root = reader.read(schema, 0, "")
    definitions = reader.read_definitions()
    return Plain(root, definitions, tuple(reader.notes)[:MAX_NOTES])


def resolve(root: object, pointer: str) -> object:
    """Return what a local reference points at, None when it points at nothing in `root`."""
    found = root
    for step in pointer.removeprefix("#").split("/")[1:]:
        step = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step in map(str, range(len(found))):
            found = found[int(step)]
        else:
            return None
    return found


class _Reader:
    """Copies one schema, and then what it refers to, each once."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._schemas_left = MAX_SCHEMAS
        self._names: dict[str, str] = {}
        self.notes: dict[str, None] = {}

    def read(self, schema: object, depth: int, where: str) -> Schema:
        """Return the plain form of one schema."""
        if schema is False:
            return {"not": {}}
        if not isinstance(schema, dict):
            if schema is not True:
                self._note(where, "this is no schema")
            return {}
        self._schemas_left -= 1
        if depth > MAX_DEPTH or self._schemas_left < 0:
            self._note(where, "the schema is too deep or too large; the rest is left open")
            return {}
        found: Schema = {}
        for keyword, value in schema.items():
            self._take(found, keyword, value, depth + 1, where)
        _modernise(found, schema)
        return found

    def read_definitions(self) -> dict[str, Schema]:
        """Return everything that was referred to, by name: also what that refers to in turn."""
        definitions: dict[str, Schema] = {}
        while len(definitions) < len(self._names):
            pointer, name = list(self._names.items())[len(definitions)]
            definitions[name] = self.read(resolve(self._root, pointer), 0, name)
        return definitions

    def _take(self, found: Schema, keyword: str, value: Any, depth: int, where: str) -> None:
        """Copy one keyword, if it is one and has the shape of one."""
        here = place(where, keyword)
        if keyword == "$ref":
            self._refer(found, value, where)
        elif keyword == "$dynamicRef":
            self._note(where, "a dynamic reference is not followed")
        elif keyword in MAY_BE_FLAG and isinstance(value, bool):
            found[keyword] = value
        elif keyword == "items" and isinstance(value, list):
            found["prefixItems"] = self._read_all(value, depth, here)
        elif keyword in ONE:
            found[keyword] = self.read(value, depth, here)
        elif keyword in MANY and isinstance(value, list) and value:
            found[keyword] = self._read_all(value, depth, here)
        elif keyword in NAMED and keyword != "$defs" and isinstance(value, dict):
            found[keyword] = {
                name: self.read(one, depth, place(where, name)) for name, one in value.items()
            }
        elif has_shape(keyword, value):
            self._take_value(found, keyword, value, here)
        elif keyword in _TELLING:
            self._note(here, "malformed, and left out")

    def _read_all(self, schemas: list[Any], depth: int, where: str) -> list[Schema]:
        return [self.read(one, depth, f"{where}[{n}]") for n, one in enumerate(schemas)]

    def _take_value(self, found: Schema, keyword: str, value: Any, where: str) -> None:
        if keyword == "examples":
            value = value[:MAX_EXAMPLES]
        if _parts(value, MAX_VALUE_PARTS) > MAX_VALUE_PARTS:
            self._note(where, "too large, and left out")
            return
        found[keyword] = value

    def _refer(self, found: Schema, reference: object, where: str) -> None:
        """Note what is referred to, under a name; what is not in this schema is left open."""
        if not isinstance(reference, str) or not (reference == "#" or reference[:2] == "#/"):
            self._note(where, "a reference out of the schema is not followed")
            return
        if resolve(self._root, reference) is None:
            self._note(where, "a reference that points at nothing")
            return
        name = self._names.get(reference)
        if name is None:
            name = self._names[reference] = self._new_name(reference)
        found["$ref"] = DEFINITIONS + name

    def _new_name(self, reference: str) -> str:
        last = reference.rpartition("/")[2]
        wanted = "".join(c for c in last if c.isascii() and (c.isalnum() or c in "_-"))[:40]
        taken = {"", *self._names.values()}
        name, number = wanted, len(taken)
        while name in taken:
            name, number = f"{wanted or 'schema'}_{number}", number + 1
        return name

    def _note(self, where: str, what: str) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes[f"{where}: {what}" if where else what] = None


def _modernise(found: Schema, written: dict[str, Any]) -> None:
    """Turn what older drafts wrote otherwise: bounds that are flags, items behind a tuple."""
    for flag, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if written.get(flag) is True and bound in found:
            found[flag] = found.pop(bound)


def _parts(value: object, limit: int) -> int:
    """Count the values in a value, no further than just beyond `limit`."""
    counted, waiting = 0, [value]
    while waiting and counted <= limit:
        one = waiting.pop()
        counted += 1
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return counted
