"""News: told to who wants them, when something really changed, and to nobody else."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mcpgw.errors import NotFound, ProtocolError, StorageError
from mcpgw.gateway import subscription as module
from mcpgw.gateway.feed import UPDATED, Feed
from mcpgw.gateway.offer import Offer
from mcpgw.gateway.subscription import Subscriptions
from mcpgw.model.server import HttpLaunch
from mcpgw.model.token import OPERATOR
from mcpgw.protocol.era import Era
from mcpgw.protocol.subscription import ACKNOWLEDGED, list_changed
from tests.fakes import FakeUpstream, listing
from tests.world import Client, World, until

TOOLS, PROMPTS, RESOURCES = map(list_changed, ("tools", "prompts", "resources"))
ALL = {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True}
ONE = "memo://one"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.005)
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    monkeypatch.setattr(module, "SUBSCRIBE_S", 0.05)


class Stream:
    """A client's stream of news, read as it comes."""

    def __init__(self, world: World, feed: Feed) -> None:
        self.world = world
        self.feed = feed
        self.told: list[tuple[str, Any]] = []
        """Method and parameters, less the tag."""
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for message in self.feed:
            decoded = msgspec.json.decode(message)
            params = decoded["params"]
            params.pop("_meta", None)
            self.told.append((decoded["method"], params.get("uri", params)))

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.told]

    @property
    def has_ended(self) -> bool:
        return self._reading.done()

    async def hears(self, *methods: str) -> None:
        """Check that exactly this is told from here on, in any order."""
        await until(lambda: len(self.told) >= len(methods))
        await quiet(self.world)
        assert sorted(self.methods) == sorted(methods)
        self.told.clear()

    async def leave(self) -> None:
        """Go away without a word."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self.feed.close()


async def quiet(world: World) -> None:
    """Let several looks pass."""
    asked = world.store.asked
    await until(lambda: world.store.asked > asked + 3 or not world.background.tasks)


async def listen(one: Client, notifications: object = None) -> Stream:
    """Open a modern client's stream, and take the acknowledgement off it."""
    wanted = msgspec.json.encode(ALL if notifications is None else notifications)
    asked = one.asked("subscriptions/listen", notifications=wanted)
    return Stream(one.world, await one.world.gateway.dispatcher.listen(asked))


async def acknowledged(stream: Stream) -> dict[str, Any]:
    await until(lambda: stream.told)
    method, params = stream.told.pop(0)
    assert method == ACKNOWLEDGED
    found: dict[str, Any] = params["notifications"]
    return found


async def modern(world: World, notifications: object = None) -> Stream:
    stream = await listen(await world.modern(), notifications)
    await acknowledged(stream)
    return stream


async def open_stream(one: Client) -> Stream:
    """Open a legacy session's stream."""
    assert one.session_id is not None
    feed = await one.world.gateway.dispatcher.stream(one.admission, one.session_id)
    return Stream(one.world, feed)


async def legacy(world: World) -> Stream:
    return await open_stream(await world.legacy())


Open = Callable[[World], Any]
OPENERS = pytest.mark.parametrize("opened", [modern, legacy])


async def server_id(world: World, name: str) -> str:
    configuration = await world.current.configuration()
    return configuration.server(configuration.workspace("demo").id, name).id


def tools(upstream: FakeUpstream, *names: str) -> None:
    items = [{"name": name, "inputSchema": {}} for name in names]
    upstream.answers["tools/list"] = lambda _: {"tools": items}


# --- what is told ----------------------------------------------------------------------------


@OPENERS
async def test_a_change_of_the_configuration_is_told(world: World, opened: Open) -> None:
    await world.server("git", log="x")
    stream = await opened(world)
    await quiet(world)
    assert stream.told == []
    await world.server("jira", ask="y")
    await stream.hears(TOOLS, PROMPTS)  # its one resource has the URI of git's
    await world.gateway.servers.set_enabled(OPERATOR, "demo", "git", False)
    await stream.hears(TOOLS, PROMPTS)
    await world.gateway.servers.set_enabled(OPERATOR, "demo", "git", True)
    await stream.hears(TOOLS, PROMPTS)
    await world.gateway.servers.remove(OPERATOR, "demo", "git")
    await stream.hears(TOOLS, PROMPTS)
    await world.gateway.servers.remove(OPERATOR, "demo", "jira")
    await stream.hears(TOOLS, PROMPTS, RESOURCES)
    await world.gateway.tokens.issue(OPERATOR, "demo", "bob", OPERATOR.role, None)
    await stream.hears()


@OPENERS
@pytest.mark.parametrize(
    ("method", "answer", "told"),
    [
        ("tools/list", {"tools": []}, TOOLS),
        ("prompts/list", {"prompts": [{"name": "other"}]}, PROMPTS),
        ("resources/list", {"resources": [{"uri": "memo://2", "name": "b"}]}, RESOURCES),
        (
            "resources/templates/list",
            {"resourceTemplates": [{"uriTemplate": "memo://{x}", "name": "b"}]},
            RESOURCES,
        ),
    ],
)
async def test_a_changed_list_is_told_by_its_kind(
    world: World, opened: Open, method: str, answer: object, told: str
) -> None:
    git = await world.server("git", log="x")
    stream = await opened(world)
    git.answers[method] = lambda _: answer
    world.upstreams.tell(await server_id(world, "git"), told)
    await stream.hears(told)


@OPENERS
async def test_who_is_told_of_a_change_lists_what_is_new(world: World, opened: Open) -> None:
    git = await world.server("git", "", log="x")
    stream = await opened(world)
    one = await (world.modern() if opened is modern else world.legacy())
    await one.call("tools/list")
    tools(git, "log", "blame")
    world.upstreams.tell(await server_id(world, "git"), TOOLS)
    await until(lambda: stream.told)
    listed = (await one.call("tools/list"))["result"]["tools"]
    assert [tool["name"] for tool in listed] == ["log", "blame"]


@OPENERS
async def test_a_word_without_a_change_is_not_passed_on(world: World, opened: Open) -> None:
    git = await world.server("git", log="x")
    stream = await opened(world)
    told = await server_id(world, "git")
    before = len(git.sent)
    world.upstreams.tell(told, TOOLS)
    await until(lambda: len(git.sent) > before)
    await stream.hears()
    world.upstreams.tell("srv_unknown", TOOLS)
    world.upstreams.tell(told, "notifications/invented")
    await stream.hears()


@OPENERS
async def test_a_change_is_told_without_waiting_for_the_next_look(
    world: World, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 60.0)
    git = await world.server("git", log="x")
    stream = await opened(world)
    tools(git, "blame")
    world.upstreams.tell(await server_id(world, "git"), TOOLS)
    await until(lambda: stream.methods == [TOOLS])


async def test_many_words_are_told_once(world: World) -> None:
    git = await world.server("git", log="x")
    stream = await modern(world)
    told = await server_id(world, "git")
    tools(git, "log", "blame")
    before = len(git.sent)
    for _ in range(100):
        world.upstreams.tell(told, TOOLS)
        world.upstreams.tell(told, PROMPTS)
    await stream.hears(TOOLS)
    assert len(git.sent) - before <= 8  # its four lists, in one era; perhaps once more


async def test_only_the_kinds_wanted_are_told(world: World) -> None:
    await world.server("git", log="x")
    stream = await listen(await world.modern(), {"promptsListChanged": True})
    assert await acknowledged(stream) == {"promptsListChanged": True}
    await world.server("jira", ask="y")
    await stream.hears(PROMPTS)


async def test_a_server_that_comes_late_is_told(world: World) -> None:
    git = await world.server("git", log="x")
    del world.upstreams.by_name["git"]
    stream = await modern(world)
    world.upstreams.by_name["git"] = git
    world.clock.pass_s(6)
    await stream.hears(TOOLS, PROMPTS, RESOURCES)


async def test_a_server_that_goes_away_keeps_its_lists(world: World) -> None:
    await world.server("git", log="x")
    stream = await modern(world)
    del world.upstreams.by_name["git"]
    world.upstreams.tell(await server_id(world, "git"), TOOLS)
    world.clock.pass_s(61)
    await stream.hears()


async def test_each_era_hears_of_its_own_lists(world: World) -> None:
    await world.server("git", "", log="x")
    newer = FakeUpstream(listing(log="x"), era=Era.LEGACY)
    world.upstreams.by_era["git", Era.LEGACY] = newer
    streams = await modern(world), await legacy(world)
    tools(newer, "log", "only_legacy")
    world.upstreams.tell(await server_id(world, "git"), TOOLS)
    await streams[1].hears(TOOLS)
    await streams[0].hears()


async def test_a_foreign_workspace_hears_nothing(world: World) -> None:
    await world.gateway.workspaces.create(OPERATOR, "other")
    git = await world.server("git", log="x")
    foreign = await listen(await world.modern(slug="other"))
    await acknowledged(foreign)
    stream = await modern(world)
    tools(git, "blame")
    world.upstreams.tell(await server_id(world, "git"), TOOLS)
    await stream.hears(TOOLS)
    await foreign.hears()
    # Its server has a resource of the same URI.
    world.upstreams.by_name["theirs"] = FakeUpstream(listing(theirs="x"))
    launch = HttpLaunch("http://127.0.0.1:1/mcp")
    await world.gateway.servers.add(OPERATOR, "other", "theirs", launch)
    await foreign.hears(TOOLS, PROMPTS, RESOURCES)
    await stream.hears()


async def test_what_changed_before_the_watch_began_is_told(world: World) -> None:
    git = await world.server("git", log="x")
    world.upstreams.agreement = asyncio.Event()
    opening = asyncio.ensure_future(modern(world))
    await until(lambda: world.upstreams.watches)
    tools(git, "log", "blame")  # nobody was told: the server is not watched yet
    world.upstreams.agreement.set()
    await (await opening).hears(TOOLS)


# --- resources -------------------------------------------------------------------------------


async def subscribe(one: Client, uri: str = ONE) -> dict[str, Any]:
    return await one.call("resources/subscribe", uri=msgspec.json.encode(uri))


async def test_a_resource_is_told_to_who_subscribed(world: World) -> None:
    await world.server("git", log="x")
    one, other = await world.legacy(), await world.legacy()
    streams = [
        await open_stream(one),
        await open_stream(other),
        await modern(world, {"resourceSubscriptions": [ONE]}),
        await modern(world),
    ]
    assert (await subscribe(one))["result"] == {}
    told = await server_id(world, "git")
    assert world.upstreams.watched == {told: frozenset({ONE})}
    world.upstreams.tell(told, UPDATED, b'{"uri":"%s"}' % ONE.encode())
    await streams[0].hears(UPDATED)
    await streams[2].hears(UPDATED)
    for stream in (streams[1], streams[3]):
        await stream.hears()
    await one.call("resources/unsubscribe", uri=b'"%s"' % ONE.encode())
    world.upstreams.tell(told, UPDATED, b'{"uri":"%s"}' % ONE.encode())
    await streams[2].hears(UPDATED)
    await streams[0].hears()


@pytest.mark.parametrize("params", [b"{}", b'{"uri":7}', b'{"uri":"memo://other"}'])
async def test_other_updates_are_not_told(world: World, params: bytes) -> None:
    await world.server("git", log="x")
    stream = await modern(world, {"resourceSubscriptions": [ONE]})
    world.upstreams.tell(await server_id(world, "git"), UPDATED, params)
    await stream.hears()


@pytest.mark.parametrize(
    ("updated", "is_told"),
    [("memo://one/part", True), ("memo://one/a/b", True), ("memo://oneself", False)],
)
async def test_a_part_of_a_resource_is_told_too(world: World, updated: str, is_told: bool) -> None:
    await world.server("git", log="x")
    stream = await modern(world, {"resourceSubscriptions": [ONE]})
    update = b'{"uri":"%s"}' % updated.encode()
    world.upstreams.tell(await server_id(world, "git"), UPDATED, update)
    await stream.hears(*[UPDATED] * is_told)


async def test_only_the_owner_of_a_resource_tells_of_it(world: World) -> None:
    await world.server("git", log="x")
    await world.server("evil", log="x")  # lists the same URI, but came later
    stream = await modern(world, {"resourceSubscriptions": [ONE]})
    update = b'{"uri":"%s"}' % ONE.encode()
    world.upstreams.tell(await server_id(world, "evil"), UPDATED, update)
    world.upstreams.tell("srv_unknown", UPDATED, update)
    await stream.hears()
    git, evil = await server_id(world, "git"), await server_id(world, "evil")
    assert world.upstreams.watched == {git: {ONE}, evil: frozenset()}


async def test_a_template_makes_any_of_its_resources_watchable(world: World) -> None:
    await world.server("git", log="x")
    stream = await modern(world, {"resourceSubscriptions": ["memo://7/text"]})
    world.upstreams.tell(await server_id(world, "git"), UPDATED, b'{"uri":"memo://7/text"}')
    await stream.hears(UPDATED)


async def test_a_resource_that_comes_back_is_watched_again(world: World) -> None:
    git = await world.server("git", log="x")
    git.answers["resources/templates/list"] = lambda _: {"resourceTemplates": []}
    stream = await modern(world, {"resourceSubscriptions": [ONE]})
    told, was = await server_id(world, "git"), git.answers["resources/list"]
    git.answers["resources/list"] = lambda _: {"resources": []}
    world.upstreams.tell(told, RESOURCES)
    await until(lambda: world.upstreams.watched[told] == frozenset())
    world.upstreams.tell(told, UPDATED, b'{"uri":"memo://one"}')
    await stream.hears()
    git.answers["resources/list"] = was
    world.upstreams.tell(told, RESOURCES)
    await until(lambda: world.upstreams.watched[told] == {ONE})
    world.upstreams.tell(told, UPDATED, b'{"uri":"memo://one"}')
    await stream.hears(UPDATED)


async def test_the_acknowledgement_comes_first_and_says_what_is_honoured(world: World) -> None:
    await world.server("git", log="x")
    world.upstreams.silent = {"memo://5/text"}
    one = await world.modern()
    wanted = [ONE, "memo://5/text", "file:///nowhere", ONE]
    stream = await listen(one, {**ALL, "resourceSubscriptions": wanted, "taskIds": ["t"]})
    assert await acknowledged(stream) == {**ALL, "resourceSubscriptions": [ONE]}
    told = await server_id(world, "git")
    world.upstreams.tell(told, UPDATED, b'{"uri":"memo://5/text"}')
    await stream.hears()


async def test_the_acknowledgement_waits_for_the_servers(world: World) -> None:
    await world.server("git", log="x")
    world.upstreams.agreement = asyncio.Event()
    one = await world.modern()
    opening = [
        asyncio.ensure_future(listen(one, {"resourceSubscriptions": [ONE]})) for _ in range(3)
    ]
    await until(lambda: world.upstreams.watches)
    await asyncio.sleep(0.01)
    assert not any(task.done() for task in opening)
    world.upstreams.agreement.set()
    for task in opening:
        assert await acknowledged(await task) == {"resourceSubscriptions": [ONE]}
    assert world.upstreams.watches == [("git", frozenset({ONE}))]


async def test_wishes_that_come_while_a_server_thinks_are_all_agreed_to(world: World) -> None:
    await world.server("git", log="x")
    world.upstreams.agreement = asyncio.Event()
    one, uris = await world.modern(), [ONE, "memo://5/text", "memo://6/text"]
    opening = []
    for count, uri in enumerate(uris, 1):
        opening.append(asyncio.ensure_future(listen(one, {"resourceSubscriptions": [uri]})))
        await until(lambda: len(world.upstreams.watches) >= count)  # noqa: B023  (awaited here)
    world.upstreams.agreement.set()
    for uri, task in zip(uris, opening, strict=True):
        assert await acknowledged(await task) == {"resourceSubscriptions": [uri]}
    again = await listen(one, {"resourceSubscriptions": uris})
    assert await acknowledged(again) == {"resourceSubscriptions": uris}


async def test_an_agreement_that_comes_late_does_not_undo_a_later_one(world: World) -> None:
    await world.server("git", log="x")
    one, slow, quick = await world.modern(), asyncio.Event(), asyncio.Event()
    world.upstreams.agreement = slow
    first = asyncio.ensure_future(listen(one, {"resourceSubscriptions": [ONE]}))
    await until(lambda: len(world.upstreams.watches) == 1)
    world.upstreams.agreement = quick
    second = asyncio.ensure_future(listen(one, {"resourceSubscriptions": ["memo://5/text"]}))
    await until(lambda: len(world.upstreams.watches) == 2)
    quick.set()
    await second
    slow.set()
    await first
    third = await listen(one, {"resourceSubscriptions": ["memo://5/text"]})
    assert await acknowledged(third) == {"resourceSubscriptions": ["memo://5/text"]}


async def test_but_not_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.server("git", log="x")
    world.upstreams.agreement = asyncio.Event()
    monkeypatch.setattr(module, "AGREE_S", 0.01)
    stream = await listen(await world.modern(), {**ALL, "resourceSubscriptions": [ONE]})
    assert await acknowledged(stream) == ALL


async def test_a_server_out_of_reach_is_no_hindrance(world: World) -> None:
    await world.server("git", log="x")
    await world.server("down", ask="y")
    del world.upstreams.by_name["down"]
    stream = await listen(await world.modern(), {"resourceSubscriptions": [ONE]})
    assert await acknowledged(stream) == {"resourceSubscriptions": [ONE]}


@pytest.mark.parametrize("notifications", [7, "all", [], {"resourceSubscriptions": "memo://1"}])
async def test_wishes_that_cannot_be_read_are_refused(world: World, notifications: object) -> None:
    with pytest.raises(ProtocolError) as caught:
        await listen(await world.modern(), notifications)
    assert caught.value.rpc_code == -32602
    assert world.background.tasks == set()


@pytest.mark.parametrize("uri", ["memo://5/text", "file:///nowhere"])
async def test_what_cannot_be_watched_cannot_be_subscribed_to(world: World, uri: str) -> None:
    await world.server("git", log="x")
    world.upstreams.silent = {"memo://5/text"}
    one = await world.legacy()
    with pytest.raises(ProtocolError) as caught:
        await subscribe(one, uri)
    assert caught.value.rpc_code == -32002
    assert msgspec.json.decode(caught.value.data or b"") == {"uri": uri}
    assert world.sessions.state(one.session).uris == frozenset()


async def test_a_server_that_was_away_is_asked_again_by_the_next_who_wants_it(
    world: World,
) -> None:
    git = await world.server("git", log="x")
    one, other = await world.legacy(), await world.legacy()
    await open_stream(other)
    await quiet(world)
    del world.upstreams.by_name["git"]
    with pytest.raises(ProtocolError):
        await subscribe(one)
    world.upstreams.by_name["git"] = git
    assert (await subscribe(one))["result"] == {}


async def test_a_session_cannot_subscribe_to_everything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mcpgw.gateway import session

    monkeypatch.setattr(session, "MAX_URIS", 0)
    await world.server("git", log="x")
    one = await world.legacy()
    with pytest.raises(ProtocolError, match="subscribed to 0 resources already") as caught:
        await subscribe(one)
    assert caught.value.rpc_code == -32602


@pytest.mark.parametrize("method", ["resources/subscribe", "resources/unsubscribe"])
async def test_a_uri_is_a_text(world: World, method: str) -> None:
    one = await world.legacy()
    with pytest.raises(ProtocolError, match="uri must be a string"):
        await one.call(method, uri=b"7")
    with pytest.raises(ProtocolError, match="uri must be a string"):
        await one.call(method)


# --- ends ------------------------------------------------------------------------------------


@OPENERS
@pytest.mark.parametrize("ending", ["revoked", "expired", "workspace", "keys"])
async def test_a_token_that_is_not_valid_any_more_ends_its_streams(
    world: World, opened: Open, ending: str
) -> None:
    await world.server("git", log="x")
    stream = await opened(world)
    other = await modern(world)
    (first, *_) = world.store.held.tokens.values()
    await quiet(world)
    assert not stream.has_ended
    if ending == "revoked":
        await world.gateway.tokens.revoke(OPERATOR, "demo", first.id)
    elif ending == "expired":
        world.clock.pass_s(3601)
    elif ending == "workspace":
        world.store.change(workspaces={})
    else:
        world.store.change(datakeys={})
    await until(lambda: stream.has_ended)
    assert other.has_ended is (ending != "revoked")


async def test_a_subscription_says_goodbye(world: World) -> None:
    one = await world.modern()
    stream = await listen(one)
    said = msgspec.json.decode(stream.feed.farewell)
    assert said["id"] == 1
    assert said["result"]["resultType"] == "complete"
    assert said["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == 1
    assert (await legacy(world)).feed.farewell == b""


async def test_the_end_of_the_gateway_ends_the_look_out(world: World) -> None:
    """Whatever wakes it in the same moment."""
    await world.server("git", log="x")
    one = await world.legacy()
    await subscribe(one)
    await one.call("resources/unsubscribe", uri=b'"memo://one"')
    async with asyncio.timeout(1):
        await world.background.close()


async def test_the_end_of_a_session_ends_its_stream(world: World) -> None:
    one = await world.legacy()
    stream = await open_stream(one)
    assert one.session_id is not None
    await world.gateway.dispatcher.end(one.admission, one.session_id)
    await until(lambda: stream.has_ended)
    with pytest.raises(NotFound):
        await open_stream(one)


async def test_with_nobody_listening_nothing_runs(world: World) -> None:
    await world.server("git", log="x")
    streams = [await modern(world), await modern(world)]
    watched = set(world.upstreams.watched)
    await streams[0].leave()
    await quiet(world)
    assert set(world.upstreams.watched) == watched
    await streams[1].leave()
    await until(lambda: not world.background.tasks)
    assert world.upstreams.watched == {}
    assert nothing_is_kept(world.subscriptions)
    stream = await modern(world)  # and it begins anew
    await world.server("jira", ask="y")
    await stream.hears(TOOLS, PROMPTS)


def nothing_is_kept(subscriptions: Subscriptions) -> bool:
    return not (
        subscriptions._listeners
        or subscriptions._by_session
        or subscriptions._offers
        or subscriptions._watched._wishes
        or subscriptions._watched._agreeing
        or subscriptions._watched._honoured
    )


async def test_a_server_that_is_gone_is_not_watched_any_more(world: World) -> None:
    await world.server("git", log="x")
    await world.server("jira", ask="y")
    stream = await modern(world)
    git, jira = await server_id(world, "git"), await server_id(world, "jira")
    assert set(world.upstreams.watched) == {git, jira}
    await world.gateway.servers.set_enabled(OPERATOR, "demo", "git", False)
    await until(lambda: set(world.upstreams.watched) == {jira})
    await stream.leave()


async def test_a_server_is_watched_for_the_eras_that_listen(world: World) -> None:
    await world.server("git", log="x")
    eras = world.upstreams.eras
    newer = await modern(world)
    assert list(eras.values()) == [{Era.MODERN}]
    older = await world.legacy()
    await subscribe(older)
    assert list(eras.values()) == [{Era.MODERN, Era.LEGACY}]
    await newer.leave()
    await until(lambda: list(eras.values()) == [{Era.LEGACY}])
    assert list(world.upstreams.watched.values()) == [{ONE}]


async def test_the_workspace_that_nobody_listens_in_is_not_watched(world: World) -> None:
    await world.gateway.workspaces.create(OPERATOR, "other")
    await world.server("git", log="x")
    elsewhere = await listen(await world.modern(slug="other"))
    stream = await modern(world)
    assert world.upstreams.watched
    await stream.leave()
    await until(lambda: not world.upstreams.watched)
    assert not elsewhere.has_ended


async def test_an_unreadable_configuration_is_waited_for(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.server("git", log="x")
    stream = await modern(world)
    world.store.is_broken = True
    with caplog.at_level(logging.WARNING):
        await until(lambda: "subscriptions wait" in caplog.text)
    assert not stream.has_ended
    world.store.is_broken = False
    await world.server("jira", ask="y")
    await stream.hears(TOOLS, PROMPTS)


# --- sessions --------------------------------------------------------------------------------


async def test_a_session_has_one_stream_the_newest(world: World) -> None:
    git = await world.server("git", log="x")
    one = await world.legacy()
    first = await open_stream(one)
    second = await open_stream(one)
    await until(lambda: first.has_ended)
    tools(git, "blame")
    world.upstreams.tell(await server_id(world, "git"), TOOLS)
    await second.hears(TOOLS)
    assert first.told == []
    first.feed.close()  # the web door notes it late
    await quiet(world)
    assert not second.has_ended


async def test_two_sessions_of_one_token_have_a_stream_each(world: World) -> None:
    await world.server("git", log="x")
    one = await world.legacy()
    streams = [
        await open_stream(one),
        await open_stream(await world.legacy(admission=one.admission)),
    ]
    await world.server("jira", ask="y")
    for stream in streams:
        await stream.hears(TOOLS, PROMPTS)


async def test_news_wait_for_a_session_that_is_away(world: World) -> None:
    await world.server("git", log="x")
    one = await world.legacy()
    await subscribe(one)  # before it has any stream
    told = await server_id(world, "git")
    world.upstreams.tell(told, UPDATED, b'{"uri":"%s"}' % ONE.encode())
    stream = await open_stream(one)
    await stream.hears(UPDATED)
    await stream.leave()
    await world.server("jira", ask="y")
    await quiet(world)
    world.clock.pass_s(module.ABSENCE_S - 1)
    await quiet(world)
    await (await open_stream(one)).hears(TOOLS, PROMPTS)


async def test_but_not_for_ever(world: World) -> None:
    await world.server("git", log="x")
    one = await world.legacy()
    stream = await open_stream(one)
    await stream.leave()
    world.clock.pass_s(module.ABSENCE_S + 1)
    await until(lambda: not world.background.tasks)
    assert nothing_is_kept(world.subscriptions)
    assert world.upstreams.watched == {}
    await subscribe(one)
    world.clock.pass_s(module.ABSENCE_S + 1)
    await until(lambda: nothing_is_kept(world.subscriptions))
    # Its subscription is remembered by the session all the same.
    stream = await open_stream(one)
    world.upstreams.tell(await server_id(world, "git"), UPDATED, b'{"uri":"%s"}' % ONE.encode())
    await stream.hears(UPDATED)


async def test_unsubscribing_without_a_stream_starts_nothing(world: World) -> None:
    await world.server("git", log="x")
    one = await world.legacy()
    assert (await one.call("resources/unsubscribe", uri=b'"memo://one"'))["result"] == {}
    assert nothing_is_kept(world.subscriptions)


async def test_after_a_restart_a_session_is_told_everything_once(world: World) -> None:
    await world.server("git", log="x")
    one = await world.legacy()
    await subscribe(one)
    world.clock.pass_s(1)
    restarted = Subscriptions(
        world.current,
        world.gateway.ongoing,
        world.listings,
        world.sessions,
        world.upstreams,
        world.clock,
        world.background.spawn,
    )
    stream = Stream(world, await restarted.stream(one.admission, one.session))
    await until(lambda: len(stream.told) == 4)
    assert (UPDATED, ONE) in stream.told
    await stream.hears(TOOLS, PROMPTS, RESOURCES, UPDATED)
    await stream.leave()
    stream = Stream(world, await restarted.stream(one.admission, one.session))
    await stream.hears()
    world.clock.pass_s(1)
    fresh = await world.legacy()
    await Stream(world, await restarted.stream(fresh.admission, fresh.session)).hears()


@OPENERS
async def test_who_goes_before_the_stream_begins_is_not_kept(
    world: World, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.server("git", log="x")
    world.upstreams.agreement = asyncio.Event()
    monkeypatch.setattr(module, "ABSENCE_S", -1.0)  # a session is not waited for either
    coming = asyncio.ensure_future(opened(world))
    await until(lambda: world.upstreams.watches)
    coming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await coming
    world.upstreams.agreement.set()
    await until(lambda: world.upstreams.unwatched)


async def test_a_stream_that_cannot_open_leaves_nothing_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> Offer:
        raise StorageError("the configuration cannot be read")

    one = await world.legacy()
    monkeypatch.setattr(world.listings, "offer", broken)
    with pytest.raises(StorageError):
        await open_stream(one)
    assert nothing_is_kept(world.subscriptions)
