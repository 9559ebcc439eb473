"""Lists are asked for side by side, remembered, renewed behind the answer, and never block."""

import asyncio
from itertools import count

import pytest

from mcpgw.errors import UpstreamError
from mcpgw.gateway import listing as module
from mcpgw.gateway.offer import Offer
from mcpgw.model.server import HttpLaunch
from mcpgw.model.token import OPERATOR
from mcpgw.protocol.era import Era
from tests.fakes import FakeUpstream, listing
from tests.world import World

URL = HttpLaunch("http://127.0.0.1:1/mcp")


async def offered(world: World) -> Offer:
    configuration = await world.current.configuration()
    return await world.listings.offer(configuration, configuration.workspace("demo"))


def names(offer: Offer) -> list[str]:
    return list(offer.tools)


async def test_asked_once_then_remembered(world: World) -> None:
    git = await world.server("git", log="x")
    before = len(git.sent)
    assert names(await offered(world)) == ["git__log"]
    asked_for = len(git.sent) - before
    assert asked_for == 4
    assert await offered(world) is await offered(world)
    assert len(git.sent) - before == asked_for


async def test_a_change_of_the_configuration_is_seen_at_once(world: World) -> None:
    await world.server("git", log="x")
    await offered(world)
    await world.server("jira", ask="y")
    assert names(await offered(world)) == ["git__log", "jira__ask"]
    await world.gateway.servers.set_enabled(OPERATOR, "demo", "git", False)
    assert names(await offered(world)) == ["jira__ask"]
    assert len(world.upstreams.kept) == 1
    await world.gateway.servers.remove(OPERATOR, "demo", "jira")
    assert names(await offered(world)) == []


async def test_what_did_not_change_is_not_asked_again(world: World) -> None:
    git = await world.server("git", log="x")
    await offered(world)
    before = len(git.sent)
    await world.server("jira", ask="y")
    await offered(world)
    assert len(git.sent) == before


async def test_one_bad_server_costs_its_own_tools_only(world: World) -> None:
    await world.server("git", log="x")
    await world.server("down", ask="y")
    del world.upstreams.by_name["down"]
    offer = await offered(world)
    assert names(offer) == ["git__log"]
    assert "refused the connection" in offer.problems["down"]


async def test_one_that_hangs_is_waited_for_once(world: World) -> None:
    await world.server("git", log="x")
    await world.server("slow", ask="y")
    world.upstreams.hanging.add("slow")
    offer = await offered(world)
    assert names(offer) == ["git__log"]
    assert "not answered" in offer.problems["slow"]
    assert names(await asyncio.wait_for(offered(world), 0.03)) == ["git__log"]


async def test_one_that_comes_late_joins(world: World) -> None:
    await world.server("late", ask="y")
    upstream = world.upstreams.by_name.pop("late")
    assert names(await offered(world)) == []
    world.upstreams.by_name["late"] = upstream
    world.clock.pass_s(6)
    await offered(world)
    await world.background.settle()
    assert names(await offered(world)) == ["late__ask"]


async def test_an_outage_keeps_the_tools_and_says_so(world: World) -> None:
    await world.server("git", log="x")
    await offered(world)
    del world.upstreams.by_name["git"]
    world.clock.pass_s(61)
    await offered(world)
    await world.background.settle()
    offer = await offered(world)
    assert names(offer) == ["git__log"]
    assert "git" in offer.problems


async def test_renewed_behind_the_answer_when_old_or_told(world: World) -> None:
    git = await world.server("git", log="x")
    await offered(world)
    git.answers |= listing(log="x", blame="z")
    assert names(await offered(world)) == ["git__log"]
    server_id = next(iter(world.upstreams.kept))
    world.upstreams.tell(server_id, "notifications/tools/list_changed")
    world.upstreams.tell("srv_unknown", "notifications/tools/list_changed")
    await offered(world)
    await world.background.settle()
    assert names(await offered(world)) == ["git__log", "git__blame"]
    git.answers |= listing(blame="z")
    world.clock.pass_s(61)
    await offered(world)
    await world.background.settle()
    assert names(await offered(world)) == ["git__blame"]


async def test_an_unchanged_list_is_not_encoded_again(world: World) -> None:
    await world.server("git", log="x")
    before = await offered(world)
    world.clock.pass_s(61)
    await offered(world)
    await world.background.settle()
    assert await offered(world) is before


async def test_pages_are_followed_to_the_end(world: World) -> None:
    pages = {b"": ("a", "2"), b'"2"': ("b", "3"), b'"3"': ("c", None)}
    git = FakeUpstream(listing())

    def page(message: object) -> object:
        import msgspec

        cursor = msgspec.json.decode(message.params, type=dict[str, msgspec.Raw])  # type: ignore[attr-defined]
        name, following = pages[bytes(cursor.get("cursor", b""))]
        items = [{"name": name, "inputSchema": {}}]
        return {"tools": items} | ({"nextCursor": following} if following else {})

    git.answers["tools/list"] = page
    world.upstreams.by_name["git"] = git
    await world.gateway.servers.add(OPERATOR, "demo", "git", URL)
    assert names(await offered(world)) == ["git__a", "git__b", "git__c"]


async def test_a_cursor_that_stands_still_ends(world: World) -> None:
    git = FakeUpstream(listing())
    git.answers["tools/list"] = lambda _: {
        "tools": [{"name": "a", "inputSchema": {}}],
        "nextCursor": "again",
    }
    world.upstreams.by_name["git"] = git
    _, tried = await world.gateway.servers.add(OPERATOR, "demo", "git", URL)
    assert tried is not None
    assert tried.tools == 2


@pytest.mark.parametrize("answer", [[], {"tools": 7}, "x"])
async def test_a_list_of_the_wrong_shape_is_the_servers_fault(world: World, answer: object) -> None:
    world.upstreams.by_name["git"] = FakeUpstream(listing() | {"tools/list": lambda _: answer})
    with pytest.raises(UpstreamError, match="git"):
        await world.gateway.servers.add(OPERATOR, "demo", "git", URL)


async def test_a_list_that_fails_is_the_servers_fault_but_templates_are_optional(
    world: World,
) -> None:
    answers = listing(log="x")
    del answers["resources/templates/list"]
    world.upstreams.by_name["git"] = FakeUpstream(answers)
    await world.gateway.servers.add(OPERATOR, "demo", "git", URL)
    del answers["prompts/list"]
    with pytest.raises(UpstreamError, match="prompts/list"):
        await world.gateway.servers.test(OPERATOR, "demo", "git")


async def test_a_list_is_renewed_on_demand(world: World) -> None:
    git = await world.server("git", log="x")
    workspace = (await world.current.configuration()).workspace("demo")
    await offered(world)
    git.answers |= listing(blame="z")
    server_id = next(iter(world.upstreams.kept))
    await world.listings.refresh(workspace, server_id, Era.LEGACY)  # nobody asked for it yet
    await world.listings.refresh(workspace, "srv_unknown", Era.MODERN)
    assert names(await offered(world)) == ["git__log"]
    await world.listings.refresh(workspace, server_id, Era.MODERN)
    assert names(await offered(world)) == ["git__blame"]


async def test_whoever_wants_to_know_is_told_of_other_lists(world: World) -> None:
    git = await world.server("git", log="x")
    told: list[None] = []
    world.listings.on_renewal(lambda: told.append(None))
    await offered(world)
    assert len(told) == 1
    server_id = next(iter(world.upstreams.kept))
    for expected, answers in ((1, listing(log="x")), (2, listing(log="other"))):
        git.answers |= answers
        world.listings.doubt(server_id)
        await offered(world)
        await world.background.settle()
        assert len(told) == expected
    world.listings.doubt("srv_unknown")


async def test_a_server_switched_off_while_it_lists_is_not_waited_for(world: World) -> None:
    await world.server("slow", ask="y")
    world.upstreams.hanging.add("slow")
    await offered(world)
    assert world.background.tasks
    await world.gateway.servers.set_enabled(OPERATOR, "demo", "slow", False)
    await offered(world)
    await world.background.settle()
    assert names(await offered(world)) == []


async def test_a_list_without_an_end_is_cut_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PAGES", 3)
    git = await world.server("git", log="x")
    cursors = count()
    git.answers["tools/list"] = lambda _: {"tools": [], "nextCursor": str(next(cursors))}
    await offered(world)
    assert next(cursors) == 3


async def test_servers_that_cannot_be_listed_are_known_for_a_while(world: World) -> None:
    await world.server("git", log="x")
    await world.server("jira", log="x")
    await world.server("slow", log="x")
    del world.upstreams.by_name["git"]
    world.upstreams.hanging.add("slow")
    ids = {
        server.name: server.id
        for servers in world.store.held.servers.values()
        for server in servers
    }
    assert world.listings.failing(600.0) == frozenset()
    await offered(world)
    assert world.listings.failing(600.0) == {ids["git"]}
    world.clock.pass_s(600.0)
    assert world.listings.failing(600.0) == frozenset()


async def test_a_server_that_lists_in_one_era_only_is_no_failure(world: World) -> None:
    await world.server("git", log="x")
    git = world.upstreams.by_name.pop("git")
    world.upstreams.by_era["git", Era.LEGACY] = git
    await offered(world)
    assert len(world.listings.failing(600.0)) == 1
    configuration = await world.current.configuration()
    await world.listings.offer(configuration, configuration.workspace("demo"), Era.LEGACY)
    assert world.listings.failing(600.0) == frozenset()
