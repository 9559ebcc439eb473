"""What a workspace offers: the lists of its servers merged under exposed names, with their tables.

An `Offer` is built once from what the servers listed and never changes; the lists that clients see
are encoded on first demand and kept as bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Raw

from mcpgw.gateway.secret import Reach
from mcpgw.model.tool import Named, exposed_names
from mcpgw.protocol.era import LISTS, Era, era_of
from mcpgw.protocol.inbound import param_headers
from mcpgw.protocol.jsonrpc import text
from mcpgw.protocol.merge import (
    has_valid_headers,
    list_result,
    merge_capabilities,
    merge_instructions,
    tool_item,
)
from mcpgw.protocol.template import literal_length

PARAM_HEADER_KEYWORD = b"x-mcp-header"
"""The schema keyword that asks for a header; most schemas do not hold it."""

Item = dict[str, Raw]
"""One tool, prompt, resource or template as the server listed it, values raw."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What one server listed, by listing method, or why it could not.

    `problem` is a sentence for people, empty when the server answered; the lists are then the last
    ones it gave, if any. `fetched_at` is in monotonic nanoseconds, 0 when it never answered.
    """

    items: Mapping[str, Sequence[Item]] = field(default_factory=dict)
    capabilities: Mapping[str, Raw] = field(default_factory=dict)
    instructions: str = ""
    problem: str = ""
    fetched_at: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """One server's share of an offer: how it is reached and what it listed."""

    reach: Reach
    listed: Listed


@dataclass(frozen=True, slots=True)
class Target:
    """What stands behind an exposed name or URI: how to reach it, and the server's own name."""

    reach: Reach
    name: str
    item: Item

    def param_headers(self, params: Mapping[str, Raw]) -> tuple[tuple[str, str], ...]:
        """Return the `Mcp-Param-*` headers that the tool's schema asks for."""
        schema = self.item.get("inputSchema")
        if schema is None or PARAM_HEADER_KEYWORD not in bytes(schema):
            return ()
        return param_headers(schema, params.get("arguments"))


class Offer:
    """The merged lists of one workspace at one moment, in the order that servers were added."""

    def __init__(self, shares: Sequence[Share], identity: bytes, ttl_ms: int) -> None:
        self.shares = shares
        self._identity = identity
        self._ttl_ms = ttl_ms
        self._encoded: dict[tuple[str, str], bytes] = {}
        self._named = {
            "tools/call": _table(shares, "tools/list"),
            "prompts/get": _table(shares, "prompts/list"),
        }
        self._resources = _by_uri(shares, "resources/list", "uri")
        self._templates = _by_uri(shares, "resources/templates/list", "uriTemplate")

    @property
    def problems(self) -> Mapping[str, str]:
        """Why servers are missing or stale, by server name."""
        return {
            share.reach.server.name: share.listed.problem
            for share in self.shares
            if share.listed.problem
        }

    def find(self, method: str, name: str) -> Target | None:
        """Return what `name` means to a `tools/call`, `prompts/get` or `resources/read`."""
        if method != "resources/read":
            return self._named[method].get(name)
        return self._resources.get(name) or self._find_template(name)

    def template(self, uri: str) -> Target | None:
        """Return the owner of a URI template, as completion refers to it."""
        return self._templates.get(uri) or self._resources.get(uri)

    def names(self, method: str) -> Mapping[str, Target]:
        """Return the table of `tools/call` or `prompts/get` by exposed name."""
        return self._named[method]

    def page(self, method: str, version: str) -> bytes:
        """Return the result of a listing method as a client of that revision is to see it."""
        key = (method, version)
        encoded = self._encoded.get(key)
        if encoded is None:
            encoded = self._encoded[key] = self._encode(method, version)
        return encoded

    def capabilities(self, era: Era) -> bytes:
        """Return the union of what the servers declared, as raw JSON."""
        return merge_capabilities([share.listed.capabilities for share in self.shares], era)

    def instructions(self) -> str:
        """Return the servers' words to the model, and which servers are missing and why."""
        parts = [
            (share.reach.server.name, share.reach.server.prefix, share.listed.instructions)
            for share in self.shares
            if share.listed.instructions
        ]
        said = merge_instructions(parts)
        missing = [f"{name}: {problem}" for name, problem in self.problems.items()]
        if missing:
            said += "\n\nNot available at the moment:\n" + "\n".join(missing)
        elif not self.shares:
            said = "This workspace has no servers yet. An operator adds them: mcpgw server add"
        return said.strip()

    def _encode(self, method: str, version: str) -> bytes:
        items: list[bytes] = []
        if method in ("tools/list", "prompts/list"):
            table = self._named["tools/call" if method == "tools/list" else "prompts/get"]
            items = [tool_item(target.item, name, version) for name, target in table.items()]
        else:
            table = self._resources if method == "resources/list" else self._templates
            items = [tool_item(target.item, None, version) for target in table.values()]
        era = era_of(version) or Era.LEGACY
        return list_result(LISTS[method], items, era, self._identity, self._ttl_ms)

    def _find_template(self, uri: str) -> Target | None:
        best, best_length = None, -1
        for template, target in self._templates.items():
            length = literal_length(template, uri)
            if length > best_length:
                best, best_length = target, length
        if best is None:
            return None
        return Target(best.reach, uri, best.item)


def _table(shares: Sequence[Share], method: str) -> Mapping[str, Target]:
    """Return the targets of a listing by exposed name."""
    found: dict[Named, Target] = {}
    for share in shares:
        for item in share.listed.items.get(method, ()):
            name = text(item["name"])
            if name is None or (method == "tools/list" and not has_valid_headers(item)):
                continue
            server = share.reach.server
            found.setdefault(Named(server.id, server.prefix, name), Target(share.reach, name, item))
    return {exposed: found[named] for exposed, named in exposed_names(found).items()}


def _by_uri(shares: Sequence[Share], method: str, key: str) -> dict[str, Target]:
    """Return the targets of a listing by URI; who was added first keeps a contested one."""
    found: dict[str, Target] = {}
    for share in shares:
        for item in share.listed.items.get(method, ()):
            uri = text(item[key]) if key in item else None
            if uri is not None:
                found.setdefault(uri, Target(share.reach, uri, item))
    return found
