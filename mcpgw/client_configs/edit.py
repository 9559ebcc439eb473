"""Add to a configuration file and take out again: text in, text out, in any of the formats.

Each edit is checked before it is handed out: what the new text says must be what the old one said,
with the change and nothing else. What cannot be written so is refused.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol

from mcpgw.client_configs.jsonc_text import JsoncText
from mcpgw.client_configs.path import Path, at
from mcpgw.client_configs.splice import Cut, Splice, cuts_of, splice
from mcpgw.client_configs.toml_text import TomlText
from mcpgw.client_configs.yaml_text import YamlText
from mcpgw.errors import InvalidInput


class Format(Protocol):
    """How a file is written; each of its methods raises InvalidInput for what it cannot read."""

    name: str

    def read(self, text: str) -> Any:
        """Return the document as Python values, None when it is empty."""
        ...

    def put(self, text: str, path: Sequence[str], value: Any) -> list[Splice]:
        """Return what adds `value` under `path`, whose last name is not there yet."""
        ...

    def append(self, text: str, path: Sequence[str], value: Any) -> list[Splice]:
        """Return what adds `value` at the end of the list at `path`."""
        ...

    def cut(self, text: str, path: Path) -> list[Splice]:
        """Return what takes out the member at `path`, which is there."""
        ...


JSON: Format = JsoncText()
TOML: Format = TomlText()
YAML: Format = YamlText()


@dataclass(frozen=True, slots=True)
class Change:
    """Something to add: `value` under `path`, or to the list at `path` if there is a `mark`.

    `mark` is the field by which the items of that list are told apart.
    """

    path: tuple[str, ...]
    value: Any
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """What is remembered of a change, to find again what it added.

    `item` is what the field `mark` holds; `made` is how many tables or lists around it are ours.
    """

    path: tuple[str, ...]
    mark: str
    item: str
    made: int

    def position(self, document: Any) -> Path | None:
        """Return where it stands in a document, None when it does not."""
        found = at(document, self.path)
        if not self.mark:
            return None if found is None else self.path
        for index, item in enumerate(found if isinstance(found, list) else ()):
            if isinstance(item, dict) and item.get(self.mark) == self.item:
                return (*self.path, index)
        return None


@dataclass(frozen=True, slots=True)
class Edited:
    """A text to which something was added. `cuts` undo that exactly, one after the other."""

    text: str
    cuts: tuple[tuple[Cut, ...], ...]
    traces: tuple[Trace, ...]


def trace(document: Any, change: Change) -> Trace:
    """Return how to find again what `change` adds to `document`."""
    item = str(change.value[change.mark]) if change.mark else ""
    around = change.path if change.mark else change.path[:-1]
    there = 0
    while there < len(around) and at(document, around[: there + 1]) is not None:
        there += 1
    return Trace(change.path, change.mark, item, len(around) - there)


def add(form: Format, text: str, changes: Sequence[Change]) -> Edited:
    """Return `text` with all changes made; what is in the place of one already stays as it is.

    Raises:
        InvalidInput: the text is broken, has something else in their place, or is written in a way
            that cannot be added to.
    """
    cuts, traces = [], []
    for change in changes:
        before = form.read(text)
        found = trace(before, change)
        if found.position(before) is not None:
            continue
        insert = form.append if change.mark else form.put
        splices = insert(text, change.path, change.value)
        text = splice(text, splices)
        cuts.append(cuts_of(splices))
        traces.append(found)
        _check(form, text, _with(before, change))
    return Edited(text, tuple(reversed(cuts)), tuple(traces))


def remove(form: Format, text: str, traces: Sequence[Trace]) -> str:
    """Return `text` without what `add` added, wherever it stands by now.

    Raises:
        InvalidInput: as `take_out`.
    """
    for each in reversed(traces):
        position = each.position(form.read(text))
        if position is None:
            continue
        text = take_out(form, text, position)
        around: Path = position[:-1]
        for _ in range(each.made):
            if at(form.read(text), around) not in ({}, []):
                break
            text = take_out(form, text, around)
            around = around[:-1]
    return text


def take_out(form: Format, text: str, path: Path) -> str:
    """Return `text` without what stands at `path`, which is there.

    Raises:
        InvalidInput: the text is broken, or written in a way that this cannot be taken out of.
    """
    before = form.read(text)
    text = splice(text, form.cut(text, path))
    _check(form, text, _without(before, path))
    return text


def _check(form: Format, text: str, wanted: Any) -> None:
    """Refuse to hand out a text that says anything else than it should."""
    try:
        is_right = _bare(form.read(text) or {}) == _bare(wanted or {})
    except InvalidInput:
        is_right = False
    if not is_right:
        raise InvalidInput(
            f"this {form.name} is written in a way that cannot be changed safely",
            "change it by hand; mcpgw connect --print shows what to write",
        )


def _bare(document: Any) -> Any:
    """Return a document without tables that hold nothing: TOML does not keep them."""
    if not isinstance(document, dict):
        return document
    kept = {name: _bare(value) for name, value in document.items()}
    return {name: value for name, value in kept.items() if value != {}}


def _with(document: Any, change: Change) -> Any:
    wanted = {} if document is None else deepcopy(document)
    table, name = wanted, change.path[-1]
    for each in change.path[:-1]:
        table = _entered(table, each, {})
    if change.mark:
        _entered(table, name, []).append(change.value)
    else:
        table[name] = change.value
    return wanted


def _entered(table: dict[str, Any], name: str, empty: Any) -> Any:
    if table.get(name) is None:
        table[name] = empty
    return table[name]


def _without(document: Any, path: Path) -> Any:
    wanted = deepcopy(document)
    del at(wanted, path[:-1])[path[-1]]
    return wanted
