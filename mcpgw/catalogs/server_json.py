"""From the `server.json` of an MCP registry to a catalog entry. Every word of it is untrusted.

What would let a publisher choose more than the package is not taken: the program that runs it,
arguments for that program, another package registry. Such a way is shown with the reason why it
cannot be used; what cannot be what it says makes the whole entry invalid.
Source: MCP registry, server.json 2025-12-11.
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from mcpgw.errors import InvalidInput
from mcpgw.model.catalog import (
    PLACEHOLDER,
    RUNTIME,
    STDIO,
    Auth,
    CatalogEntry,
    Confidence,
    Field,
    Origin,
    Package,
    Remote,
    placeholders,
)
from mcpgw.model.catalog_check import check_entry
from mcpgw.model.secret import is_sensitive

MAX_PARTS = 64
"""Fields, arguments and ways of one entry; no honest one has so many."""

MAX_TEXT = 300
"""Longer texts are cut."""


class _Input(Struct, rename="camel"):
    """A value to give, as the registry describes it."""

    name: str = ""
    type: str = ""
    value: str | None = None
    default: str | None = None
    value_hint: str = ""
    description: str = ""
    is_required: bool = False
    is_secret: bool = False
    variables: dict[str, "_Input"] = field(default_factory=dict)


class _Transport(Struct, rename="camel"):
    type: str = STDIO
    url: str = ""
    headers: list[_Input] = field(default_factory=list)
    variables: dict[str, _Input] = field(default_factory=dict)


class _Package(Struct, rename="camel"):
    registry_type: str
    identifier: str
    version: str = ""
    registry_base_url: str = ""
    transport: _Transport = field(default_factory=_Transport)
    runtime_arguments: list[_Input] = field(default_factory=list)
    package_arguments: list[_Input] = field(default_factory=list)
    environment_variables: list[_Input] = field(default_factory=list)


class _Repository(Struct):
    url: str = ""


class _Server(Struct, rename="camel"):
    name: str
    description: str
    title: str = ""
    version: str = ""
    website_url: str = ""
    repository: _Repository | None = None
    packages: list[_Package] = field(default_factory=list)
    remotes: list[_Transport] = field(default_factory=list)


class _Status(Struct, rename="camel"):
    status: str = "active"
    status_message: str = ""


class _Meta(Struct):
    official: _Status = field(
        name="io.modelcontextprotocol.registry/official", default_factory=_Status
    )


class _Response(Struct):
    server: _Server
    meta: _Meta = field(name="_meta", default_factory=_Meta)


_decoder = msgspec.json.Decoder(_Response)


def read_entry(raw: bytes | msgspec.Raw) -> CatalogEntry:
    """Return the entry of one server as a registry answers it.

    Raises:
        InvalidInput: it is malformed, too large, deleted, or names what cannot be.
    """
    try:
        found = _decoder.decode(raw)
    except (ValueError, RecursionError):
        raise InvalidInput("the registry sent an entry that is none") from None
    if found.meta.official.status == "deleted":
        raise InvalidInput("the entry was deleted")
    server = found.server
    if len(server.packages) + len(server.remotes) > MAX_PARTS:
        raise InvalidInput("the registry sent an entry that is too large")
    reading = _Reading()
    remotes = tuple(reading.remote(one) for one in server.remotes)
    runnable = [one for one in server.packages if one.registry_type in RUNTIME]
    packages = tuple(reading.package(one) for one in runnable)
    notes = [
        f"also comes as {one.registry_type[:20]}, which this version does not run"
        for one in server.packages
        if one.registry_type not in RUNTIME
    ]
    if found.meta.official.status == "deprecated":
        notes.append(f"deprecated {found.meta.official.status_message[:MAX_TEXT]}".rstrip())
    entry = CatalogEntry(
        slug=server.name,
        title=(server.title or server.name)[:MAX_TEXT],
        description=server.description[:MAX_TEXT],
        maintainer=server.name.partition("/")[0],
        homepage=_web_address(server.website_url),
        repository=_web_address(server.repository.url if server.repository else ""),
        confidence=Confidence.LOW,
        remotes=remotes,
        packages=packages,
        fields=reading.fields,
        notes=tuple(dict.fromkeys(notes)),
        origin=Origin.REGISTRY,
    )
    return check_entry(entry)


class _Reading:
    """Reads the ways of one entry, and collects the fields that they need."""

    def __init__(self) -> None:
        self.fields: dict[str, Field] = {}

    def remote(self, said: _Transport) -> Remote:
        url = self._template(said.url, said.variables)
        headers = {one.name: self._value(one) for one in said.headers[:MAX_PARTS]}
        is_keyed = any(self.fields[name].is_secret for name in placeholders(headers.values()))
        return Remote(
            url=url,
            transport=said.type,
            auth=Auth.HEADER if is_keyed else Auth.NONE,
            headers=headers,
            obstacle=_obstacle_of_url(url),
        )

    def package(self, said: _Package) -> Package:
        arguments = [self._argument(one) for one in said.package_arguments[:MAX_PARTS]]
        env = {one.name: self._value(one) for one in said.environment_variables[:MAX_PARTS]}
        note = ""
        if said.registry_base_url:
            host = urlsplit(said.registry_base_url).hostname or "nowhere"
            note = f"said to be in the package registry {host[:80]}; yours is asked for it"
        obstacle = ""
        if said.runtime_arguments:
            program = RUNTIME[said.registry_type]
            obstacle = f"wants arguments for {program} itself, which no registry may give"
        return Package(
            registry=said.registry_type,
            identifier=said.identifier,
            # An image is pinned by its digest, which the registry does not tell.
            version="" if said.registry_type == "oci" else said.version,
            transport=said.transport.type,
            arguments=tuple(arguments),
            env=env,
            note=note,
            obstacle=obstacle,
        )

    def _argument(self, said: _Input) -> str | tuple[str, ...]:
        value = self._value(said)
        return f"{said.name}={value}" if said.type == "named" else value

    def _value(self, said: _Input) -> str:
        """Return the template of a value, and take note of what is to be given for it."""
        if said.value is not None:
            return self._template(said.value, said.variables)
        name = re.sub(r"[^A-Za-z0-9_]", "_", said.name or said.value_hint).strip("_") or "VALUE"
        if name[0].isdigit():
            name = f"_{name}"
        self._note(name, said)
        return f"{{{name}}}"

    def _template(self, text: str, variables: Mapping[str, _Input]) -> str:
        for name in PLACEHOLDER.findall(text):
            if name not in variables:
                raise InvalidInput("the registry sent a template without its variables")
            self._note(name, variables[name])
        return text

    def _note(self, name: str, said: _Input) -> None:
        if len(self.fields) >= MAX_PARTS:
            raise InvalidInput("the registry sent an entry that is too large")
        # A publisher may forget to say, or be silent on purpose.
        is_secret = said.is_secret or is_sensitive(name)
        self.fields[name] = Field(
            is_secret=is_secret,
            is_required=said.is_required,
            description=_plain(said.description)[:MAX_TEXT],
            default="" if is_secret else said.default or "",
        )


def _obstacle_of_url(url: str) -> str:
    """Return why a registry may not send us there, empty when it may."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "has an address that is none"
    if parts.scheme != "https":
        return "is not reached by https"
    if PLACEHOLDER.search(parts.netloc):
        return ""
    try:
        is_public = ipaddress.ip_address(host).is_global
    except ValueError:
        is_public = "." in host and not host.endswith((".localhost", ".local", ".internal"))
    return "" if is_public else "points into a private network"


def _web_address(url: str) -> str:
    return url[:MAX_TEXT] if url.startswith("https://") and url.isprintable() else ""


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)
