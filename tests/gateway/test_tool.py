"""Tools with their classes, rulings on them, and what a token sees of them."""

from typing import Any

import msgspec
import pytest

from mcpgw.errors import Forbidden, NotFound
from mcpgw.gateway.access import Admission
from mcpgw.model.bounds import Bounds
from mcpgw.model.server import HttpLaunch
from mcpgw.model.token import OPERATOR, Role
from mcpgw.model.tool_class import ToolClass
from mcpgw.model.workspace import ReadonlyTools, WorkspaceSettings
from tests.fakes import FakeUpstream, listing
from tests.world import World, asked

ANNOTATED: dict[str, dict[str, Any]] = {
    "lookup": {"readOnlyHint": True},
    "purge": {"readOnlyHint": True},
    "touch": {"readOnlyHint": False, "destructiveHint": False},
    "odd": {"readOnlyHint": "yes"},
}
ITEMS = [
    {"name": name, "inputSchema": {"type": "object"}, "annotations": hints}
    for name, hints in ANNOTATED.items()
]
CLASSES = {
    "git__get_log": "read",
    "git__commit": "write",
    "git__blame": "write",
    "docs__lookup": "read",
    "docs__purge": "destructive",
    "docs__touch": "write",
    "docs__odd": "destructive",
}
READING = {name for name, kind in CLASSES.items() if kind == "read"}


@pytest.fixture
async def stocked(world: World) -> World:
    """Two servers: one without annotations, one that gives them, some of them lies."""
    await world.server("git", get_log="x", commit="x", blame="x")
    answers = listing() | {"tools/list": lambda _: {"tools": ITEMS}}
    world.upstreams.by_name["docs"] = FakeUpstream(answers)
    await world.gateway.servers.add(OPERATOR, "demo", "docs", HttpLaunch("http://127.0.0.1:1/"))
    return world


async def admitted(world: World, role: Role, bounds: Bounds = Bounds()) -> Admission:  # noqa: B008
    issued = await world.gateway.tokens.issue(OPERATOR, "demo", "ana", role, None, bounds)
    return await world.gateway.access.authenticate("demo", issued.text)


async def answer(
    world: World, admission: Admission, method: str, **params: bytes
) -> dict[str, Any]:
    response = await world.gateway.dispatcher.answer(asked(admission, method, params))
    decoded: dict[str, Any] = msgspec.json.decode(response)
    return decoded


async def names(world: World, admission: Admission) -> set[str]:
    listed = await answer(world, admission, "tools/list")
    return {tool["name"] for tool in listed["result"]["tools"]}


async def test_every_tool_has_its_class_and_the_reason(stocked: World) -> None:
    seen = await stocked.gateway.tools.list(OPERATOR, "demo")
    assert {tool.exposed: tool.classed.kind.value for tool in seen} == CLASSES
    assert all(tool.classed.reason for tool in seen)
    assert {(tool.server, tool.name) for tool in seen} >= {("git", "get_log"), ("docs", "odd")}


async def test_who_only_reads_sees_and_calls_what_reads(stocked: World) -> None:
    reader = await admitted(stocked, Role.READONLY)
    assert await names(stocked, reader) == READING
    for name in CLASSES:
        said = await answer(stocked, reader, "tools/call", name=f'"{name}"'.encode())
        if name in READING:
            assert "result" in said
        else:
            unknown = await answer(stocked, reader, "tools/call", name=b'"git__none"')
            assert said["error"]["code"] == unknown["error"]["code"]
            expected = unknown["error"]["message"].replace("git__none", name)
            assert said["error"]["message"] == expected
    refused = [row for row in stocked.journal.rows if row.error_class == "policy_class"]
    assert {row.exposed for row in refused} == set(CLASSES) - READING
    assert {row.outcome.value for row in refused} == {"denied"}
    assert {row.server for row in refused} == {"git", "docs"}


async def test_a_developer_sees_everything(stocked: World) -> None:
    assert await names(stocked, await admitted(stocked, Role.DEVELOPER)) == set(CLASSES)


async def test_a_ruling_counts_at_the_next_request_and_can_be_taken_back(stocked: World) -> None:
    reader, tools = await admitted(stocked, Role.READONLY), stocked.gateway.tools
    ruled = await tools.rule(OPERATOR, "demo", "git__blame", ToolClass.READ)
    assert (ruled.classed.kind, ruled.name) == (ToolClass.READ, "blame")
    await tools.rule(OPERATOR, "demo", "docs__lookup", ToolClass.WRITE)
    reader = await stocked.gateway.access.authenticate("demo", await token(stocked, Role.READONLY))
    assert await names(stocked, reader) == {"git__get_log", "git__blame"}
    back = await tools.rule(OPERATOR, "demo", "git__blame", None)
    assert back.classed.kind is ToolClass.WRITE
    with pytest.raises(NotFound, match="nobody ruled"):
        await tools.rule(OPERATOR, "demo", "git__blame", None)


async def token(world: World, role: Role) -> str:
    return (await world.gateway.tokens.issue(OPERATOR, "demo", "ana", role)).text


async def test_a_ruling_on_what_is_not_there_says_what_may_be_meant(stocked: World) -> None:
    with pytest.raises(NotFound) as caught:
        await stocked.gateway.tools.rule(OPERATOR, "demo", "git__blam", ToolClass.READ)
    assert caught.value.hint == "did you mean git__blame?"
    with pytest.raises(NotFound) as caught:
        await stocked.gateway.tools.rule(OPERATOR, "demo", "zzzz", ToolClass.READ)
    assert "tool list" in caught.value.hint


async def test_only_admins_rule(stocked: World) -> None:
    for role in (Role.DEVELOPER, Role.READONLY):
        principal = (await admitted(stocked, role)).principal
        with pytest.raises(Forbidden):
            await stocked.gateway.tools.list(principal, "demo")
        with pytest.raises(Forbidden):
            await stocked.gateway.tools.rule(principal, "demo", "git__blame", ToolClass.READ)
    admin = (await admitted(stocked, Role.ADMIN)).principal
    await stocked.gateway.tools.rule(admin, "demo", "git__blame", ToolClass.READ)


async def test_a_workspace_may_let_readers_call_everything(stocked: World) -> None:
    settings = WorkspaceSettings(readonly_tools=ReadonlyTools.ALL)
    await stocked.gateway.workspaces.set(OPERATOR, "demo", settings)
    reader = await admitted(stocked, Role.READONLY)
    assert await names(stocked, reader) == set(CLASSES)


@pytest.mark.parametrize(
    ("role", "bounds", "seen"),
    [
        (Role.DEVELOPER, Bounds(servers=("git",)), {n for n in CLASSES if n.startswith("git")}),
        (Role.DEVELOPER, Bounds(tools=("*__get_*", "docs__t*")), {"git__get_log", "docs__touch"}),
        (Role.READONLY, Bounds(tools=("docs__*",)), {"docs__lookup"}),
        (Role.ADMIN, Bounds(servers=("jira",)), set()),
    ],
)
async def test_patterns_of_a_token(
    stocked: World, role: Role, bounds: Bounds, seen: set[str]
) -> None:
    admission = await admitted(stocked, role, bounds)
    assert await names(stocked, admission) == seen
    visible = await stocked.gateway.tools.seen_by(admission)
    assert (visible.tools, visible.all_tools) == (len(seen), len(CLASSES))
    assert bool(visible.absence) is not bool(seen)


async def test_the_bounds_of_the_workspace_hold_its_tokens(stocked: World) -> None:
    settings = WorkspaceSettings(bounds=Bounds(servers=("git",)))
    await stocked.gateway.workspaces.set(OPERATOR, "demo", settings)
    admission = await admitted(stocked, Role.DEVELOPER)
    assert await names(stocked, admission) == {n for n in CLASSES if n.startswith("git")}
    own = await admitted(stocked, Role.DEVELOPER, Bounds(servers=("docs",)))
    assert await names(stocked, own) == {n for n in CLASSES if n.startswith("docs")}


async def test_an_empty_list_says_why(stocked: World) -> None:
    admission = await admitted(stocked, Role.READONLY, Bounds(tools=("git__*m*",)))
    said = await answer(stocked, admission, "server/discover")
    instructions = said["result"]["instructions"]
    assert "sees none of the 7 tools of this workspace" in instructions
    assert "2 not classed as reading" in instructions
    assert "outside of its patterns" in instructions
    seen = await stocked.gateway.tools.seen_by_token(OPERATOR, "demo", admission.principal.token_id)
    assert (seen.tools, seen.all_tools) == (0, 7)
    assert seen.absence in instructions


async def test_what_is_hidden_is_not_told_of(stocked: World) -> None:
    del stocked.upstreams.by_name["docs"]
    hidden = await admitted(stocked, Role.DEVELOPER, Bounds(servers=("git",)))
    said = await answer(stocked, hidden, "tools/call", name=b'"docs__lookup"')
    assert "docs is unavailable" not in said["error"]["message"]


async def test_resources_and_prompts_of_servers_that_a_token_is_for(stocked: World) -> None:
    both = await admitted(stocked, Role.READONLY)
    only = await admitted(stocked, Role.READONLY, Bounds(tools=("docs__lookup",)))
    none = await admitted(stocked, Role.DEVELOPER, Bounds(tools=("jira__*",)))
    read = {"uri": b'"memo://one"'}
    for admission, server in ((both, "git"), (only, "docs")):
        assert "result" in await answer(stocked, admission, "resources/read", **read)
        assert stocked.journal.rows[-1].server == server
    assert (await answer(stocked, none, "resources/list"))["result"]["resources"] == []
    assert "error" in await answer(stocked, none, "resources/read", uri=b'"memo://5/text"')
    assert stocked.journal.rows[-1].error_class == "policy_name"
    prompts = await answer(stocked, only, "prompts/list")
    assert prompts["result"]["prompts"] == []
    assert {p["name"] for p in (await answer(stocked, both, "prompts/list"))["result"]["prompts"]}
