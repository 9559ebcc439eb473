"""Subscriptions on a shared line: every message finds its own, and nothing else."""

import asyncio

import pytest
from msgspec import Raw

from mcpgw.errors import UpstreamError
from mcpgw.protocol.exchange import Notification
from mcpgw.upstream.frame import Frame, read_frame
from mcpgw.upstream.listens import Listens

UPDATED = "notifications/resources/updated"


def update_of(subscription: str | None) -> Frame:
    meta = (
        "{}"
        if subscription is None
        else f'{{"io.modelcontextprotocol/subscriptionId":{subscription}}}'
    )
    frame = read_frame(
        f'{{"jsonrpc":"2.0","method":"{UPDATED}","params":{{"uri":"a:b","_meta":{meta}}}}}'.encode()
    )
    assert frame is not None
    return frame


async def sent() -> None:
    pass


async def test_messages_find_their_subscription() -> None:
    listens = Listens()
    heard: dict[int, list[Notification]] = {1: [], 2: []}
    held = {
        number: asyncio.ensure_future(listens.hold(number, sent, heard[number].append))
        for number in heard
    }
    await asyncio.sleep(0)
    assert listens.hear(update_of("2"), UPDATED)
    assert listens.hear(update_of("3"), UPDATED)  # Of one that is no more.
    assert listens.hear(update_of('"2"'), UPDATED)  # Another id, by its type.
    assert not listens.hear(update_of(None), UPDATED)
    assert not listens.hear(Frame(method=UPDATED, params=Raw(b"[]")), UPDATED)
    assert {number: len(notes) for number, notes in heard.items()} == {1: 0, 2: 1}
    assert heard[2][0].method == UPDATED
    assert not listens.answer(Frame(id=3, result=Raw(b"{}")))
    first = Frame(id=2, result=Raw(b"{}"))
    assert listens.answer(first)
    assert listens.answer(Frame(id=2, result=Raw(b"[]")))  # A second answer reaches nobody.
    assert await held[2] is first
    listens.fail(UpstreamError("it ended"))
    with pytest.raises(UpstreamError, match="it ended"):
        await held[1]
    assert not listens.answer(Frame(id=1, result=Raw(b"{}")))


async def test_a_line_that_ends_after_the_answer_changes_nothing() -> None:
    listens = Listens()
    held = asyncio.ensure_future(listens.hold(1, sent, lambda _: None))
    await asyncio.sleep(0)
    answer = Frame(id=1, result=Raw(b"{}"))
    listens.answer(answer)
    listens.fail(UpstreamError("it ended"))
    assert await held is answer


async def test_what_could_not_be_sent_is_open_no_more() -> None:
    listens = Listens()

    async def send() -> None:
        listens.fail(UpstreamError("it ended"))
        raise UpstreamError("nobody reads")

    with pytest.raises(UpstreamError, match="nobody reads"):
        await listens.hold(1, send, lambda _: None)
    assert not listens.answer(Frame(id=1, result=Raw(b"{}")))
