"""Whether an entry of the catalog can be what it says: names, versions and templates.

A registry may lie. What passes here is no flag, path or URL to a package manager, refers to nothing
but its own fields, and gives a launch that the gateway would take from its operator too.
"""

import re

from mcpgw.errors import InvalidInput
from mcpgw.model.catalog import (
    CatalogEntry,
    Package,
    ReadOnly,
    Remote,
    Way,
    fields_of,
    flat,
    obstacle,
    placeholders,
)
from mcpgw.model.catalog_launch import launch
from mcpgw.model.secret import NAME as SECRET_NAME

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
"""The shape of a name in the bundled catalog."""

REGISTRY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,149}/[A-Za-z0-9][A-Za-z0-9._-]{0,149}")
"""The shape of a name in an MCP registry: reverse DNS, one slash."""

_IDENTIFIER = {
    "npm": r"(?:@[A-Za-z0-9][\w.~-]*/)?[A-Za-z0-9][\w.~-]*",
    "pypi": r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?",
    "git": r"git\+https://[A-Za-z0-9.-]+(?:/[\w.-]+)+",
    "oci": r"[a-z0-9]+(?:[._:-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*(?::\w[\w.-]*)?",
    "nuget": r"[A-Za-z0-9][\w.-]*",
    "command": r"[a-z][a-z0-9_-]*",
}
"""What a package can be called: nothing that a package manager takes for a flag, path or URL."""

_VERSION = {
    "npm": r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?",
    "pypi": r"v?\d+[0-9A-Za-z.!+_-]*",
    "git": r"[0-9a-f]{40}",
    "oci": r"sha256:[0-9a-f]{64}",
    "nuget": r"\d+\.\d+[0-9A-Za-z.+-]*",
}
"""What pins a package: one exact version, never a range or a tag that moves."""


def check_entry(entry: CatalogEntry) -> CatalogEntry:
    """Return `entry` if every way of it can be told from a trick.

    Raises:
        InvalidInput: something is named that no package manager and no server calls itself.
    """
    if not SLUG.fullmatch(entry.slug) and not REGISTRY_NAME.fullmatch(entry.slug):
        raise InvalidInput(f"{entry.slug[:80]!r} is no name of an entry")
    for text in (entry.title, entry.description, *entry.notes):
        if not text.isprintable():
            raise InvalidInput(f"{entry.slug} has control characters in its texts")
    for name, one in entry.fields.items():
        if one.is_secret and not SECRET_NAME.fullmatch(name):
            raise InvalidInput(f"{entry.slug} calls a secret {name[:80]!r}")
    for way in entry.ways:
        _check_way(entry, way)
    return entry


def check_version(package: Package, version: str) -> str:
    """Return `version` if it pins the package.

    Raises:
        InvalidInput: it is a range, a tag that moves, or nothing of the kind.
    """
    shape = _VERSION.get(package.registry)
    if shape is None and not version:
        return version
    if shape is None or len(version) > 128 or not re.fullmatch(shape, version, re.ASCII):
        raise InvalidInput(
            f"{version[:80]!r} does not pin {package.identifier} to one version",
            "name one exact version, as in 1.2.3; of an image the digest, as in sha256:...",
        )
    return version


def _check_way(entry: CatalogEntry, way: Way) -> None:
    switch = way.read_only or ReadOnly()
    if isinstance(way, Remote):
        texts = [way.url, switch.url, *way.headers.values(), *switch.headers.values()]
    else:
        texts = [*way.env.values(), *switch.env.values(), *flat(way.arguments), *way.mounts]
        shape = _IDENTIFIER.get(way.registry, r"(?!)")
        if len(way.identifier) > 214 or not re.fullmatch(shape, way.identifier, re.ASCII):
            raise InvalidInput(f"{entry.slug} names a package that cannot be one")
        if way.version:
            check_version(way, way.version)
    for text in texts:
        if "${secret:" in text or not text.isprintable():
            raise InvalidInput(f"{entry.slug} has a reference or control character in a value")
    unknown = set(placeholders(texts)) - set(entry.fields)
    if unknown:
        raise InvalidInput(f"{entry.slug} uses {sorted(unknown)[0]} without saying what it is")
    if not obstacle(entry, way):
        _check_with_samples(entry, way)


def _check_with_samples(entry: CatalogEntry, way: Way) -> None:
    """Launch it in the mind, with a value for everything."""
    known = fields_of(entry, way)
    is_url = isinstance(way, Remote) and way.url.startswith("{")
    sample = "https://host.example" if is_url else "sample"
    answers = {name: one.default or sample for name, one in known.items() if not one.is_secret}
    secrets = [name for name, one in known.items() if one.is_secret]
    launch(entry, way, answers, secrets, is_read_only=way.read_only is not None)
