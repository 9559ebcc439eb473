"""Lanes: every client is served in its own era, with its own capabilities, and never meets another
where a server's questions do not say whom they are for."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from mcpgw.errors import NotFound, UpstreamError
from mcpgw.model.server import Server
from mcpgw.protocol.capability import EVERYTHING
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Lane, Question, Reply
from mcpgw.upstream import place, slot
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.pool import Upstreams
from tests.live import call, code_of, echo_server, http_server, nothing, open_upstreams, text_of
from tests.peers.raw_http import RawMcp, Request
from tests.process import gone, is_running, until

ELICITATION = b'{"elicitation":{"form":{}}}'
SAMPLING = b'{"sampling":{}}'


def legacy(capabilities: bytes = b"{}", client: str = "") -> Lane:
    return Lane(Era.LEGACY, capabilities, client)


def modern(capabilities: bytes = b"{}", client: str = "") -> Lane:
    return Lane(Era.MODERN, capabilities, client)


async def quickly(request: Request) -> None:
    request.say("ok")


class Client:
    """Answers every question with its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked = 0

    async def ask(self, question: Question) -> Reply:
        self.asked += 1
        return Reply(Raw(json.dumps({"action": "accept", "by": self.name}).encode()), None)


@asynccontextmanager
async def serving(
    tmp_path: Path, transport: str, era: str
) -> AsyncIterator[tuple[Upstreams, Server, RawMcp | None]]:
    async with RawMcp(era, quickly) as peer, open_upstreams(tmp_path) as upstreams:
        if transport == "http":
            yield upstreams, http_server(peer.url), peer
        else:
            yield upstreams, echo_server(era), None


def lanes_of(upstreams: Upstreams) -> int:
    (only,) = upstreams._slots.values()
    return len(only._lanes)


async def declared_by(connection: Connection, peer: RawMcp | None) -> object:
    """Return what a legacy connection said that its clients can be asked for."""
    if peer is not None:
        return peer.offered[-1]
    return json.loads(text_of(await call(connection, "offered")))["offered"]


P = "the primary connection"
ALL = EVERYTHING
PLAIN = b"{}"


@pytest.mark.parametrize(
    ("era", "lane", "over_http", "as_child"),
    [
        ("modern", modern(), P, P),
        ("modern", modern(ELICITATION, "a"), P, P),
        ("modern", legacy(), P, P),
        ("modern", legacy(ELICITATION, "a"), P, P),
        ("legacy", modern(), PLAIN, P),
        ("legacy", modern(ELICITATION, "a"), ELICITATION, P),
        ("legacy", modern(ALL), P, P),
        ("legacy", legacy(PLAIN, "a"), PLAIN, P),
        ("legacy", legacy(ELICITATION), ELICITATION, P),
        ("legacy", legacy(ALL, "a"), P, P),
        ("dual", modern(), P, P),
        ("dual", modern(ELICITATION, "a"), P, P),
        ("dual", legacy(), PLAIN, ALL),
        ("dual", legacy(ELICITATION, "a"), ELICITATION, ALL),
        ("dual", legacy(ALL), ALL, ALL),
    ],
)
@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_which_connection_a_client_gets(
    tmp_path: Path,
    transport: str,
    era: str,
    lane: Lane,
    over_http: str | bytes,
    as_child: str | bytes,
) -> None:
    wanted = over_http if transport == "http" else as_child
    async with serving(tmp_path, transport, era) as (upstreams, server, peer):
        primary = await upstreams.connect(server, "f", nothing)
        assert primary.era == (Era.LEGACY if era == "legacy" else Era.MODERN)
        if era == "legacy":
            assert await declared_by(primary, peer) == json.loads(ALL)
        found = await upstreams.connect(server, "f", nothing, lane)
        assert await upstreams.connect(server, "f", nothing, lane) is found
        assert (found is primary) == (wanted is P)
        if isinstance(wanted, bytes):
            assert found.era == Era.LEGACY
            assert lanes_of(upstreams) == 1
            assert await declared_by(found, peer) == json.loads(wanted)
        # Whoever is like this client shares its connection.
        other = Lane(lane.era, lane.capabilities, "another")
        assert await upstreams.connect(server, "f", nothing, other) is found


@pytest.mark.parametrize(
    ("era", "lane", "over_http", "as_child"),
    [
        ("modern", legacy(ELICITATION), P, P),
        ("legacy", modern(), PLAIN, P),
        ("legacy", modern(ELICITATION), ELICITATION, ALL),
        ("legacy", legacy(), PLAIN, P),
        ("legacy", legacy(ELICITATION), ELICITATION, ALL),
        ("legacy", legacy(ALL), ALL, ALL),
        ("dual", modern(ELICITATION), P, P),
        ("dual", legacy(), PLAIN, ALL),
        ("dual", legacy(ELICITATION), ELICITATION, ALL),
        ("dual", legacy(ALL), ALL, ALL),
    ],
)
@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_who_can_be_asked_shares_no_connection_to_a_server_that_asks(
    tmp_path: Path,
    transport: str,
    era: str,
    lane: Lane,
    over_http: str | bytes,
    as_child: str | bytes,
) -> None:
    wanted = over_http if transport == "http" else as_child
    async with serving(tmp_path, transport, era) as (upstreams, server, peer):
        primary = await upstreams.connect(server, "f", nothing)
        (held,) = upstreams._slots.values()
        held._on_question()
        connections = []
        for client in ("a", "b", "a"):
            its = Lane(lane.era, lane.capabilities, client)
            connections.append(await upstreams.connect(server, "f", nothing, its))
        a, b, again = connections
        assert again is a
        assert (a is primary) == (wanted is P)
        assert (a is not b) == (lane.capabilities != PLAIN and wanted is not P)
        if isinstance(wanted, bytes):
            assert await declared_by(b, peer) == json.loads(wanted)
        # The lists go on where they were: nobody in particular can be asked there.
        lists = await upstreams.connect(server, "f", nothing, legacy(ALL))
        assert lists not in (a, b) or wanted is P or lane.capabilities == PLAIN
        assert (lists is primary) == (era != "dual")


async def test_capabilities_are_offered_over_http_and_again_in_a_new_session(
    tmp_path: Path,
) -> None:
    async with RawMcp("legacy", quickly) as peer, open_upstreams(tmp_path) as upstreams:
        server = http_server(peer.url)
        connection = await upstreams.connect(server, "f", nothing, legacy(ELICITATION))
        assert peer.offered == [json.loads(ALL), json.loads(ELICITATION)]
        peer.forget_sessions()
        await call(connection, "add")
        assert peer.offered[2] == json.loads(ELICITATION)


async def test_clients_that_come_together_share_one_attempt(tmp_path: Path) -> None:
    async with RawMcp("dual", quickly) as peer, open_upstreams(tmp_path) as upstreams:
        server = http_server(peer.url)
        lanes = [legacy(ELICITATION), legacy(SAMPLING), modern(), None] * 5
        found = await asyncio.gather(
            *[upstreams.connect(server, "f", nothing, lane) for lane in lanes]
        )
        assert len({id(connection) for connection in found}) == 3
        assert len(peer.offered) == 2


def attempts(peer: RawMcp) -> int:
    methods = [one.message.get("method") for one in peer.requests if one.message]
    return methods.count("initialize")


@pytest.mark.parametrize(
    ("answer", "is_known"),
    [
        (-32022, True),
        (-32601, True),
        (-32603, True),
        (404, True),
        (400, True),
        (200, True),
        (401, False),
        (503, False),
        (0, False),
    ],
)
async def test_whether_a_server_speaks_both_eras_is_asked_once(
    tmp_path: Path, answer: int, is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "FAILURE_S", 0.0)
    async with RawMcp("modern", quickly) as peer:
        dispatch = peer.script

        async def script(request: Request) -> None:
            if not request.message or request.message.get("method") != "initialize":
                await dispatch(request)
            elif answer < 0:
                request.error(answer, 400)
            elif answer > 0:
                request.answer(answer)

        peer.script = script
        # Short only where it is waited for in vain.
        timeout_s = 10.0 if answer else 0.2
        async with open_upstreams(tmp_path, handshake_timeout_s=timeout_s) as upstreams:
            server = http_server(peer.url)
            for _ in range(3):
                connection = await upstreams.connect(server, "f", nothing, legacy(ELICITATION))
                assert connection.era == Era.MODERN
                assert text_of(await call(connection, "add")) == "ok"
            assert attempts(peer) == 1
            (held,) = upstreams._slots.values()
            known_s = held._modern_until - asyncio.get_running_loop().time()
            assert (known_s > slot.ERA_GUESSED_S) == is_known
            held._modern_until = 0.0
            await upstreams.connect(server, "f", nothing, legacy(SAMPLING))
            assert attempts(peer) == 2


@pytest.mark.parametrize("habit", ["", "no-past", "mute-past"])
async def test_a_child_that_speaks_one_era_gets_no_second_for_long(
    tmp_path: Path, habit: str
) -> None:
    habits = ("modern", habit) if habit else ("modern",)
    async with open_upstreams(tmp_path, start_timeout_s=0.5) as upstreams:
        server = echo_server(*habits)
        first = await upstreams.connect(server, "f", nothing, legacy(ELICITATION))
        assert first.era == Era.MODERN
        assert text_of(await call(first, "echo", {"text": "hi"})) == "hi"
        (held,) = upstreams._slots.values()
        known_s = held._modern_until - asyncio.get_running_loop().time()
        assert known_s > slot.ERA_GUESSED_S


async def test_a_server_known_to_speak_both_is_in_trouble_when_it_fails(tmp_path: Path) -> None:
    async with RawMcp("dual", quickly) as peer, open_upstreams(tmp_path) as upstreams:
        server = http_server(peer.url)
        await upstreams.connect(server, "f", nothing, legacy())
        dispatch = peer.script

        async def script(request: Request) -> None:
            if request.message and request.message.get("method") == "initialize":
                request.answer(503)
            else:
                await dispatch(request)

        peer.script = script
        with pytest.raises(UpstreamError, match="failed \\(503\\)"):
            await upstreams.connect(server, "f", nothing, legacy(ELICITATION))
        peer.script = dispatch
        peer.era = "modern"  # An upgrade that forgot the past.
        found = await upstreams.connect(server, "f", nothing, legacy(SAMPLING))
        assert found.era == Era.MODERN


async def test_a_lane_that_fails_does_not_hurt_the_primary(tmp_path: Path) -> None:
    async with RawMcp("legacy", quickly) as peer, open_upstreams(tmp_path) as upstreams:
        server = http_server(peer.url)
        primary = await upstreams.connect(server, "f", nothing)
        peer.era = "gone"
        with pytest.raises(UpstreamError):
            await upstreams.connect(server, "f", nothing, legacy(ELICITATION))
        peer.era = "legacy"
        assert await upstreams.connect(server, "f", nothing) is primary
        assert text_of(await call(primary, "add")) == "ok"


async def test_a_legacy_server_that_became_modern_is_noticed_from_a_lane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def on_call(request: Request) -> None:
        if "mcp-method" in request.headers:
            request.say("ok")
        else:
            request.answer(400)

    for name in ("FAILURE_S", "FIRST_PAUSE_S"):
        monkeypatch.setattr(place, name, 0.0)
    async with RawMcp("legacy", on_call) as peer, open_upstreams(tmp_path) as upstreams:
        server = http_server(peer.url)
        primary = await upstreams.connect(server, "f", nothing)
        peer.era = "modern"
        with pytest.raises(UpstreamError):
            await upstreams.connect(server, "f", nothing, legacy(ELICITATION))
        with pytest.raises(UpstreamError):
            await call(primary, "add")
        with pytest.raises(UpstreamError):  # What was remembered is wrong, and forgotten.
            await upstreams.connect(server, "f", nothing, legacy(ELICITATION))
        found = await upstreams.connect(server, "f", nothing, legacy(ELICITATION))
        assert found.era == Era.MODERN
        assert text_of(await call(found, "add")) == "ok"


async def test_a_secret_that_cannot_be_opened_is_told_as_it_is(tmp_path: Path) -> None:
    is_open = True

    def fill() -> tuple[()]:
        if not is_open:
            raise NotFound("the secret is gone")
        return ()

    async with RawMcp("dual", quickly) as peer, open_upstreams(tmp_path) as upstreams:
        await upstreams.connect(http_server(peer.url), "f", fill)
        is_open = False
        with pytest.raises(NotFound):
            await upstreams.connect(http_server(peer.url), "f", fill, legacy())


# Questions over stdio.


async def asked(connection: Connection, client: Client, **given: object) -> Any:
    """Let the server ask during a call, and return the answer that it got."""
    arguments = {"method": "elicitation/create", **given}
    reply = await call(connection, "ask", arguments, ask=client.ask, client=client.name)
    return json.loads(text_of(reply))


async def test_clients_of_a_server_that_asks_never_meet(tmp_path: Path) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("legacy")

        async def connect(client: Client) -> Connection:
            lane = legacy(ELICITATION, client.name)
            return await upstreams.connect(server, "f", nothing, lane)

        a, b = Client("a"), Client("b")
        shared = await connect(a)
        assert await connect(b) is shared
        assert await upstreams.connect(server, "f", nothing) is shared
        # Two at once, and nobody knows yet that it asks: it is told no.
        answers = await asyncio.gather(asked(shared, a, id=1), asked(shared, b, id=2))
        assert [answer["result"] for answer in answers] == [{"action": "cancel"}] * 2
        assert a.asked == b.asked == 0
        # From here on each has a line for itself.
        mine, other = await connect(a), await connect(b)
        assert len({id(one) for one in (shared, mine, other)}) == 3
        found = await asyncio.gather(
            *[asked(mine, a, id=number) for number in range(5)],
            *[asked(other, b, id=number) for number in range(5)],
        )
        assert [answer["result"]["by"] for answer in found] == ["a"] * 5 + ["b"] * 5
        # Clients that cannot be asked still share the primary connection.
        assert await upstreams.connect(server, "f", nothing, legacy(PLAIN, "a")) is shared


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        ("elicitation/create", {"action": "cancel"}),
        ("roots/list", {"roots": []}),
        ("ping", {}),
        ("sampling/createMessage", None),
    ],
)
async def test_a_question_outside_of_any_call_is_answered(
    tmp_path: Path, method: str, wanted: object
) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("legacy")
        connection = await upstreams.connect(server, "f", nothing, legacy(ELICITATION))
        await call(connection, "ask-later", {"method": method, "id": "late"})
        await asyncio.sleep(0.1)
        answer = json.loads(text_of(await call(connection, "said", {"id": "late"})))
        assert answer.get("result") == wanted
        if wanted is None:
            assert answer["error"]["code"] == -32601


# How many, and for how long.


async def test_lanes_that_nobody_uses_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot, "SWEEP_S", 0.05)
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("dual")
        primary = await upstreams.connect(server, "f", nothing)
        (held,) = upstreams._slots.values()
        held._on_question()
        idle = await upstreams.connect(server, "f", nothing, legacy(SAMPLING, "a"))
        busy = await upstreams.connect(server, "f", nothing, legacy(SAMPLING, "b"))
        pids = [
            json.loads(text_of(await call(one, "offered")))["pid"] for one in (primary, idle, busy)
        ]
        running = asyncio.ensure_future(call(busy, "echo", {"text": "done", "delay_ms": 500}))
        monkeypatch.setattr(slot, "LANE_IDLE_S", 0.2)
        await gone(pids[1])
        assert is_running(pids[0])
        assert is_running(pids[2])
        assert text_of(await running) == "done"
        await gone(pids[2])
        await until(lambda: held._sweeper is None)
        assert is_running(pids[0])
        again = await upstreams.connect(server, "f", nothing, legacy(SAMPLING, "a"))
        assert text_of(await call(again, "echo", {"text": "again"})) == "again"


async def test_the_children_of_one_token_end_with_it(tmp_path: Path) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("dual")
        await upstreams.connect(server, "f", nothing)
        (held,) = upstreams._slots.values()
        held._on_question()
        pids = {}
        for client in ("tok_a", "tok_a:session", "tok_ab", ""):
            lane = legacy(SAMPLING, client)
            connection = await upstreams.connect(server, "f", nothing, lane)
            pids[client] = json.loads(text_of(await call(connection, "offered")))["pid"]
        assert len(set(pids.values())) == 4
        upstreams.end_client("tok_a")
        await gone(pids["tok_a"])
        await gone(pids["tok_a:session"])
        assert is_running(pids["tok_ab"])
        assert is_running(pids[""])


async def test_lanes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot, "MAX_LANES", 2)
    gate = asyncio.Event()

    async def held_up(request: Request) -> None:
        await gate.wait()
        request.say("ok")

    async with RawMcp("legacy", held_up) as peer, open_upstreams(tmp_path) as upstreams:
        server = http_server(peer.url)

        async def connect(number: int) -> Connection:
            lane = legacy(b'{"n":%d}' % number)
            return await upstreams.connect(server, "f", nothing, lane)

        primary = await upstreams.connect(server, "f", nothing)
        first, second = await connect(1), await connect(2)
        assert await connect(1) is first
        third = await connect(3)  # The second was used least recently.
        assert lanes_of(upstreams) == 2
        await until(lambda: not second.is_alive)
        assert await connect(1) is first
        running = [asyncio.ensure_future(call(one, "add")) for one in (first, third)]
        await until(lambda: first.is_busy and third.is_busy)
        assert await connect(4) is primary
        (held,) = upstreams._slots.values()
        held._lanes[(b'{"n":5}', "")] = held._lanes[(b'{"n":1}', "")]
        held._asks = True
        lane = legacy(b'{"n":5}', "somebody")
        assert await upstreams.connect(server, "f", nothing, lane) is first
        gate.set()
        assert {text_of(reply) for reply in await asyncio.gather(*running)} == {"ok"}


async def test_a_lane_that_keeps_breaking_is_told_and_the_primary_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "FIRST_PAUSE_S", 60.0)
    monkeypatch.setattr(place, "LAST_PAUSE_S", 60.0)
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("dual")
        primary = await upstreams.connect(server, "f", nothing)
        lane = await upstreams.connect(server, "f", nothing, legacy())
        with pytest.raises(UpstreamError):
            await call(lane, "die")
        with pytest.raises(UpstreamError, match="keeps breaking"):
            await upstreams.connect(server, "f", nothing, legacy())
        assert code_of(await call(primary, "no-such-tool")) == -32602


async def test_lanes_end_with_their_launch_and_calls_on_them_end_well(tmp_path: Path) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("dual")
        lane = await upstreams.connect(server, "f1", nothing, legacy())
        running = asyncio.ensure_future(call(lane, "echo", {"text": "old", "delay_ms": 200}))
        await asyncio.sleep(0.05)
        new = await upstreams.connect(server, "f2", nothing, legacy())
        assert new is not lane
        assert text_of(await running) == "old"
        await until(lambda: not lane.is_alive)
        assert new.is_alive


async def test_what_is_closed_makes_no_more_lanes(tmp_path: Path) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("dual")
        await upstreams.connect(server, "f", nothing)
        (held,) = upstreams._slots.values()
        await upstreams.close()
        with pytest.raises(UpstreamError, match="was changed or is being stopped"):
            await held.connect(legacy())
