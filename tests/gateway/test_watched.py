"""What servers are asked to tell, and what they agreed to."""

import asyncio

import pytest

from mcpgw.gateway.secret import Reach
from mcpgw.gateway.watched import Watched
from mcpgw.protocol.era import Era
from tests.world import World

ERAS = frozenset({Era.MODERN})


@pytest.fixture
def watched(world: World) -> Watched:
    return Watched(world.listings, world.upstreams, world.background.spawn)


async def reach(world: World, name: str) -> Reach:
    await world.server(name, log="x")
    configuration = await world.current.configuration()
    offer = await world.listings.offer(configuration, configuration.workspaces["demo"])
    return next(one.reach for one in offer.shares if one.reach.server.name == name)


async def test_a_server_agrees_to_what_it_can(world: World, watched: Watched) -> None:
    git = await reach(world, "git")
    world.upstreams.silent = {"memo://two"}
    watched.want({git.server.id: (git, {"memo://one", "memo://two"})}, ERAS)
    await watched.agreed([git.server.id], 1.0)
    assert watched.is_honoured(git.server.id, "memo://one")
    assert not watched.is_honoured(git.server.id, "memo://two")
    assert not watched.is_honoured("srv_other", "memo://one")


async def test_the_same_wish_is_said_once(world: World, watched: Watched) -> None:
    git = await reach(world, "git")
    for _ in range(3):
        watched.want({git.server.id: (git, set())}, ERAS)
        await watched.agreed([git.server.id], 1.0)
    assert len(world.upstreams.watches) == 1


async def test_patience_ends(world: World, watched: Watched) -> None:
    git = await reach(world, "git")
    world.upstreams.agreement = asyncio.Event()
    watched.want({git.server.id: (git, {"memo://one"})}, ERAS)
    await watched.agreed([git.server.id], 0.01)
    assert not watched.is_honoured(git.server.id, "memo://one")
    world.upstreams.agreement.set()
    await watched.agreed([git.server.id], 1.0)
    assert watched.is_honoured(git.server.id, "memo://one")


async def test_one_that_was_away_is_asked_anew(world: World, watched: Watched) -> None:
    git = await reach(world, "git")
    upstream = world.upstreams.by_name.pop("git")
    watched.want({git.server.id: (git, {"memo://one"})}, ERAS)
    await watched.agreed([git.server.id], 1.0)
    assert not watched.is_honoured(git.server.id, "memo://one")
    world.upstreams.by_name["git"] = upstream
    watched.doubt([git.server.id])
    watched.want({git.server.id: (git, {"memo://one"})}, ERAS)
    await watched.agreed([git.server.id], 1.0)
    assert watched.is_honoured(git.server.id, "memo://one")


async def test_who_is_let_go_is_not_watched_any_more(world: World, watched: Watched) -> None:
    git, jira = await reach(world, "git"), await reach(world, "jira")
    for one in (git, jira):
        watched.want({one.server.id: (one, {"memo://one"})}, ERAS)
    await watched.agreed([git.server.id, jira.server.id], 1.0)
    watched.keep_only([git.server.id])
    assert world.upstreams.unwatched == [jira.server.id]
    assert watched.is_honoured(git.server.id, "memo://one")
    assert not watched.is_honoured(jira.server.id, "memo://one")


async def test_an_agreement_that_is_not_wanted_any_more_counts_for_nothing(
    world: World, watched: Watched
) -> None:
    git = await reach(world, "git")
    world.upstreams.agreement = asyncio.Event()
    watched.want({git.server.id: (git, {"memo://one"})}, ERAS)
    await asyncio.sleep(0)
    watched.keep_only(())
    world.upstreams.agreement.set()
    await world.background.settle()
    assert not watched.is_honoured(git.server.id, "memo://one")
