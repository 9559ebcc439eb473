"""Secrets: references to them in a launch, their sealed records, and the value that hides itself.

A launch says `${secret:NAME}` where a value goes. A secret belongs to one server and fills only
that server's launch.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mcpgw.errors import InvalidInput

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
"""The shape of a secret's name: that of an environment variable."""

REFERENCE = re.compile(r"\$\{secret:([^}]*)\}")
"""A reference to a secret inside a header or environment value."""

SENSITIVE = re.compile(r"TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIAL|AUTHORIZATION|COOKIE", re.I)
"""Names of headers and variables whose values are credentials."""

HARMLESS = re.compile(r"[_-](FILE|PATH|DIR)$", re.I)
"""Names that only say where a credential is."""

MAX_SECRET_BYTES = 64 * 1024
"""Certificates and service-account files fit; a whole database does not."""


class Secret:
    """A value that shows itself to nobody: only `reveal` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        """Hide the value."""
        return "Secret(***)"

    def __str__(self) -> str:
        """Hide the value."""
        return "***"

    def __format__(self, spec: str) -> str:
        """Hide the value."""
        return "***"

    def __reduce__(self) -> str:
        """Refuse to be pickled or copied out."""
        raise TypeError("a secret cannot be serialised")


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """One version of a secret as it lies in the store.

    `blob` is sealed with the data key `datakey_id`; `fingerprint` is a keyed digest (12 hex) by
    which two people can compare values without seeing them.
    """

    id: str
    workspace_id: str
    server_id: str
    name: str
    version: int
    datakey_id: str
    blob: bytes
    fingerprint: str
    created_at: float


def check_secret_name(name: str) -> str:
    """Return `name` if it can name a secret.

    Raises:
        InvalidInput: it has another shape.
    """
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} is no secret name", "use letters, digits and '_', as in JIRA_TOKEN"
        )
    return name


def is_sensitive(name: str) -> bool:
    """Say whether a header or variable of that name holds a credential."""
    return bool(SENSITIVE.search(name)) and not HARMLESS.search(name)


def references(text: str) -> tuple[str, ...]:
    """Return the names of the secrets that `text` refers to, in order.

    Raises:
        InvalidInput: a reference is not closed or names nothing that could be a secret.
    """
    names = tuple(check_secret_name(name) for name in REFERENCE.findall(text))
    if text.count("${secret:") != len(names):
        raise InvalidInput("a reference to a secret has no end", "write it as ${secret:NAME}")
    return names


def fill(text: str, value_of: Callable[[str], str]) -> str:
    """Return `text` with every reference replaced by its value."""
    return REFERENCE.sub(lambda match: value_of(match.group(1)), text)
