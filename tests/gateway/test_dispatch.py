"""Every method is answered by who knows it; a legacy client can take a request back."""

import asyncio

import msgspec
import pytest
from msgspec import Raw

from mcpgw.errors import Cancelled, NotFound, ProtocolError
from mcpgw.protocol.era import Era
from mcpgw.protocol.inbound import Initialize
from mcpgw.protocol.jsonrpc import parse
from tests.world import World, asked

INITIALIZE = {
    "protocolVersion": Raw(b'"2025-06-18"'),
    "capabilities": Raw(b"{}"),
    "clientInfo": Raw(b'{"name":"test","version":"1"}'),
}


async def test_initialize_opens_a_session(world: World) -> None:
    git = await world.server("git", log="x")
    git.instructions = "be kind"
    admission = await world.admission()
    done = await world.gateway.dispatcher.initialize(admission, Initialize(b"1", INITIALIZE, 10))
    result = msgspec.json.decode(done.response)["result"]
    assert result["protocolVersion"] == "2025-06-18"
    assert result["serverInfo"] == {"name": "mcpgw", "version": "0"}
    assert "tools" in result["capabilities"]
    assert world.gateway.dispatcher.resume(admission, done.session_id).version == "2025-06-18"
    world.gateway.dispatcher.end(admission, done.session_id)
    with pytest.raises(NotFound):
        world.gateway.dispatcher.resume(admission, done.session_id)


async def test_a_malformed_initialize_opens_none(world: World) -> None:
    with pytest.raises(ProtocolError):
        await world.gateway.dispatcher.initialize(
            await world.admission(), Initialize(b"1", {"protocolVersion": Raw(b"7")}, 10)
        )


async def answer(world: World, method: str, **params: bytes) -> dict:  # type: ignore[type-arg]
    admission = await world.admission()
    response = await world.gateway.dispatcher.answer(asked(admission, method, params))
    decoded: dict[str, object] = msgspec.json.decode(response)
    return decoded


async def test_ping(world: World) -> None:
    assert (await answer(world, "ping"))["result"] == {}


async def test_discover_says_what_there_is(world: World) -> None:
    await world.server("git", log="x")
    result = (await answer(world, "server/discover"))["result"]
    assert result["supportedVersions"] == ["2026-07-28"]
    assert result["resultType"] == "complete"


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("tools/list", "tools"),
        ("prompts/list", "prompts"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
    ],
)
async def test_lists(world: World, method: str, key: str) -> None:
    await world.server("git", log="x")
    assert len((await answer(world, method))["result"][key]) == 1
    assert "result" in await answer(world, method, cursor=b"null")
    assert not world.journal.rows
    with pytest.raises(ProtocolError, match="cursor"):
        await answer(world, method, cursor=b'"x"')


async def test_calls_are_forwarded(world: World) -> None:
    await world.server("git", log="x")
    assert "result" in await answer(world, "tools/call", name=b'"git__log"')
    assert len(world.journal.rows) == 1


async def test_an_unknown_method(world: World) -> None:
    assert (await answer(world, "tools/invent"))["error"]["code"] == -32601


async def test_a_legacy_client_takes_a_request_back(world: World) -> None:
    git = await world.server("git", log="x")
    git.gate = asyncio.Event()
    admission = await world.admission()
    dispatcher = world.gateway.dispatcher
    done = await dispatcher.initialize(admission, Initialize(b"1", INITIALIZE, 10))
    request = asked(
        admission, "tools/call", {"name": b'"git__log"'}, era=Era.LEGACY, session_id=done.session_id
    )
    running = asyncio.ensure_future(dispatcher.answer(request))
    await git.entered.wait()

    busy = msgspec.json.decode(await dispatcher.answer(request))
    assert "in use" in busy["error"]["message"]

    def notice(text: bytes) -> None:
        message = parse(text)
        assert not isinstance(message, list)
        dispatcher.notice(admission, done.session_id, message)

    notice(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    notice(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}}')
    await asyncio.sleep(0)
    assert not running.done()
    notice(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}')
    with pytest.raises(Cancelled):
        await running
    assert git.was_cancelled

    git.gate.set()
    assert b"result" in await dispatcher.answer(request)


async def test_the_end_of_the_server_is_no_taking_back(world: World) -> None:
    git = await world.server("git", log="x")
    git.gate = asyncio.Event()
    admission = await world.admission()
    request = asked(
        admission, "tools/call", {"name": b'"git__log"'}, era=Era.LEGACY, session_id="s"
    )
    running = asyncio.ensure_future(world.gateway.dispatcher.answer(request))
    await git.entered.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_notice_to_a_foreign_session_is_refused(world: World) -> None:
    message = parse(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    assert not isinstance(message, list)
    with pytest.raises(NotFound):
        world.gateway.dispatcher.notice(await world.admission(), "none", message)
