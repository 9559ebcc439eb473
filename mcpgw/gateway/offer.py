"""What a workspace offers: the lists of its servers merged under exposed names, with their tables.

An `Offer` is built once from what the servers listed and never changes; the lists that clients see
are encoded on first demand and kept as bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.gateway.secret import Reach
from mcpgw.model.tool import Named, exposed_names
from mcpgw.protocol.cursor import decode as decode_cursor
from mcpgw.protocol.cursor import encode as encode_cursor
from mcpgw.protocol.era import LISTS, Era, era_of
from mcpgw.protocol.inbound import param_headers
from mcpgw.protocol.jsonrpc import INVALID_PARAMS, text
from mcpgw.protocol.merge import (
    has_valid_headers,
    list_result,
    merge_capabilities,
    merge_instructions,
    tool_item,
)
from mcpgw.protocol.projection import is_object_schema
from mcpgw.protocol.task import needs_task
from mcpgw.protocol.template import literal_length

PAGE_ITEMS = 1000
"""Items on one page: many clients read no second one."""

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


@dataclass(frozen=True)
class Target:
    """What stands behind an exposed name or URI: how to reach it, and the server's own name.

    What its item says is looked up once: every call asks.
    """

    reach: Reach
    name: str
    item: Item

    @cached_property
    def asks_for_headers(self) -> bool:
        """Whether the tool's schema wants arguments in `Mcp-Param-*` headers."""
        schema = self.item.get("inputSchema")
        return schema is not None and PARAM_HEADER_KEYWORD in bytes(schema)

    @cached_property
    def has_object_output(self) -> bool:
        """Whether the tool's output is described as an object, or not at all."""
        schema = self.item.get("outputSchema")
        return schema is None or is_object_schema(schema)

    @cached_property
    def is_task(self) -> bool:
        """Whether the tool of a legacy server can be called as a task only."""
        return needs_task(self.item)

    def param_headers(self, params: Mapping[str, Raw]) -> tuple[tuple[str, str], ...]:
        """Return the `Mcp-Param-*` headers that the tool's schema asks for."""
        if not self.asks_for_headers:
            return ()
        return param_headers(self.item["inputSchema"], params.get("arguments"))


class Offer:
    """The merged lists of one workspace at one moment, in the order that servers were added."""

    def __init__(self, shares: Sequence[Share], identity: bytes, ttl_ms: int) -> None:
        self.shares = shares
        self._identity = identity
        self._ttl_ms = ttl_ms
        self._listed: dict[tuple[str, str], Mapping[str, bytes]] = {}
        self._pages: dict[tuple[str, str], bytes] = {}
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

    def linked(self, server_id: str | None, uri: str) -> Target | None:
        """Return a resource that no list holds, of the server that handed out its URI."""
        for share in self.shares:
            if share.reach.server.id == server_id:
                return Target(share.reach, uri, {})
        return None

    def completes(self, server_id: str) -> bool:
        """Say whether a server completes arguments."""
        return any(
            "completions" in share.listed.capabilities
            for share in self.shares
            if share.reach.server.id == server_id
        )

    def listed(self, method: str, version: str) -> Mapping[str, bytes]:
        """Return what a listing method lists, by name or URI, as clients of `version` see it."""
        key = (method, version)
        listed = self._listed.get(key)
        if listed is None:
            listed = self._listed[key] = self._encode(method, version)
        return listed

    def page(self, method: str, version: str, cursor: Raw | None = None) -> bytes:
        """Return one page of a listing method's result.

        Raises:
            ProtocolError: -32602, the cursor is none of ours, or what it stands behind is gone.
        """
        if cursor is not None and bytes(cursor) != b"null":
            return self._page(method, version, decode_cursor(cursor))
        key = (method, version)
        page = self._pages.get(key)
        if page is None:
            page = self._pages[key] = self._page(method, version, None)
        return page

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

    def _page(self, method: str, version: str, after: str | None) -> bytes:
        listed = self.listed(method, version)
        names = list(listed)
        if after is not None and after not in listed:
            raise ProtocolError("the list has changed: begin again without cursor", INVALID_PARAMS)
        begin = 0 if after is None else names.index(after) + 1
        shown = names[begin : begin + PAGE_ITEMS]
        following = encode_cursor(shown[-1]) if begin + PAGE_ITEMS < len(names) else None
        era = era_of(version) or Era.LEGACY
        items = [listed[name] for name in shown]
        return list_result(LISTS[method], items, era, self._identity, self._ttl_ms, following)

    def _encode(self, method: str, version: str) -> Mapping[str, bytes]:
        if method in ("tools/list", "prompts/list"):
            table = self._named["tools/call" if method == "tools/list" else "prompts/get"]
            return {name: tool_item(one.item, name, version) for name, one in table.items()}
        table = self._resources if method == "resources/list" else self._templates
        return {uri: tool_item(one.item, None, version) for uri, one in table.items()}

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
