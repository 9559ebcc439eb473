"""Streams of news: every fact told, in order, and no more often than it can be read."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from mcpgw.gateway.feed import UPDATED, Feed, listen_feed, session_feed
from mcpgw.protocol.subscription import list_changed

TOOLS, PROMPTS = list_changed("tools"), list_changed("prompts")


def drop(_: Feed) -> None:
    """Do nothing: nobody keeps count."""


async def take(stream: AsyncIterator[bytes]) -> tuple[str, str]:
    """Return the method and the URI of the next message."""
    async with asyncio.timeout(1):
        message = msgspec.json.decode(await anext(stream))
    return message["method"], message["params"].get("uri", "")


async def rest(feed: Feed) -> list[tuple[str, str]]:
    """Return all that is still pending, in order."""
    stream = aiter(feed)
    return [await take(stream) for _ in range(len(feed.pending))]


async def test_facts_are_told_once_and_in_order() -> None:
    feed = session_feed(drop)
    for method, uri in [(TOOLS, ""), (UPDATED, "a"), (TOOLS, ""), (UPDATED, "b"), (UPDATED, "a")]:
        feed.tell(method, uri)
    assert await rest(feed) == [(TOOLS, ""), (UPDATED, "a"), (UPDATED, "b")]


async def test_what_changes_while_it_is_told_is_told_again() -> None:
    feed = session_feed(drop)
    stream = aiter(feed)
    feed.tell(TOOLS)
    assert await take(stream) == (TOOLS, "")
    feed.tell(TOOLS)
    assert await take(stream) == (TOOLS, "")


async def test_it_waits_for_news_and_ends_when_told() -> None:
    feed = session_feed(drop)
    stream = aiter(feed)
    waiting = asyncio.ensure_future(take(stream))
    await asyncio.sleep(0)
    assert not waiting.done()
    feed.tell(PROMPTS)
    assert await waiting == (PROMPTS, "")
    feed.tell(TOOLS)
    feed.end()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_subscription_tags_what_it_tells_and_begins_as_it_must() -> None:
    feed = listen_feed(b'"s1"', b"bye", drop)
    feed.tell(TOOLS)
    feed.tell(UPDATED, "memo://1")
    feed.begin(b'{"first":true}')
    stream = aiter(feed)
    assert await anext(stream) == b'{"first":true}'
    tag = {"io.modelcontextprotocol/subscriptionId": "s1"}
    told = [msgspec.json.decode(await anext(stream))["params"] for _ in range(2)]
    assert told == [{"_meta": tag}, {"uri": "memo://1", "_meta": tag}]
    assert feed.farewell == b"bye"
    assert session_feed(drop).farewell == b""


async def test_who_comes_back_is_told_what_it_missed() -> None:
    earlier, feed = session_feed(drop), session_feed(drop)
    earlier.tell(TOOLS)
    earlier.tell(UPDATED, "a")
    stream = aiter(earlier)
    assert await take(stream) == (TOOLS, "")
    feed.tell(PROMPTS)
    feed.adopt(earlier)
    # Whether the one under way arrived cannot be known.
    assert await rest(feed) == [(PROMPTS, ""), (TOOLS, ""), (UPDATED, "a")]


async def test_what_was_under_way_when_the_client_was_lost_is_not_told() -> None:
    lost, feed = session_feed(drop), session_feed(drop)
    lost.tell(TOOLS)
    stream = aiter(lost)
    assert await take(stream) == (TOOLS, "")
    lost.end()  # the connection broke while it was written
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    feed.adopt(lost)
    assert await rest(feed) == [(TOOLS, "")]


async def test_what_was_told_is_not_told_again() -> None:
    earlier, feed = session_feed(drop), session_feed(drop)
    earlier.tell(TOOLS)
    stream = aiter(earlier)
    await take(stream)
    waiting = asyncio.ensure_future(take(stream))
    await asyncio.sleep(0)
    earlier.end()
    with pytest.raises(StopAsyncIteration):
        await waiting
    feed.adopt(earlier)
    assert feed.pending == {}


async def test_its_end_is_noted() -> None:
    closed: list[Feed] = []
    feed = session_feed(closed.append)
    feed.close()
    assert closed == [feed]
