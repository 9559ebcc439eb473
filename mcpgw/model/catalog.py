"""The catalog: what can be added by name, and what it asks for.

An entry offers ways to reach one server: hosted (`Remote`) or run here (`Package`). Their texts
are templates: `{NAME}` stands for a field of the entry. A field that is a secret never gets its
value here, only the reference by which the vault fills it in. Entries are facts of others, not
promises: whoever adds one sees the command or the URL before it is used.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mcpgw.model.server import MAX_NAME

PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]{0,127})\}")
"""Where the value of a field goes."""

STDIO = "stdio"

REMOTE = "remote"
"""How the way to a hosted server is called; a package's is called by its registry."""


class Confidence(StrEnum):
    """How well the facts of an entry are founded."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Auth(StrEnum):
    """What a hosted server wants to see."""

    NONE = "none"
    HEADER = "header"
    OAUTH = "oauth"


class Origin(StrEnum):
    """Who says what an entry says."""

    BUNDLED = "bundled"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True)
class Field:
    """A value that a person gives. `is_required` is None where no source says.

    `where` says where to get it: a URL, or the words for it.
    """

    is_secret: bool = False
    is_required: bool | None = None
    description: str = ""
    where: str = ""
    default: str = ""


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """The server's own switch for reading only. `is_default` says that it is on unless changed."""

    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Remote:
    """A hosted server. `url` and the values of `headers` are templates."""

    url: str
    transport: str = "streamable-http"
    auth: Auth = Auth.NONE
    headers: Mapping[str, str] = field(default_factory=dict)
    read_only: ReadOnly | None = None
    note: str = ""
    confidence: Confidence = Confidence.LOW
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """A program that is fetched and run here.

    `arguments` are templates, a flag and its value together: all go when one of their fields has
    no value. `mounts` are a container's, host path and path inside. `version` is empty when the
    package manager is to be asked. `obstacle`, as a remote's, says why its source forbids the way.
    """

    registry: str
    identifier: str
    version: str = ""
    transport: str = STDIO
    arguments: tuple[str | tuple[str, ...], ...] = ()
    mounts: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    read_only: ReadOnly | None = None
    note: str = ""
    obstacle: str = ""


Way = Remote | Package


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A server that can be added. `prefers` is `remote` or `package`."""

    slug: str
    title: str
    description: str
    category: str = ""
    maintainer: str = ""
    tags: tuple[str, ...] = ()
    homepage: str = ""
    repository: str = ""
    confidence: Confidence = Confidence.LOW
    is_archived: bool = False
    prefers: str = REMOTE
    remotes: tuple[Remote, ...] = ()
    packages: tuple[Package, ...] = ()
    fields: Mapping[str, Field] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    origin: Origin = Origin.BUNDLED

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways to it, the preferred kind first; packages that need no daemon before images."""
        packages = sorted(self.packages, key=lambda package: package.registry == "oci")
        if self.prefers == REMOTE:
            return (*self.remotes, *packages)
        return (*packages, *self.remotes)


RUNTIME = {"npm": "npx", "pypi": "uvx", "git": "uvx", "oci": "docker", "nuget": "dnx"}
"""The program that runs a package, by its registry; a `command` is its own."""


def kind_of(way: Way) -> str:
    """Return how a way is called: `remote`, or the package's registry."""
    return REMOTE if isinstance(way, Remote) else way.registry


def runtime_of(package: Package) -> str:
    """Return the program that runs a package."""
    return RUNTIME.get(package.registry, package.identifier)


def obstacle(entry: CatalogEntry, way: Way) -> str:
    """Return why this version cannot go that way, empty when it can."""
    if way.obstacle:
        return way.obstacle
    if isinstance(way, Remote):
        if way.auth is Auth.OAUTH:
            return "needs a login in the browser (OAuth), which this version does not do yet"
        if any(entry.fields[name].is_secret for name in placeholders((way.url,))):
            return "takes a credential in its URL, which would end in logs"
        return ""
    if way.transport != STDIO:
        return "serves HTTP itself: run it where you like, and add its URL"
    if any(
        entry.fields[name].is_secret for name in placeholders((*flat(way.arguments), *way.mounts))
    ):
        return "takes a credential in its arguments, which every user of the machine could read"
    return ""


def fields_of(entry: CatalogEntry, way: Way) -> Mapping[str, Field]:
    """Return the fields that a way has room for, in the entry's order."""
    if isinstance(way, Remote):
        texts: Sequence[str] = (way.url, *way.headers.values())
    else:
        texts = (*way.env.values(), *flat(way.arguments), *way.mounts)
    used = set(placeholders(texts))
    return {name: one for name, one in entry.fields.items() if name in used}


def server_name(slug: str) -> str:
    """Return the name that a server gets when nobody names it."""
    last = slug.rpartition("/")[2].lower()
    name = re.sub(r"[^a-z0-9]+", "-", last).strip("-")[:MAX_NAME].strip("-")
    return name or "server"


def flat(groups: Sequence[str | tuple[str, ...]]) -> list[str]:
    """Return the arguments of all groups."""
    return [part for one in groups for part in ((one,) if isinstance(one, str) else one)]


def placeholders(texts: Iterable[str]) -> list[str]:
    """Return the names of the fields that templates refer to."""
    return [name for text in texts for name in PLACEHOLDER.findall(text)]
