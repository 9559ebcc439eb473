"""What a workspace offers: the lists of its servers merged under exposed names, with their tables.

An `Offer` is built once from what the servers listed and never changes; the lists that clients see
are encoded on first demand and kept as bytes. Names are given over all that there is; what a
principal may see of it is a smaller offer of the same kind, where the rest does not exist.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.gateway.secret import Reach
from mcpgw.model.policy import Action, Decision, Offered, Rule, decide
from mcpgw.model.token import Principal, Rights
from mcpgw.model.tool import Named, exposed_names
from mcpgw.model.tool_class import Classed, ToolClass, classify
from mcpgw.protocol.annotation import read_hints
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

MAX_VIEWS = 256
"""Different rights for which a smaller offer is kept; most tokens of a workspace have the same."""

Item = dict[str, Raw]
"""One tool, prompt, resource or template as the server listed it, values raw."""


_HIDDEN = {
    Rule.WORKSPACE: "in another workspace",
    Rule.ROLE: "not for its role",
    Rule.ADDRESS: "not for its address",
    Rule.SERVER: "of servers that it is not for",
    Rule.NAME: "outside of its patterns of tools",
    Rule.CLASS: "not classed as reading, and its role only reads",
}
"""How the tools that a rule hides are told of, after their number."""


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
    """One server's share of an offer: how it is reached, what it listed, what admins ruled on it.

    `rulings` are by the server's own names of its tools.
    """

    reach: Reach
    listed: Listed
    rulings: Mapping[str, ToolClass] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """What stands behind an exposed name or URI: how to reach it, and the server's own name.

    What its item says is looked up once: every call asks.
    """

    reach: Reach
    name: str
    item: Item
    classed: Classed | None = None
    """What a tool does to the world; None for what is no tool."""

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


@dataclass(frozen=True, slots=True)
class _Tables:
    """What leads back from exposed names and URIs to what stands behind them."""

    tools: Mapping[str, Target]
    prompts: Mapping[str, Target]
    resources: Mapping[str, Target]
    templates: Mapping[str, Target]


class Offer:
    """The merged lists of one workspace at one moment, in the order that servers were added.

    `hidden` counts the tools that are left out of it, by the rule that hides them.
    """

    def __init__(
        self,
        shares: Sequence[Share],
        identity: bytes,
        ttl_ms: int,
        *,
        seen: _Tables | None = None,
        hidden: Mapping[Rule, int] | None = None,
    ) -> None:
        self.shares = shares
        self.hidden = hidden or {}
        self._identity = identity
        self._ttl_ms = ttl_ms
        self._listed: dict[tuple[str, str], Mapping[str, bytes]] = {}
        self._pages: dict[tuple[str, str], bytes] = {}
        self._views: dict[Rights, Offer] = {}
        self._tables = seen or _Tables(
            tools=_table(shares, "tools/list"),
            prompts=_table(shares, "prompts/list"),
            resources=_by_uri(shares, "resources/list", "uri"),
            templates=_by_uri(shares, "resources/templates/list", "uriTemplate"),
        )

    def seen_by(self, principal: Principal) -> "Offer":
        """Return what `principal` may see of it: the policy decides about each thing."""
        rights = principal.rights
        if not any(rights):
            return self
        view = self._views.get(rights)
        if view is None:
            if len(self._views) >= MAX_VIEWS:
                self._views.clear()
            view = self._views[rights] = self._view(principal)
        return view

    def decide(self, principal: Principal, target: Target, exposed: str = "") -> Decision:
        """Decide whether `principal` may use something, which has that exposed name if any."""
        names = (exposed,) if exposed else self._names_of(target.reach.server.id)
        offered = Offered(target.reach.server.name, names, target.classed)
        return decide(principal, Action.USE, target.reach.server.workspace_id, offered=offered)

    @property
    def problems(self) -> Mapping[str, str]:
        """Why servers are missing or stale, by server name."""
        return {
            share.reach.server.name: share.listed.problem
            for share in self.shares
            if share.listed.problem
        }

    @property
    def tools(self) -> Mapping[str, Target]:
        """Every tool by exposed name."""
        return self._tables.tools

    def find(self, method: str, name: str) -> Target | None:
        """Return what `name` means to a `tools/call`, `prompts/get` or `resources/read`."""
        if method == "tools/call":
            return self._tables.tools.get(name)
        if method == "prompts/get":
            return self._tables.prompts.get(name)
        return self._tables.resources.get(name) or self._find_template(name)

    def template(self, uri: str) -> Target | None:
        """Return the owner of a URI template, as completion refers to it."""
        return self._tables.templates.get(uri) or self._tables.resources.get(uri)

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
        if not self._tables.tools:
            said += f"\n\n{self.absence}"
        return said.strip()

    @property
    def absence(self) -> str:
        """Why there is no tool here: a sentence for people, empty when there is one."""
        if self._tables.tools:
            return ""
        if self.hidden:
            count = sum(self.hidden.values())
            why = "; ".join(f"{number} {_HIDDEN[rule]}" for rule, number in self.hidden.items())
            return f"This token sees none of the {count} tools of this workspace: {why}."
        if not self.shares:
            return "This workspace has no servers yet. An operator adds them: mcpgw server add"
        if self.problems:
            return "There is no tool: no server that is available has one."
        return "There is no tool: the servers of this workspace offer none."

    def _view(self, principal: Principal) -> "Offer":
        tools, prompts = self._tables.tools, self._tables.prompts
        hidden = Counter(
            decision.rule
            for name, target in tools.items()
            if (decision := self.decide(principal, target, name)).rule is not None
        )
        shares = [share for share in self.shares if self._is_for(principal, share)]
        seen = _Tables(
            tools=self._allowed(principal, tools),
            prompts=self._allowed(principal, prompts),
            resources=_by_uri(shares, "resources/list", "uri"),
            templates=_by_uri(shares, "resources/templates/list", "uriTemplate"),
        )
        return Offer(
            shares,
            self._identity,
            self._ttl_ms,
            seen=seen,
            hidden={rule: number for rule, number in hidden.items() if rule is not None},
        )

    def _allowed(self, principal: Principal, table: Mapping[str, Target]) -> Mapping[str, Target]:
        return {
            name: target
            for name, target in table.items()
            if self.decide(principal, target, name).is_allowed
        }

    def _is_for(self, principal: Principal, share: Share) -> bool:
        """Say whether a server exists for `principal`; one that never listed may turn out to."""
        server = share.reach.server
        names = self._names_of(server.id) if share.listed.fetched_at else (f"{server.prefix}__",)
        offered = Offered(server.name, names)
        return decide(principal, Action.USE, server.workspace_id, offered=offered).is_allowed

    def _names_of(self, server_id: str) -> tuple[str, ...]:
        """Return the exposed names of a server's tools and prompts."""
        return self._names_by_server.get(server_id, ())

    @cached_property
    def _names_by_server(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for table in (self._tables.tools, self._tables.prompts):
            for name, target in table.items():
                server_id = target.reach.server.id
                found[server_id] = (*found.get(server_id, ()), name)
        return found

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
            table = self._tables.tools if method == "tools/list" else self._tables.prompts
            return {name: tool_item(one.item, name, version) for name, one in table.items()}
        is_template = method == "resources/templates/list"
        table = self._tables.templates if is_template else self._tables.resources
        return {uri: tool_item(one.item, None, version) for uri, one in table.items()}

    def _find_template(self, uri: str) -> Target | None:
        best, best_length = None, -1
        for template, target in self._tables.templates.items():
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
            classed = None
            if method == "tools/list":
                classed = classify(name, read_hints(item), share.rulings.get(name))
            target = Target(share.reach, name, item, classed)
            found.setdefault(Named(server.id, server.prefix, name), target)
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
