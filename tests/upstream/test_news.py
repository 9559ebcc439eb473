"""What is held open at one connection follows the wishes, and knows when it missed something."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mcpgw.errors import UpstreamError, UpstreamTimeout, VaultLocked
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Notification, Reply
from mcpgw.upstream import news
from mcpgw.upstream.news import News, open_news
from tests.peers.raw_news import TOOLS_CHANGED, UPDATED
from tests.peers.scripted_transport import OK, Held, ScriptedTransport, connection_over, refusal

A, B, C = "test://a", "test://b", "test://c"
BROKE = UpstreamError("it broke")


class Desk:
    """Where the news arrive."""

    def __init__(self) -> None:
        self.heard: list[Notification] = []
        self.ends = 0

    def on_end(self) -> None:
        self.ends += 1


@asynccontextmanager
async def following(
    era: Era, resources: bytes = b'{"subscribe":true}'
) -> AsyncIterator[tuple[News, ScriptedTransport, Desk]]:
    transport, desk = ScriptedTransport(), Desk()
    connection = connection_over(transport, era, resources)
    async with asyncio.TaskGroup() as group:
        followed = open_news("srv", connection, group, desk.heard.append, desk.on_end)
        assert followed.connection is connection
        yield followed, transport, desk
        followed.close()


def uris(*some: str) -> frozenset[str]:
    return frozenset(some)


async def until_over(followed: News) -> None:
    while not followed.is_lost:  # noqa: ASYNC110  (the test's own timeout is the limit)
        await asyncio.sleep(0)


def open_now(held: list[Held]) -> list[list[str]]:
    return [one.uris for one in held if one.is_open]


# A modern server.


async def test_a_subscription_brings_changes_and_nothing_else() -> None:
    async with following(Era.MODERN) as (followed, transport, desk):
        assert await followed.want(uris(A, B)) == {A, B}
        listen = transport.listens[0]
        assert listen.uris == [A, B]
        listen.tell(UPDATED, {"uri": A})
        listen.tell("notifications/message", {"level": "info"})
        listen.acknowledge([])  # A second one means nothing.
        listen.tell(TOOLS_CHANGED)
        assert [one.method for one in desk.heard] == [UPDATED, TOOLS_CHANGED]
        assert await followed.want(uris(A, B)) == {A, B}
        assert len(transport.listens) == 1


@pytest.mark.parametrize(
    ("acknowledged", "honoured"), [([A], {A}), ([A, B, C], {A, B}), ([], set())]
)
async def test_the_server_says_what_it_honours(acknowledged: list[str], honoured: set[str]) -> None:
    async with following(Era.MODERN) as (followed, transport, _):
        transport.on_listen = lambda held: held.acknowledge(acknowledged)
        assert await followed.want(uris(A, B)) == honoured


async def test_an_acknowledgement_that_cannot_be_read_honours_nothing() -> None:
    async with following(Era.MODERN) as (followed, transport, _):
        acknowledged = "notifications/subscriptions/acknowledged"
        transport.on_listen = lambda held: held.tell(acknowledged, {"notifications": 5})
        assert await followed.want(uris(A)) == set()


async def test_the_old_subscription_ends_when_the_new_one_is_agreed_to() -> None:
    async with following(Era.MODERN) as (followed, transport, desk):
        await followed.want(uris(A))
        transport.on_listen = lambda held: None
        wanting = asyncio.ensure_future(followed.want(uris(A, B)))
        await asyncio.sleep(0.01)
        assert open_now(transport.listens) == [[A], [A, B]]
        transport.listens[0].tell(UPDATED, {"uri": A})
        assert len(desk.heard) == 1
        transport.listens[1].acknowledge()
        assert await wanting == {A, B}
        await asyncio.sleep(0)
        assert open_now(transport.listens) == [[A, B]]
        assert not followed.is_lost
        assert not followed.has_gap


async def test_the_old_subscription_stays_when_the_new_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with following(Era.MODERN) as (followed, transport, _):
        await followed.want(uris(A))
        transport.on_listen = lambda held: held.end(refusal(-32602))
        with pytest.raises(UpstreamError, match=r"'srv' refused a subscription .*-32602"):
            await followed.want(uris(B))
        monkeypatch.setattr(news, "AGREE_S", 0.01)
        transport.on_listen = lambda held: None
        with pytest.raises(UpstreamTimeout):
            await followed.want(uris(B))
        await asyncio.sleep(0)
        assert open_now(transport.listens) == [[A]]
        transport.on_listen = Held.acknowledge
        assert await followed.want(uris(B)) == {B}


async def test_uris_that_a_server_objects_to_do_not_cost_the_lists() -> None:
    def pick(held: Held) -> None:
        if held.uris:
            held.end(refusal(-32602))
        else:
            held.acknowledge()

    async with following(Era.MODERN) as (followed, transport, _):
        transport.on_listen = pick
        assert await followed.want(uris(A)) == set()
        assert await followed.want(uris(A)) == set()
        assert len(transport.listens) == 2
        assert not followed.is_lost


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (OK, "'srv' ended a subscription at once"),
        (refusal(-32603), "-32603"),
        (Reply(None, None), "at once"),
        (BROKE, "it broke"),
    ],
)
@pytest.mark.parametrize("wanted", [uris(), uris(A)])
async def test_a_subscription_that_is_not_to_be_had_for_now(
    outcome: object, message: str, wanted: frozenset[str]
) -> None:
    async with following(Era.MODERN) as (followed, transport, _):
        transport.on_listen = lambda held: held.end(outcome)
        with pytest.raises(UpstreamError, match=message):
            await followed.want(wanted)
        assert not followed.is_lost
        transport.on_listen = Held.acknowledge
        await followed.want(uris())
        assert not followed.has_gap


async def test_a_secret_that_cannot_be_opened_is_told_as_it_is() -> None:
    async with following(Era.MODERN) as (followed, transport, _):
        transport.on_listen = lambda held: held.end(VaultLocked("locked"))
        with pytest.raises(VaultLocked):
            await followed.want(uris())


async def test_a_server_without_subscriptions_is_asked_again_after_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with following(Era.MODERN) as (followed, transport, _):
        transport.on_listen = lambda held: held.end(refusal(-32601))
        assert await followed.want(uris(A)) == set()
        assert await followed.want(uris(B)) == set()
        assert len(transport.listens) == 1
        assert not followed.is_lost
        monkeypatch.setattr(news, "DEAF_S", -1.0)
        await asyncio.sleep(0)
        transport.hears[0].end(BROKE)  # Its connection ended.
        await until_over(followed)
        assert await followed.want(uris(B)) == set()
        transport.on_listen = lambda held: held.end(BROKE)
        for _ in range(2):
            with pytest.raises(UpstreamError, match="it broke"):
                await followed.want(uris(B))
        transport.on_listen = Held.acknowledge
        assert await followed.want(uris(B)) == {B}
        assert len(transport.listens) == 5


@pytest.mark.parametrize("outcome", [OK, BROKE])
async def test_a_subscription_that_ends_leaves_a_gap(outcome: object) -> None:
    async with following(Era.MODERN) as (followed, transport, desk):
        await followed.want(uris(A))
        transport.listens[0].end(outcome)
        await until_over(followed)
        assert desk.ends == 1
        assert followed.pause_s is None
        assert await followed.want(uris(A)) == {A}
        assert followed.has_gap
        assert not followed.is_lost


async def test_leaving_a_modern_server_takes_no_words() -> None:
    async with following(Era.MODERN) as (followed, transport, _):
        followed.close()  # Nothing was wanted yet.
        await followed.want(uris(A))
        followed.close()
        await followed.leave()
        await asyncio.sleep(0)
        assert open_now(transport.listens) == []
        assert transport.requests == []


# A legacy server.


async def test_the_stream_is_held_and_resources_are_subscribed_to() -> None:
    async with following(Era.LEGACY) as (followed, transport, _):
        assert await followed.want(uris(A, B)) == {A, B}
        assert sorted(transport.requests) == [
            ("resources/subscribe", A),
            ("resources/subscribe", B),
        ]
        transport.requests.clear()
        assert await followed.want(uris(B, C)) == {B, C}
        assert sorted(transport.requests) == [
            ("resources/subscribe", C),
            ("resources/unsubscribe", A),
        ]
        assert len(transport.hears) == 1
        transport.requests.clear()
        followed.close()
        await followed.leave()
        assert sorted(transport.requests) == [
            ("resources/unsubscribe", B),
            ("resources/unsubscribe", C),
        ]


async def test_a_few_requests_at_a_time() -> None:
    async with following(Era.LEGACY) as (followed, transport, _):
        many = frozenset(f"test://{number}" for number in range(50))
        assert await followed.want(many) == many
        assert len(transport.requests) == 50
        assert transport.most_running == news.MAX_SUBSCRIBING


@pytest.mark.parametrize("resources", [b'{"subscribe":false}', b"{}", b"null", b"[]"])
async def test_only_who_offers_subscriptions_is_asked_for_them(resources: bytes) -> None:
    async with following(Era.LEGACY, resources) as (followed, transport, _):
        assert await followed.want(uris(A)) == set()
        assert transport.requests == []


async def test_what_a_server_refuses_is_not_watched_and_asked_for_again_later() -> None:
    def pick(method: str, uri: str) -> Reply:
        if uri == A:
            raise BROKE
        return refusal(-32602) if uri == B else OK

    async with following(Era.LEGACY) as (followed, transport, _):
        transport.reply = pick
        assert await followed.want(uris(A, B, C)) == {C}
        transport.reply = lambda method, uri: OK
        assert await followed.want(uris(A, B, C)) == {A, B, C}


async def test_a_server_that_does_not_answer_is_not_asked_for_everything() -> None:
    def lost(method: str, uri: str) -> Reply:
        raise BROKE

    async with following(Era.LEGACY) as (followed, transport, _):
        transport.reply = lost
        many = frozenset(f"test://{number}" for number in range(50))
        assert await followed.want(many) == set()
        assert len(transport.requests) == news.MAX_SUBSCRIBING


async def test_a_stream_that_says_nothing_yet_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(news, "OPEN_S", 0.01)
    async with following(Era.LEGACY) as (followed, transport, _):
        transport.on_hear = lambda held: None
        assert await followed.want(uris(A)) == {A}


async def test_a_stream_that_is_not_to_be_had_for_now() -> None:
    async with following(Era.LEGACY) as (followed, transport, _):
        transport.on_hear = lambda held: held.end(BROKE)
        with pytest.raises(UpstreamError, match="it broke"):
            await followed.want(uris(A))
        assert transport.requests == []
        assert followed.has_gap
        transport.on_hear = None
        assert await followed.want(uris(A)) == {A}


async def test_a_stream_that_goes_on_leaves_no_gap_and_one_that_breaks_does() -> None:
    async with following(Era.LEGACY) as (followed, transport, desk):
        await followed.want(uris(A))
        transport.hears[0].end(0.25)
        await until_over(followed)
        assert (followed.pause_s, followed.has_gap, desk.ends) == (0.25, False, 1)
        transport.requests.clear()
        assert await followed.want(uris(A)) == {A}
        assert (followed.has_gap, transport.requests) == (False, [])
        transport.hears[1].end(BROKE)
        await until_over(followed)
        assert (followed.pause_s, followed.has_gap) == (None, True)


async def test_a_new_session_knows_no_subscriptions() -> None:
    async with following(Era.LEGACY) as (followed, transport, _):
        await followed.want(uris(A))
        transport.session = b"two"
        transport.hears[0].end(0.0)
        await until_over(followed)
        assert await followed.want(uris(A)) == {A}
        assert transport.requests == [("resources/subscribe", A)] * 2
        assert followed.has_gap


async def test_a_connection_that_is_gone_is_not_said_goodbye_to() -> None:
    async with following(Era.LEGACY) as (followed, transport, _):
        followed.close()  # Nothing was wanted yet.
        await followed.want(uris(A))
        transport.is_alive = False
        await followed.leave()
        assert transport.requests == [("resources/subscribe", A)]
