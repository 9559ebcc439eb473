"""Tokens elsewhere."""

from dataclasses import replace

import pytest

from mcpgw.cli.remote.gateway import RemoteGateway
from mcpgw.errors import Conflict, NotFound
from mcpgw.gateway.token import NEVER_S, TokenSeen
from mcpgw.model.bounds import Bounds, Rate
from mcpgw.model.token import OPERATOR, Role
from tests.world import World

BOUNDS = Bounds(("git",), ("git__*",), ("10.0.0.0/8",), Rate(120, 60.0), 5)


def public(seen: TokenSeen) -> TokenSeen:
    """Return a record without what the API does not tell."""
    token = replace(seen.token, workspace_id="", index=b"", row_mac=b"")
    return TokenSeen(token, seen.last_used_at)


async def test_issued_listed_rotated_and_revoked(remote: RemoteGateway, here: World) -> None:
    tokens, inside = remote.tokens, here.gateway.tokens
    issued = await tokens.issue(OPERATOR, "demo", "b@team.org", Role.READONLY, 60.0, BOUNDS)
    admission = await here.gateway.access.authenticate("demo", issued.text)
    assert admission.principal.bounds == BOUNDS
    assert issued.token.expires_at == here.clock.time + 60.0
    rotated = await tokens.rotate(OPERATOR, "demo", issued.token.id, 5.0, NEVER_S)
    assert rotated.token.expires_at is None
    for_good = await tokens.issue(OPERATOR, "demo", "b@team.org", Role.READONLY)
    listed = list(await tokens.list(OPERATOR, "demo"))
    expected = [public(one) for one in await inside.list(OPERATOR, "demo")]
    assert sorted(listed, key=repr) == sorted(expected, key=repr)
    assert await tokens.show(OPERATOR, "demo", for_good.token.id) in listed
    revoked = await tokens.revoke(OPERATOR, "demo", for_good.token.id)
    assert (revoked.id, revoked.revoked_at) == (for_good.token.id, here.clock.time)
    gone = await tokens.revoke_member(OPERATOR, "demo", "b@team.org")
    assert {one.id for one in gone} == {issued.token.id, rotated.token.id}


async def test_errors_are_what_the_use_cases_raise(remote: RemoteGateway, here: World) -> None:
    with pytest.raises(NotFound):
        await remote.tokens.show(OPERATOR, "demo", "tok_none")
    with pytest.raises(NotFound):
        await remote.tokens.revoke_member(OPERATOR, "demo", "eve")
    issued = await remote.tokens.issue(OPERATOR, "demo", "b", Role.READONLY)
    await remote.tokens.revoke(OPERATOR, "demo", issued.token.id)
    with pytest.raises(Conflict, match="is revoked"):
        await remote.tokens.rotate(OPERATOR, "demo", issued.token.id, 5.0)


async def test_a_long_list_comes_whole(remote: RemoteGateway, here: World) -> None:
    for number in range(1005):
        here.clock.pass_s(0.001)
        await here.gateway.tokens.issue(OPERATOR, "demo", f"m{number}", Role.DEVELOPER)
    listed = await remote.tokens.list(OPERATOR, "demo")
    assert [one.token.member for one in listed][-1005:] == [f"m{n}" for n in range(1005)]
