"""Every method is answered by who knows it; a legacy client can take a request back."""

import asyncio
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from mcpgw.errors import Cancelled, NotFound, ProtocolError
from mcpgw.gateway import offer
from mcpgw.protocol.era import Era
from mcpgw.protocol.inbound import Initialize
from mcpgw.protocol.jsonrpc import parse
from tests.fakes import FakeUpstream, listing
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
    await world.gateway.dispatcher.end(admission, done.session_id)
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


async def test_pages_are_followed_by_cursor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offer, "PAGE_ITEMS", 2)
    await world.server("git", "", a="x", b="x", c="x")
    await world.server("jira", "", d="x", e="x")
    for one in (await world.modern(), await world.legacy()):
        names: list[list[str]] = []
        more: dict[str, Any] = {}
        while True:
            result = (await one.call("tools/list", **more))["result"]
            names.append([tool["name"] for tool in result["tools"]])
            if "nextCursor" not in result:
                break
            more = {"cursor": msgspec.json.encode(result["nextCursor"])}
        assert names == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize("cursor", [b'"x"', b'""', b"7", b"{}", b'"YWZ0ZXI6Z29uZQ"'])
async def test_a_cursor_that_is_none_of_ours_is_refused(world: World, cursor: bytes) -> None:
    await world.server("git", log="x")
    with pytest.raises(ProtocolError) as caught:
        await answer(world, "tools/list", cursor=cursor)
    assert caught.value.rpc_code == -32602


async def test_each_era_lists_what_its_clients_are_served(world: World) -> None:
    await world.server("git", "", old="x")
    newer = FakeUpstream(listing(new="x"), era=Era.MODERN, version="2026-07-28")
    world.upstreams.by_name["git"] = newer
    older = FakeUpstream(listing(old="x"))
    world.upstreams.by_era["git", Era.LEGACY] = older
    for one, name in ((await world.modern(), "new"), (await world.legacy(), "old")):
        listed = (await one.call("tools/list"))["result"]["tools"]
        assert [tool["name"] for tool in listed] == [name]


async def test_a_log_level_is_kept_by_its_session(world: World) -> None:
    one = await world.legacy()
    assert (await one.call("logging/setLevel", level=b'"notice"'))["result"] == {}
    assert world.sessions.state(one.session).log_level == "notice"


async def test_a_stray_answer_is_dropped(world: World) -> None:
    one = await world.legacy()
    one.respond(1, {"action": "accept"})
    one.respond("x", {"action": "accept"})


async def test_what_a_legacy_client_says_of_its_roots_is_taken_note_of_by_nobody(
    world: World,
) -> None:
    git = await world.server("git", log="x")
    one = await world.legacy()
    before = len(git.sent)
    one.post({"method": "notifications/roots/list_changed"})
    assert len(git.sent) == before


async def test_an_ended_session_answers_nothing(world: World) -> None:
    one = await world.legacy()
    assert one.session_id is not None
    await world.gateway.dispatcher.end(one.admission, one.session_id)
    for attempt in (
        lambda: one.respond(1, {}),
        lambda: world.gateway.dispatcher.resume(one.admission, one.session_id or ""),
    ):
        with pytest.raises(NotFound):
            attempt()
    for ending in (world.gateway.dispatcher.end, world.gateway.dispatcher.stream):
        with pytest.raises(NotFound):
            await ending(one.admission, one.session_id)
