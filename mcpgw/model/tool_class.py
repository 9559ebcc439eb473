"""What a tool does to the world: reads, writes or destroys; and how the gateway comes to know.

Theory: an admin's ruling decides. Else the annotations that the server gives, by the defaults of
the specification: not said to be read-only is writing, and writing that is not said to be harmless
is destructive. A name that begins with a writing verb outweighs a read-only annotation: the server
contradicts itself. Where a server gives no annotations the name decides: the leading verb must be
a reading one, and no writing verb may stand anywhere in it. All else counts as writing, so that
what nobody thought of is not read-only by accident.
Source: MCP 2026-07-28, schema, ToolAnnotations.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class ToolClass(StrEnum):
    """What a call of a tool can do."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


@dataclass(frozen=True, slots=True)
class Hints:
    """A tool's annotations as the server gave them. None is not given, or no boolean."""

    is_read_only: bool | None = None
    is_destructive: bool | None = None


@dataclass(frozen=True, slots=True)
class Classed:
    """A tool's class, and why it is that: a sentence for people."""

    kind: ToolClass
    reason: str


READING_VERBS = frozenset(
    [
        *("count", "describe", "explain", "fetch", "find", "get", "inspect", "list", "lookup"),
        *("query", "read", "search", "show", "view"),
    ]
)
"""The verbs that a name may begin with to count as reading. Short on purpose."""

WRITING_VERBS = frozenset(
    [
        *("add", "alter", "append", "apply", "approve", "archive", "assign", "ban", "call"),
        *("cancel", "change", "clear", "close", "commit", "copy", "create", "delete", "deploy"),
        *("destroy", "disable", "drop", "edit", "enable", "erase", "exec", "execute", "grant"),
        *("import", "insert", "install", "invite", "invoke", "kill", "lock", "merge", "modify"),
        *("move", "overwrite", "patch", "pay", "post", "publish", "purge", "push", "put"),
        *("reboot", "register", "reject", "remove", "rename", "replace", "reset", "restart"),
        *("restore", "revert", "revoke", "rm", "rollback", "run", "save", "send", "set", "start"),
        *("stop", "store", "submit", "sync", "terminate", "transfer", "trigger", "truncate"),
        *("uninstall", "unlock", "update", "upload", "upsert", "wipe", "write"),
    ]
)
"""A word of a name that says that something changes."""

DESTROYING_VERBS = frozenset(
    [
        *("ban", "delete", "destroy", "drop", "erase", "kill", "overwrite", "purge", "remove"),
        *("reset", "revoke", "rm", "terminate", "truncate", "uninstall", "wipe"),
    ]
)
"""Those of the writing verbs after which something is gone."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def classify(name: str, hints: Hints | None, ruling: ToolClass | None) -> Classed:
    """Return the class of a tool.

    Args:
        name: what its server calls it.
        hints: its annotations, None where the server gives none.
        ruling: what an admin said of it, None when nobody did.
    """
    if ruling is not None:
        return Classed(ruling, "an admin's ruling")
    if hints is None:
        return _by_name(name)
    if hints.is_read_only is True and hints.is_destructive is not True:
        return _read_only(name)
    if hints.is_destructive is False:
        return Classed(ToolClass.WRITE, "its annotations do not say that it only reads")
    return Classed(ToolClass.DESTRUCTIVE, "its annotations do not say that it is harmless")


def _read_only(name: str) -> Classed:
    """Return the class of a tool whose server says that it only reads."""
    leading = next(iter(_words(name)), "")
    if leading in WRITING_VERBS:
        return Classed(
            _severity((leading,)), f"its name begins with {leading}, whatever its annotations say"
        )
    return Classed(ToolClass.READ, "its annotations say that it only reads")


def _by_name(name: str) -> Classed:
    words = _words(name)
    writing = tuple(word for word in words if word in WRITING_VERBS)
    if writing:
        return Classed(_severity(writing), f"it has no annotations, and its name says {writing[0]}")
    if words and words[0] in READING_VERBS:
        reason = f"it has no annotations, and its name begins with {words[0]}"
        return Classed(ToolClass.READ, reason)
    return Classed(ToolClass.WRITE, "it has no annotations, and its name begins with no known verb")


def _severity(verbs: tuple[str, ...]) -> ToolClass:
    return ToolClass.WRITE if DESTROYING_VERBS.isdisjoint(verbs) else ToolClass.DESTRUCTIVE


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name in snake_case, kebab-case or camelCase, in lower case.

    A name with a letter that is not ASCII has none: such letters can look like others.
    """
    return tuple(word.lower() for word in _WORD.findall(name)) if name.isascii() else ()
