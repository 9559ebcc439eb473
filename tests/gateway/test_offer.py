"""What a workspace offers: merged, renamed, routed by table."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.gateway import offer as module
from mcpgw.gateway.offer import Listed, Offer, Share
from mcpgw.gateway.secret import Reach
from mcpgw.model.server import HttpLaunch, Server
from mcpgw.protocol.era import LISTS, Era
from tests.world import IDENTITY


def share(name: str, prefix: str | None = None, problem: str = "", **lists: list[dict]) -> Share:  # type: ignore[type-arg]
    """Return a server's share; lists are given by listing method's first word."""
    server = Server(
        f"srv_{name}",
        "w",
        name,
        name if prefix is None else prefix,
        HttpLaunch("http://x"),
        True,
        0,
    )
    methods = {
        "tools": "tools/list",
        "prompts": "prompts/list",
        "resources": "resources/list",
        "templates": "resources/templates/list",
    }
    items = {
        methods[kind]: [{k: Raw(msgspec.json.encode(v)) for k, v in item.items()} for item in of]
        for kind, of in lists.items()
    }
    listed = Listed(items, {"tools": Raw(b"{}")}, f"use {name}", problem, 1)
    return Share(Reach(server, "print", lambda: ()), listed)


def offer(*shares: Share) -> Offer:
    return Offer(shares, IDENTITY, 5000)


def tool(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "inputSchema": {"type": "object"}} | more


def test_names_carry_their_server_and_lead_back_to_it() -> None:
    made = offer(
        share("git", tools=[tool("log")]), share("jira", tools=[tool("log"), tool("search")])
    )
    page = msgspec.json.decode(made.page("tools/list", "2025-11-25"))
    assert [one["name"] for one in page["tools"]] == ["git__log", "jira__log", "jira__search"]
    target = made.find("tools/call", "jira__log")
    assert target is not None
    assert (target.reach.server.name, target.name) == ("jira", "log")
    assert made.find("tools/call", "log") is None
    assert made.find("prompts/get", "jira__log") is None


def test_an_empty_prefix_leaves_names_alone_and_the_first_keeps_a_contested_one() -> None:
    made = offer(share("a", "", tools=[tool("log")]), share("b", "", tools=[tool("log")]))
    first, second = made.tools.items()
    assert (first[0], first[1].reach.server.name) == ("log", "a")
    assert second[0].startswith("log_")
    assert second[1].reach.server.name == "b"


def test_resources_keep_their_uris_and_templates_catch_the_rest() -> None:
    made = offer(
        share("a", resources=[{"uri": "memo://1", "name": "one"}], templates=[]),
        share(
            "b",
            resources=[{"uri": "memo://1", "name": "other"}],
            templates=[
                {"uriTemplate": "memo://{id}", "name": "any"},
                {"uriTemplate": "memo://long/{id}", "name": "long"},
            ],
        ),
    )
    for uri, server in (("memo://1", "a"), ("memo://2", "b"), ("memo://long/2", "b")):
        target = made.find("resources/read", uri)
        assert target is not None
        assert (target.reach.server.name, target.name) == (server, uri)
    assert made.find("resources/read", "file:///etc/passwd") is None
    owner = made.template("memo://{id}")
    assert owner is not None
    assert owner.reach.server.name == "b"
    assert made.template("memo://1") is not None
    assert made.template("memo://none") is None
    page = msgspec.json.decode(made.page("resources/list", "2026-07-28"))
    assert [one["uri"] for one in page["resources"]] == ["memo://1"]
    templates = msgspec.json.decode(made.page("resources/templates/list", "2026-07-28"))
    assert len(templates["resourceTemplates"]) == 2


def test_a_page_is_encoded_once() -> None:
    made = offer(share("git", tools=[tool("log")]))
    assert made.page("tools/list", "2026-07-28") is made.page("tools/list", "2026-07-28")


def test_schemas_pass_verbatim() -> None:
    schema = b'{"type":"object","$defs":{"n":{"const":12345678901234567890123}},"x":1.0e400}'
    made = Offer(
        [
            Share(
                share("git").reach,
                Listed({"tools/list": [{"name": Raw(b'"log"'), "inputSchema": Raw(schema)}]}),
            )
        ],
        IDENTITY,
        0,
    )
    assert schema in made.page("tools/list", "2026-07-28")


def test_problems_reach_the_user() -> None:
    made = offer(share("git", tools=[tool("log")]), share("jira", problem="connection refused"))
    assert made.problems == {"jira": "connection refused"}
    said = made.instructions()
    assert "use git" in said
    assert "jira: connection refused" in said


def test_an_empty_workspace_says_why() -> None:
    assert "no servers yet" in offer().instructions()


def test_capabilities_are_the_union() -> None:
    made = offer(share("git", tools=[tool("log")]))
    assert "tools" in msgspec.json.decode(made.capabilities(Era.MODERN))


def test_tools_that_ask_for_headers_get_them() -> None:
    schema = {
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    }
    made = offer(share("git", tools=[tool("log") | {"inputSchema": schema}, tool("plain")]))
    asked = {"arguments": Raw(b'{"region":"eu"}')}
    target, plain = made.tools.values()
    assert target.param_headers(asked) == (("Mcp-Param-Region", "eu"),)
    assert plain.param_headers(asked) == ()


def cursor_of(page: bytes) -> Raw | None:
    following = msgspec.json.decode(page).get("nextCursor")
    return None if following is None else Raw(msgspec.json.encode(following))


@pytest.mark.parametrize(
    ("method", "kind", "key"),
    [
        ("tools/list", "tools", "name"),
        ("prompts/list", "prompts", "name"),
        ("resources/list", "resources", "uri"),
        ("resources/templates/list", "templates", "uriTemplate"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 4, 5, 6])
@pytest.mark.parametrize("version", ["2025-06-18", "2026-07-28"])
def test_the_pages_of_a_list_make_the_list(
    monkeypatch: pytest.MonkeyPatch, method: str, kind: str, key: str, size: int, version: str
) -> None:
    monkeypatch.setattr(module, "PAGE_ITEMS", size)
    items = {
        name: [tool(f"{name}{n}", uri=f"{name}:{n}", uriTemplate=f"{name}:{{{n}}}") for n in counts]
        for name, counts in (("b", (2, 1, 3)), ("a", (9, 8)))
    }
    lists: dict[str, dict[str, Any]] = {name: {kind: items[name]} for name in items}
    made = offer(share("b", "", **lists["b"]), share("a", "", **lists["a"]))
    seen: list[str] = []
    cursor = None
    while True:
        page = made.page(method, version, cursor)
        shown = msgspec.json.decode(page)[LISTS[method]]
        assert 0 < len(shown) <= size
        seen += [item[key] for item in shown]
        cursor = cursor_of(page)
        if cursor is None:
            break
    # Servers in the order that they were added, items in the order of their server.
    assert seen == [item[key] for item in items["b"] + items["a"]]


def test_a_cursor_outlives_a_change_that_leaves_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_ITEMS", 1)
    before = offer(share("a", "", tools=[tool("one"), tool("two")]))
    after = offer(share("a", "", tools=[tool("one"), tool("new"), tool("two")]))
    moved = offer(share("a", "", tools=[tool("two")]))
    cursor = cursor_of(before.page("tools/list", "2026-07-28"))
    assert cursor is not None
    shown = msgspec.json.decode(after.page("tools/list", "2026-07-28", cursor))["tools"]
    assert [item["name"] for item in shown] == ["new"]
    with pytest.raises(ProtocolError, match="begin again") as caught:
        moved.page("tools/list", "2026-07-28", cursor)
    assert caught.value.rpc_code == -32602


def test_an_empty_list_is_one_page() -> None:
    page = msgspec.json.decode(offer(share("a")).page("tools/list", "2025-11-25"))
    assert page == {"tools": []}


def test_a_tool_whose_header_marks_break_the_rules_is_not_offered() -> None:
    bad = {"type": "object", "properties": {"n": {"type": "number", "x-mcp-header": "N"}}}
    made = offer(share("a", "", tools=[tool("bad", inputSchema=bad), tool("good")]))
    assert list(made.tools) == ["good"]
    assert made.find("tools/call", "bad") is None


def test_a_resource_without_a_uri_is_left_out() -> None:
    items: list[dict[str, object]] = [
        {"name": "none"},
        {"uri": 7, "name": "number"},
        {"uri": "memo://1", "name": "a"},
    ]
    made = offer(share("a", resources=items))
    assert list(made.listed("resources/list", "2025-11-25")) == ["memo://1"]


def test_a_link_leads_to_the_server_that_gave_it() -> None:
    made = offer(share("a"), share("b"))
    target = made.linked("srv_b", "file:///x")
    assert target is not None
    assert (target.reach.server.name, target.name) == ("b", "file:///x")
    assert made.linked("srv_c", "file:///x") is None
    assert made.linked(None, "file:///x") is None


def test_who_completes_is_known() -> None:
    able = share("b")
    able = replace(able, listed=replace(able.listed, capabilities={"completions": Raw(b"{}")}))
    made = offer(share("a"), able)
    assert [made.completes(one) for one in ("srv_a", "srv_b", "srv_c")] == [False, True, False]
