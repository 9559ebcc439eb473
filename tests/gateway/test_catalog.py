"""Searching the catalog, and what must hold before an entry becomes a server."""

from dataclasses import replace
from typing import Any

import pytest

from mcpgw.errors import Conflict, Forbidden, InvalidInput, NotFound, UpstreamError
from mcpgw.gateway.catalog import Wanted
from mcpgw.model.catalog import (
    Auth,
    CatalogEntry,
    Confidence,
    Field,
    Origin,
    Package,
    Remote,
)
from mcpgw.model.secret import Secret
from mcpgw.model.server import HttpLaunch, StdioLaunch
from mcpgw.model.token import OPERATOR, Principal, Role
from tests.fakes import FakeUpstream, listing
from tests.world import World

HOSTED = Remote("https://x.example/mcp")
KEYED = Remote("https://k.example/mcp", auth=Auth.HEADER, headers={"Authorization": "Bearer {KEY}"})
LOGIN = Remote("https://l.example/mcp", auth=Auth.OAUTH)
NPM, IMAGE = Package("npm", "x-server"), Package("oci", "x/server")
KEY = {"KEY": Field(is_secret=True, is_required=True)}


def entry(slug: str, *ways: Remote | Package, **more: Any) -> CatalogEntry:
    usual: dict[str, Any] = {
        "description": f"does {slug}",
        "confidence": Confidence.HIGH,
        "remotes": tuple(way for way in ways if isinstance(way, Remote)),
        "packages": tuple(way for way in ways if isinstance(way, Package)),
    }
    return CatalogEntry(slug, slug.title(), **usual | more)


def stock(world: World, *entries: CatalogEntry) -> None:
    world.catalog.entries |= {one.slug: one for one in entries}


async def found(world: World, *words: str, **more: Any) -> list[str]:
    return [one.slug for one in await world.gateway.catalog.search(OPERATOR, words, **more)]


async def names(world: World) -> list[str]:
    return [one.server.name for one in await world.gateway.servers.list(OPERATOR, "demo")]


async def admin(world: World) -> Principal:
    return (await world.admission(Role.ADMIN)).principal


async def test_the_best_is_found_first(world: World) -> None:
    stock(
        world,
        entry("hub", description="git hosting"),
        entry("tagged", tags=("git",)),
        entry("git-tools"),
        entry("git"),
        entry("gitlab", confidence=Confidence.MEDIUM),
        entry("other", category="git-things"),
        entry("nothing"),
    )
    assert await found(world, "GIT") == ["git", "git-tools", "gitlab", "other", "tagged", "hub"]
    assert await found(world, "git", "tools") == ["git-tools"]
    assert await found(world, category="git-things") == ["other"]
    assert await found(world, "zzz") == []


async def test_doubtful_entries_are_shown_on_demand(world: World) -> None:
    stock(world, entry("low", confidence=Confidence.LOW), entry("old", is_archived=True))
    assert await found(world) == []
    assert await found(world, is_all=True) == ["old", "low"]
    world.registry.entries["io.example/x"] = entry("io.example/x", confidence=Confidence.LOW)
    assert await found(world, origin=Origin.REGISTRY) == ["io.example/x"]


async def test_a_name_with_a_slash_is_the_registrys(world: World) -> None:
    stock(world, entry("x", HOSTED))
    world.registry.entries["io.example/x"] = entry("io.example/x", HOSTED)
    assert (await world.gateway.catalog.show(OPERATOR, "x")).slug == "x"
    assert (await world.gateway.catalog.show(OPERATOR, "io.example/x")).slug == "io.example/x"
    with pytest.raises(NotFound):
        await world.gateway.catalog.show(OPERATOR, "y")


async def test_who_may_not_read_the_configuration_may_not_look(world: World) -> None:
    developer = (await world.admission()).principal
    with pytest.raises(Forbidden):
        await world.gateway.catalog.search(developer)
    with pytest.raises(Forbidden):
        await world.gateway.catalog.show(developer, "x")
    await world.gateway.catalog.search(await admin(world))


@pytest.mark.parametrize(
    ("ways", "programs", "chosen"),
    [
        ((LOGIN, KEYED, NPM), {"npx"}, KEYED),
        ((LOGIN, NPM, IMAGE), {"npx", "docker"}, NPM),
        ((LOGIN, NPM, IMAGE), {"docker"}, IMAGE),
    ],
)
async def test_the_first_way_that_can_be_gone(
    world: World, ways: tuple[Any, ...], programs: set[str], chosen: Any
) -> None:
    world.managers.programs = programs
    one = entry("x", *ways, fields=KEY)
    assert await world.gateway.additions.choose(OPERATOR, "demo", one) == chosen
    with pytest.raises(InvalidInput, match="no way 'pypi'"):
        await world.gateway.additions.choose(OPERATOR, "demo", one, "pypi")


async def test_a_login_is_said_plainly(world: World) -> None:
    with pytest.raises(InvalidInput, match=r"l\.example/mcp needs a login in the browser"):
        await world.gateway.additions.choose(OPERATOR, "demo", entry("x", LOGIN))


async def test_what_is_not_installed_is_said_with_where_to_get_it(world: World) -> None:
    one = entry("x", NPM, IMAGE, homepage="https://x.example")
    with pytest.raises(NotFound, match="npx or docker, which is not installed") as caught:
        await world.gateway.additions.choose(OPERATOR, "demo", one)
    assert "nodejs.org" in caught.value.hint
    command = entry("y", Package("command", "railway"), homepage="https://y.example")
    with pytest.raises(NotFound, match="railway") as caught:
        await world.gateway.additions.choose(OPERATOR, "demo", command)
    assert caught.value.hint == "install it: https://y.example"


async def test_a_package_is_pinned_to_one_version(world: World) -> None:
    world.managers.programs = {"npx"}
    world.managers.versions = {"x-server": ["1.0.0", "2.0.0"]}
    world.upstreams.by_name["x"] = FakeUpstream(listing(log="x"))
    additions = world.gateway.additions
    plan = await additions.plan(OPERATOR, "demo", Wanted(entry("x", NPM)))
    assert plan.launch == StdioLaunch(("npx", "-y", "x-server@2.0.0"))
    seen, tried = await additions.add(OPERATOR, "demo", plan, {})
    assert (seen.server.name, tried and tried.tools) == ("x", 1)
    older = await additions.plan(OPERATOR, "demo", Wanted(entry("x", NPM), version="1.0.0"))
    assert older.version == "1.0.0"
    stated = entry("x", replace(NPM, version="1.0.0"))
    assert (await additions.plan(OPERATOR, "demo", Wanted(stated))).version == "1.0.0"


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (Wanted(entry("x", Package("npm", "gone"))), NotFound),
        (Wanted(entry("x", replace(NPM, version="9.9.9"))), NotFound),
        (Wanted(entry("x", NPM), version="latest"), InvalidInput),
        (Wanted(entry("x", HOSTED), version="1.0.0"), InvalidInput),
        (Wanted(entry("x", Package("npm", "-c"))), InvalidInput),
        (Wanted(entry("x", HOSTED), is_read_only=True), InvalidInput),
    ],
)
async def test_plans_that_cannot_be(world: World, wanted: Wanted, error: type[Exception]) -> None:
    world.managers.programs = {"npx"}
    world.managers.versions = {"x-server": ["1.0.0"]}
    with pytest.raises(error):
        await world.gateway.additions.plan(OPERATOR, "demo", wanted)
    assert await names(world) == []


async def test_no_package_manager_is_asked_while_a_value_lacks(world: World) -> None:
    world.managers.programs = {"npx"}
    lacking = entry("x", replace(NPM, env={"KEY": "{KEY}"}), fields=KEY)
    with pytest.raises(InvalidInput, match="needs KEY"):
        await world.gateway.additions.plan(OPERATOR, "demo", Wanted(lacking))
    assert world.managers.asked == []


async def test_it_is_tried_with_its_secret_before_anything_is_saved(world: World) -> None:
    one = entry("x", KEYED, fields=KEY)
    wanted = Wanted(one, name="mine", secrets=["KEY"])
    values = {"KEY": Secret("canary")}
    additions = world.gateway.additions
    with pytest.raises(UpstreamError):
        await additions.add_from_catalog(OPERATOR, "demo", wanted, values)
    assert await names(world) == []
    upstream = world.upstreams.by_name["mine"] = FakeUpstream(listing(log="x"))
    seen, tried = await additions.add_from_catalog(OPERATOR, "demo", wanted, values)
    assert tried is not None
    assert seen.missing_secrets == ()
    assert seen.server.launch == HttpLaunch(
        "https://k.example/mcp", (("Authorization", "Bearer ${secret:KEY}"),)
    )
    assert "canary" not in repr(seen)
    assert upstream is world.upstreams.by_name["mine"]
    with pytest.raises(Conflict):
        await additions.add_from_catalog(OPERATOR, "demo", wanted, values)


async def test_a_secret_may_come_later(world: World) -> None:
    wanted = Wanted(entry("x", KEYED, fields=KEY), secrets=["KEY"])
    seen, tried = await world.gateway.additions.add_from_catalog(OPERATOR, "demo", wanted, {})
    assert (tried, seen.missing_secrets) == (None, ("KEY",))


async def test_a_secret_that_cannot_be_sent_or_kept_leaves_nothing(world: World) -> None:
    wanted = Wanted(entry("x", KEYED, fields=KEY), secrets=["KEY"])
    world.upstreams.by_name["x"] = FakeUpstream(listing())
    for value in ("two\nlines", "k" * 70_000):
        with pytest.raises(InvalidInput):
            await world.gateway.additions.add_from_catalog(
                OPERATOR, "demo", wanted, {"KEY": Secret(value)}
            )
        assert await names(world) == []


async def test_nothing_that_nobody_vouches_for_is_added_without_consent(world: World) -> None:
    world.upstreams.by_name["x"] = FakeUpstream(listing())
    for doubtful in (
        entry("io.example/x", HOSTED, origin=Origin.REGISTRY),
        entry("x", HOSTED, confidence=Confidence.LOW),
    ):
        plan = await world.gateway.additions.plan(OPERATOR, "demo", Wanted(doubtful))
        with pytest.raises(InvalidInput, match="consent"):
            await world.gateway.additions.add(OPERATOR, "demo", plan, {})
        assert await names(world) == []
        await world.gateway.additions.add(OPERATOR, "demo", plan, {}, has_consent=True)
        assert await names(world) == ["x"]
        await world.gateway.servers.remove(OPERATOR, "demo", "x")


async def test_an_admin_adds_what_is_hosted_and_nothing_that_runs_here(world: World) -> None:
    principal = await admin(world)
    world.managers.programs = {"npx"}
    world.managers.versions = {"x-server": ["1.0.0"]}
    world.upstreams.by_name["x"] = FakeUpstream(listing())
    additions = world.gateway.additions
    with pytest.raises(Forbidden, match="no request may start"):
        await additions.add_from_catalog(principal, "demo", Wanted(entry("x", NPM)), {})
    assert (world.managers.asked, await names(world)) == ([], [])
    both = entry("x", NPM, HOSTED, prefers="package")
    seen, _ = await additions.add_from_catalog(principal, "demo", Wanted(both), {})
    assert seen.server.transport == "http"
    developer = (await world.admission(member="bo")).principal
    with pytest.raises(Forbidden):
        await additions.choose(developer, "demo", both)
