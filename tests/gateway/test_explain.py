"""Every reason why a tool is shown, hidden or refused, and that it is the one that decides."""

import json
from dataclasses import replace
from typing import Any

import pytest

from mcpgw.errors import Forbidden, GatewayError, NotFound
from mcpgw.gateway.explain import Explanation, Verdict
from mcpgw.gateway.token import Issued
from mcpgw.model.bounds import UNBOUND, Bounds, Rate
from mcpgw.model.token import OPERATOR, Role
from tests.world import World, asked

SHOWN, HIDDEN, REFUSED = Verdict.SHOWN, Verdict.HIDDEN, Verdict.REFUSED


async def issue(
    world: World, role: Role = Role.DEVELOPER, bounds: Bounds = UNBOUND, ttl_s: float = 60.0
) -> Issued:
    return await world.gateway.tokens.issue(OPERATOR, "demo", "ana", role, ttl_s, bounds)


async def explain(
    world: World, issued: Issued, tool: str, address: str | None = None
) -> Explanation:
    return await world.gateway.explanations.explain(
        OPERATOR, "demo", issued.token.id, tool, address
    )


@pytest.fixture
async def stocked(world: World) -> World:
    await world.server("git", get_log="x", commit="x")
    return world


async def test_what_is_shown_passes_every_check(stocked: World) -> None:
    found = await explain(stocked, await issue(stocked), "git__commit")
    assert (found.verdict, found.reason) == (SHOWN, "every check passes")
    assert [check.name for check in found.checks] == [
        *("token", "role and address", "name", "policy", "server", "limit")
    ]
    assert any("classed write" in check.detail for check in found.checks)


@pytest.mark.parametrize(
    ("role", "bounds", "tool", "verdict", "reason"),
    [
        (Role.READONLY, UNBOUND, "git__get_log", SHOWN, "every check passes"),
        (Role.READONLY, UNBOUND, "git__commit", HIDDEN, "classed write"),
        (Role.ADMIN, Bounds(servers=("jira",)), "git__commit", HIDDEN, "not for the server git"),
        (Role.ADMIN, Bounds(tools=("git__get*",)), "git__commit", HIDDEN, "patterns of tools"),
        (Role.ADMIN, UNBOUND, "git__comit", HIDDEN, "did you mean git__commit?"),
        (Role.ADMIN, UNBOUND, "zzz", HIDDEN, "no server offers it"),
    ],
)
async def test_the_reason_is_that_of_the_policy(
    stocked: World, role: Role, bounds: Bounds, tool: str, verdict: Verdict, reason: str
) -> None:
    issued = await issue(stocked, role, bounds)
    found = await explain(stocked, issued, tool)
    assert found.verdict is verdict
    assert reason in found.reason
    assert (tool in await seen(stocked, issued)) is (verdict is SHOWN)


async def seen(world: World, issued: Issued) -> set[str]:
    """Return the tools that the bearer really sees."""
    admission = await world.gateway.access.authenticate("demo", issued.text)
    answer = await world.gateway.dispatcher.answer(asked(admission, "tools/list"))
    listed: dict[str, Any] = json.loads(answer)
    return {tool["name"] for tool in listed["result"]["tools"]}


async def test_a_token_that_is_not_good(stocked: World) -> None:
    expired, revoked, forged = (await issue(stocked), await issue(stocked), await issue(stocked))
    await stocked.gateway.tokens.revoke(OPERATOR, "demo", revoked.token.id)
    rows = stocked.store.held.tokens
    row = replace(forged.token, role=Role.ADMIN)
    stocked.store.change(tokens={**rows, row.index: row})
    assert (await explain(stocked, revoked, "git__commit")).reason == "the token is revoked"
    assert "changed past mcpgw" in (await explain(stocked, forged, "git__commit")).reason
    stocked.clock.pass_s(61)
    found = await explain(stocked, expired, "git__commit")
    assert (found.verdict, found.reason) == (REFUSED, "the token is expired")


async def test_an_address_outside_of_its_networks(stocked: World) -> None:
    issued = await issue(stocked, bounds=Bounds(addresses=("10.0.0.0/8",)))
    assert (await explain(stocked, issued, "git__commit")).verdict is SHOWN
    assert (await explain(stocked, issued, "git__commit", "10.1.1.1")).verdict is SHOWN
    found = await explain(stocked, issued, "git__commit", "192.0.2.1")
    assert (found.verdict, "this address" in found.reason) == (REFUSED, True)


async def test_a_server_that_is_off_or_away(stocked: World) -> None:
    issued = await issue(stocked)
    await stocked.server("down", ask="x")
    del stocked.upstreams.by_name["down"]
    found = await explain(stocked, issued, "down__ask")
    assert (found.verdict, "down is unavailable" in found.reason) == (HIDDEN, True)
    await stocked.gateway.servers.set_enabled(OPERATOR, "demo", "down", False)
    found = await explain(stocked, issued, "down__ask")
    assert found.reason == "its server down is switched off"


async def test_a_server_that_was_there_and_is_away(stocked: World) -> None:
    issued = await issue(stocked)
    assert (await explain(stocked, issued, "git__commit")).verdict is SHOWN
    del stocked.upstreams.by_name["git"]
    stocked.clock.pass_s(61)
    await issue(stocked)
    issued = await issue(stocked)
    await explain(stocked, issued, "git__commit")
    await stocked.background.settle()
    found = await explain(stocked, issued, "git__commit")
    assert (found.verdict, "refused the connection" in found.reason) == (REFUSED, True)


async def test_a_rate_that_is_used_up(stocked: World) -> None:
    issued = await issue(stocked, bounds=Bounds(rate=Rate(1, 60.0)))
    admission = await stocked.gateway.access.authenticate("demo", issued.text)
    request = asked(admission, "tools/call", {"name": b'"git__commit"'})
    await stocked.gateway.dispatcher.answer(request)
    found = await explain(stocked, issued, "git__commit")
    assert (found.verdict, "1/m calls; the next in 60.0 s" in found.reason) == (REFUSED, True)


async def test_who_may_ask(stocked: World) -> None:
    issued = await issue(stocked)
    admission = await stocked.gateway.access.authenticate("demo", issued.text)
    with pytest.raises(Forbidden):
        await stocked.gateway.explanations.explain(
            admission.principal, "demo", issued.token.id, "git__commit"
        )
    with pytest.raises(NotFound):
        await stocked.gateway.explanations.explain(OPERATOR, "demo", "tok_none", "git__commit")


async def test_a_workspace_whose_settings_were_forged(stocked: World) -> None:
    issued = await issue(stocked)
    demo = stocked.store.held.workspaces["demo"]
    forged = demo.with_settings(replace(demo.settings, ttl_s=1.0))
    stocked.store.change(workspaces={"demo": forged})
    with pytest.raises(GatewayError, match="changed past mcpgw"):
        await explain(stocked, issued, "git__commit")
