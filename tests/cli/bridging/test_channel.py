"""One HTTP request and what comes of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from msgspec import Raw

from mcpgw.cli.bridging import channel as module
from mcpgw.cli.bridging.channel import Broken, Channel, Notes, client_session
from mcpgw.errors import (
    Forbidden,
    GatewayError,
    ProtocolError,
    Unauthenticated,
    UpstreamError,
    UpstreamTimeout,
)
from tests.cli.bridging.gateway import (
    TOKEN,
    Do,
    FakeGateway,
    error,
    event,
    note,
    result,
    says,
    serving,
    streams,
)

ASK = b'{"jsonrpc":"2.0","id":1,"method":"ask"}'
LIMIT = 1000
NEVER = asyncio.Event()


@asynccontextmanager
async def channel_to(
    gateway: FakeGateway, told: list[str] | None = None, limit: int = LIMIT
) -> AsyncIterator[Channel]:
    notes = Notes(([] if told is None else told).append)
    async with client_session(TOKEN) as http:
        yield Channel(http, gateway.url, limit, notes)


async def answered(gateway: FakeGateway, body: bytes = ASK) -> tuple[list[bytes], GatewayError]:
    """Return the messages of an answer, and the error that it is if nothing is among them."""
    async with channel_to(gateway) as channel, channel.open("POST", {}, body) as answer:
        return [incoming.raw async for incoming in answer.messages()], answer.refusal()


async def test_what_a_request_looks_like() -> None:
    async with serving() as gateway, channel_to(gateway) as channel:
        async with channel.open("POST", {"Mcp-Method": "ask"}, ASK) as answer:
            assert answer.status == 200
        async with channel.open("GET", {"Accept": "text/event-stream"}):
            pass
    seen = gateway.of("ask")[0]
    wanted = {
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "accept-encoding": "identity",
        "mcp-method": "ask",
    }
    assert seen.headers.items() >= wanted.items()
    assert gateway.of("GET")[0].headers["accept"] == "text/event-stream"


ONE, TWO = b'{"jsonrpc":"2.0","id":1,"result":{"a": 1.0}}', b'{"jsonrpc":"2.0","method":"m"}'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (ONE, [ONE]),
        (b" " + ONE + b"\n", [b" " + ONE + b"\n"]),
        (b"[" + ONE + b"," + TWO + b"]", [ONE, TWO]),
        (b"[]", []),
        (b"", []),
        (b"<html>", []),
        (b'{"error":"not_found"}', []),
        (b'{"jsonrpc":"2.0","id":1,"result":"\\ud800"}',) * 2,
        (
            b'[{"jsonrpc":"2.0","id":1,"result":"\\ud800"}]',
            [b'{"jsonrpc":"2.0","id":1,"result":"\\ufffd"}'],
        ),
    ],
)
async def test_messages_of_a_body(body: bytes, expected: list[bytes] | bytes) -> None:
    async with serving(ask=says(body)) as gateway:
        messages, _ = await answered(gateway)
    assert messages == (expected if isinstance(expected, list) else [expected])


async def test_messages_of_a_stream() -> None:
    def frames(_: Any) -> list[Any]:
        cut = b"data: " + TWO[:17] + b"\ndata: " + TWO[17:] + b"\n\n"
        return [event("7"), b":\n\n", b"data: nonsense\n\n", cut, event("8", note())]

    async with (
        serving(ask=streams(frames)) as gateway,
        channel_to(gateway) as channel,
        channel.open("POST", {}, ASK) as answer,
    ):
        raws = [incoming.raw async for incoming in answer.messages()]
        assert answer.is_stream
        assert (answer.last_event_id, answer.retry_s) == ("8", 0.01)
    assert raws[0] == TWO[:17] + b"\n" + TWO[17:]
    assert len(raws) == 2
    assert isinstance(answer.refusal(), Broken)


HOUSE = {"error": "x", "message": "said", "hint": "do that"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "message", "hint"),
    [
        (401, HOUSE, Unauthenticated, "refuses the token", "MCPGW_TOKEN or use --save-token"),
        (403, HOUSE, Forbidden, "said", "do that"),
        (403, b"", Forbidden, "the gateway refuses this", ""),
        (404, HOUSE, UpstreamError, "no gateway answers at http://", "/ws/WORKSPACE"),
        (307, b"", UpstreamError, "no gateway answers at http://", "/ws/WORKSPACE"),
        (200, b"<html>", UpstreamError, "no gateway answers at http://", "/ws/WORKSPACE"),
        (202, b"", UpstreamError, "no gateway answers at http://", "/ws/WORKSPACE"),
        (413, HOUSE, UpstreamError, "said", "do that"),
        (503, HOUSE, UpstreamError, "said", "do that"),
        (502, b"[7]", UpstreamError, "answered with HTTP status 502", "mcpgw serve"),
        (500, b"[" * 9999, UpstreamError, "answered with HTTP status 500", "mcpgw serve"),
    ],
)
async def test_what_an_answer_without_an_answer_means(
    status: int, body: Any, kind: type[GatewayError], message: str, hint: str
) -> None:
    async with (
        serving(ask=says(body, status, Location="http://127.0.0.1:9/")) as gateway,
        channel_to(gateway, limit=20_000) as channel,
        channel.open("POST", {}, ASK) as answer,
    ):
        assert [one async for one in answer.messages()] == []
        refusal = answer.refusal()
    assert type(refusal) is kind
    assert message in refusal.message
    assert hint in refusal.hint
    assert TOKEN not in refusal.message + refusal.hint


@pytest.mark.parametrize(
    "do",
    [
        says({"jsonrpc": "2.0", "id": 1, "result": "x" * LIMIT}),
        streams(lambda _: [result({"id": 1}, "x" * LIMIT)]),
    ],
)
async def test_a_message_above_the_limit(do: Any) -> None:
    async with serving(ask=do) as gateway:
        with pytest.raises(ProtocolError, match="larger than 1000 bytes"):
            await answered(gateway)


async def test_a_refused_connection_is_tried_again_and_said_once() -> None:
    told: list[str] = []
    async with serving() as gateway, channel_to(gateway, told) as channel:
        await gateway.stop()

        async def ask() -> int:
            async with channel.open("POST", {}, ASK) as answer:
                return answer.status

        asking = [asyncio.ensure_future(ask()) for _ in range(3)]
        await asyncio.sleep(0.15)
        await gateway.start()
        assert await asyncio.gather(*asking) == [200] * 3
    assert len(gateway.of("ask")) == 3
    assert told == [
        f"mcpgw bridge: the gateway at {gateway.url} cannot be reached",
        "mcpgw bridge: the gateway is back",
    ]


async def test_patience_has_an_end() -> None:
    async with serving() as gateway, channel_to(gateway) as channel:
        await gateway.stop()
        for patience_s in (0, 0.15):
            with pytest.raises(Broken, match="cannot be reached") as caught:
                async with channel.open("POST", {}, ASK, patience_s):
                    raise AssertionError
            assert "mcpgw serve" in caught.value.hint


async def test_a_refused_token_is_said_once() -> None:
    told: list[str] = []
    async with serving(ask=says(b"", 401)) as gateway, channel_to(gateway, told) as channel:
        for _ in range(2):
            async with channel.open("POST", {}, ASK):
                pass
    assert told == ["mcpgw bridge: the gateway refuses the token"]


def test_a_stderr_that_nobody_reads_ends_nothing() -> None:
    def say(_: str) -> None:
        raise BrokenPipeError

    Notes(say).lost("x")


async def test_what_was_sent_is_not_sent_again() -> None:
    async def cut(request: web.BaseRequest, _: Any) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serving(ask=cut) as gateway:
        with pytest.raises(Broken, match="broke") as caught:
            await answered(gateway)
    assert "unknown" in caught.value.hint
    assert len(gateway.of("ask")) == 1


async def test_a_stream_that_is_cut() -> None:
    async with serving(ask=streams(lambda _: [note()], is_cut=True)) as gateway:
        with pytest.raises(Broken, match="broke"):
            await answered(gateway)


async def test_a_gateway_that_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 0.05)
    for do in (streams(lambda _: [], until=NEVER), streams(lambda _: [note()], until=NEVER)):
        async with serving(ask=do) as gateway:
            with pytest.raises(UpstreamTimeout, match="does not answer"):
                await answered(gateway)


async def test_a_stream_without_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAIN_S", 0.05)
    async with (
        serving(ask=streams(lambda _: [note(), note()], until=NEVER)) as gateway,
        channel_to(gateway) as channel,
        channel.open("POST", {}, ASK) as answer,
    ):
        await answer.drain()


@pytest.mark.parametrize(
    "do",
    [
        says(lambda m: result(m, {"a": 1})),
        streams(lambda m: [note(), result(m, {"a": 1})]),
    ],
)
async def test_a_question_of_our_own(do: Any) -> None:
    async with serving(ask=do) as gateway, channel_to(gateway) as channel:
        _, found = await channel.ask({}, ASK)
        assert isinstance(found, Raw)
        assert bytes(found) == b'{"a": 1}'


@pytest.mark.parametrize(
    ("do", "kind"),
    [
        (says(b"", 401), Unauthenticated),
        (says(lambda m: error(m, -32600)), UpstreamError),
        (streams(lambda m: [note()]), Broken),
    ],
)
async def test_a_question_of_our_own_that_is_refused(do: Do, kind: type[GatewayError]) -> None:
    async with serving(ask=do) as gateway, channel_to(gateway) as channel:
        with pytest.raises(GatewayError) as caught:
            await channel.ask({}, ASK)
    assert type(caught.value) is kind


@pytest.mark.parametrize(("value", "expected"), [("a b", "a b"), ("\u00e9", None), ("", None)])
async def test_a_session_id_that_cannot_be_sent_back_is_none(
    value: str, expected: str | None
) -> None:
    headers = {"Mcp-Session-Id": value}
    async with (
        serving(ask=says(b"", 200, **headers)) as gateway,
        channel_to(gateway) as channel,
        channel.open("POST", {}, ASK) as answer,
    ):
        assert answer.session_id == expected


async def test_a_connection_is_used_again_after_a_stream() -> None:
    ports: set[int] = set()

    async def do(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername")[1])
        return await streams(lambda m: [result(m, 1)])(request, message)

    async with serving(ask=do) as gateway, channel_to(gateway) as channel:
        for _ in range(3):
            await channel.ask({}, ASK)
    assert len(ports) == 1


async def test_an_untrusted_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    async def refuse(*_: object, **__: object) -> None:
        tried.append(1)
        key: Any = None
        raise aiohttp.ClientConnectorCertificateError(key, ssl.SSLCertVerificationError())

    async with serving() as gateway, channel_to(gateway) as channel:
        monkeypatch.setattr(aiohttp.TCPConnector, "connect", refuse)
        with pytest.raises(UpstreamError, match="not trusted") as caught:
            async with channel.open("POST", {}, ASK):
                raise AssertionError
    assert "SSL_CERT_FILE" in caught.value.hint
    assert tried == [1]
