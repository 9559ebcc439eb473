"""One connection per server and launch: shared, replaced, remembered when it fails, ended."""

import asyncio
import json
import os
import signal
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from mcpgw.config import base_environment
from mcpgw.errors import NotFound, UpstreamError
from mcpgw.upstream import place, slot
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.pool import Upstreams
from tests.live import (
    call,
    echo_server,
    filled,
    http_server,
    nothing,
    open_upstreams,
    spawning,
    text_of,
)
from tests.peers.raw_http import RawHttp, RawMcp, Request
from tests.process import gone, is_running, until


async def slowly(request: Request) -> None:
    await asyncio.sleep(0.2)
    request.say("slow")


async def quickly(request: Request) -> None:
    request.say("ok")


async def pid_of(connection: Connection) -> int:
    pid = json.loads(text_of(await call(connection, "breed")))[0]
    assert isinstance(pid, int)
    return pid


async def test_callers_share_one_connection_and_one_attempt(tmp_path: Path) -> None:
    async with RawMcp("legacy", quickly) as peer, open_upstreams(tmp_path) as upstreams:
        server = http_server(peer.url)
        connections = await asyncio.gather(
            *[upstreams.connect(server, "f", nothing) for _ in range(20)]
        )
        assert len({id(connection) for connection in connections}) == 1
        assert await upstreams.connect(server, "f", nothing) is connections[0]
        assert len(peer.sessions) == 1


async def test_a_cancelled_caller_does_not_end_the_attempt_of_others(tmp_path: Path) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("modern")
        first, second = (
            asyncio.ensure_future(upstreams.connect(server, "f", nothing)) for _ in range(2)
        )
        await asyncio.sleep(0.001)
        first.cancel()
        assert (await second).is_alive
        assert first.cancelled()


async def test_a_changed_launch_gets_a_new_connection_and_running_calls_end_well(
    tmp_path: Path,
) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("modern")
        old = await upstreams.connect(server, "f1", filled(("KEY", "one")))
        running = asyncio.ensure_future(call(old, "echo", {"text": "old", "delay_ms": 300}))
        await asyncio.sleep(0.05)
        new = await upstreams.connect(server, "f2", filled(("KEY", "two")))
        assert json.loads(text_of(await call(new, "environment")))["KEY"] == "two"
        assert text_of(await running) == "old"
        await until(lambda: not old.is_alive)
        assert new.is_alive


async def test_what_was_started_is_counted_through_changes(tmp_path: Path) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("modern")
        assert upstreams.starts(server.id) == 0
        first = await upstreams.connect(server, "f1", nothing)
        await upstreams.connect(server, "f1", nothing)
        assert upstreams.starts(server.id) == 1
        os.kill(await pid_of(first), signal.SIGKILL)
        await until(lambda: not first.is_alive)
        await upstreams.connect(server, "f1", nothing)
        assert upstreams.starts(server.id) == 2
        await upstreams.connect(server, "f2", nothing)
        assert upstreams.starts(server.id) == 3


async def test_a_call_that_goes_on_too_long_ends_with_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "DRAIN_S", 0.1)
    async with open_upstreams(tmp_path) as upstreams:
        old = await upstreams.connect(echo_server("modern"), "f", nothing)
        running = asyncio.ensure_future(call(old, "never"))
        await asyncio.sleep(0.05)
        await upstreams.keep_only({})
        with pytest.raises(UpstreamError):
            await running


async def test_only_what_is_kept_stays(tmp_path: Path) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        names = ("kept", "gone", "changed")
        connections = {
            name: await upstreams.connect(echo_server("modern", name=name), "f", nothing)
            for name in names
        }
        pids = {name: await pid_of(connection) for name, connection in connections.items()}
        await upstreams.keep_only({"kept": "f", "changed": "other", "unknown": "f"})
        await gone(pids["gone"], pids["changed"])
        assert is_running(pids["kept"])
        assert (
            await upstreams.connect(echo_server("modern", name="kept"), "f", nothing)
            is (connections["kept"])
        )


async def test_a_server_that_is_gone_before_it_answered(tmp_path: Path) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        connecting = asyncio.ensure_future(
            upstreams.connect(echo_server("modern", "silent"), "f", nothing)
        )
        await asyncio.sleep(0.05)
        await upstreams.keep_only({})
        with pytest.raises(UpstreamError, match="was changed"):
            await connecting


async def test_a_failure_is_remembered_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(request: Request) -> None:
        request.answer(503)

    async with RawHttp(broken) as peer, open_upstreams(tmp_path) as upstreams:
        server = http_server(peer.url)
        for _ in range(20):
            with pytest.raises(UpstreamError, match="failed \\(503\\)"):
                await upstreams.connect(server, "f", nothing)
        assert len(peer.requests) == 1
        with pytest.raises(UpstreamError):  # Launched otherwise, it gets its own chance.
            await upstreams.connect(server, "f2", nothing)
        assert len(peer.requests) == 2
        monkeypatch.setattr(place, "FAILURE_S", 0.0)
        with pytest.raises(UpstreamError):
            await upstreams.connect(server, "f2", nothing)
        assert len(peer.requests) == 3


async def test_a_secret_that_cannot_be_opened_is_told_as_it_is(tmp_path: Path) -> None:
    def fill() -> Sequence[tuple[str, str]]:
        raise NotFound("the secret is gone")

    async with RawMcp("modern", quickly) as peer, open_upstreams(tmp_path) as upstreams:
        for server in (http_server(peer.url), echo_server("modern")):
            with pytest.raises(NotFound):
                await upstreams.connect(server, "f", fill)
        assert peer.requests == []


async def test_a_child_that_died_is_started_again(tmp_path: Path) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("modern")
        first = await upstreams.connect(server, "f", nothing)
        with pytest.raises(UpstreamError):
            await call(first, "die")
        second = await upstreams.connect(server, "f", nothing)
        assert second is not first
        assert text_of(await call(second, "echo", {"text": "again"})) == "again"


async def test_what_keeps_breaking_is_started_ever_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(place, "MAX_WAIT_S", 0.3)
    async with open_upstreams(tmp_path) as upstreams:
        server = echo_server("modern", "brief")
        started = 0
        with pytest.raises(UpstreamError, match="'echo' keeps breaking; the next start is in 1 s"):
            while started < 10:
                connection = await upstreams.connect(server, "f", nothing)
                started += 1
                with pytest.raises(UpstreamError):
                    await call(connection, "never")
        assert 2 <= started <= 4
        # Once it has lived long, its end is no habit.
        monkeypatch.setattr(place, "LAST_PAUSE_S", 0.01)
        assert (await upstreams.connect(server, "f", nothing)).is_alive


async def test_a_legacy_server_is_not_probed_again_for_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def once(request: Request) -> None:
        request.answer(400)  # No longer the server that it was.

    async with RawMcp("legacy", once) as peer, open_upstreams(tmp_path) as upstreams:
        server = http_server(peer.url)

        async def probes_after_a_break() -> int:
            connection = await upstreams.connect(server, "f", nothing)
            with pytest.raises(UpstreamError):
                await call(connection, "add")
            methods = [one.message["method"] for one in peer.requests if one.message]
            return methods.count("server/discover")

        monkeypatch.setattr(place, "FIRST_PAUSE_S", 0.0)
        assert await probes_after_a_break() == 1
        assert await probes_after_a_break() == 1
        monkeypatch.setattr(slot, "ERA_KNOWN_S", -1.0)
        upstreams._slots["web"]._legacy_until = 0.0
        assert await probes_after_a_break() == 2
        # And what is remembered is forgotten with the first failure.
        upstreams._slots["web"]._legacy_until = float("inf")
        peer.era = "modern"
        with pytest.raises(UpstreamError):
            await upstreams.connect(server, "f", nothing)
        monkeypatch.setattr(place, "FAILURE_S", 0.0)
        assert (await upstreams.connect(server, "f", nothing)).era == "modern"


async def test_list_changes_of_every_server_reach_every_listener(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []
    async with open_upstreams(tmp_path) as upstreams:
        for _ in range(2):
            upstreams.on_change(lambda server_id, change: heard.append((server_id, change.method)))
        for name in ("one", "two"):
            server = echo_server("modern", name=name)
            await call(await upstreams.connect(server, "f", nothing), "strangers")
    method = "notifications/tools/list_changed"
    assert heard == [("one", method)] * 2 + [("two", method)] * 2


async def test_closing_ends_what_was_retiring_when_the_background_was_cancelled(
    tmp_path: Path,
) -> None:
    async with spawning() as outer:
        tasks = []

        def spawn(work: Coroutine[Any, Any, None]) -> object:
            tasks.append(outer(work))
            return tasks[-1]

        upstreams = Upstreams(spawn=spawn, base_environment=base_environment(), directory=tmp_path)
        connection = await upstreams.connect(echo_server("modern"), "f", nothing)
        pid = await pid_of(connection)
        running = asyncio.ensure_future(call(connection, "never"))
        await asyncio.sleep(0.05)
        await upstreams.keep_only({})
        await asyncio.sleep(0.05)
        for task in tasks:
            assert isinstance(task, asyncio.Task)
            task.cancel()
        await asyncio.sleep(0.05)
        await upstreams.close()
        assert not is_running(pid)
        with pytest.raises(UpstreamError):
            await running


async def test_closing_ends_everything_and_may_be_repeated(tmp_path: Path) -> None:
    async with RawMcp("modern", slowly) as peer, open_upstreams(tmp_path) as upstreams:
        over_http = await upstreams.connect(http_server(peer.url), "f", nothing)
        over_stdio = await upstreams.connect(echo_server("modern"), "f", nothing)
        pid = await pid_of(over_stdio)
        running = [
            asyncio.ensure_future(call(over_http, "add")),
            asyncio.ensure_future(call(over_stdio, "never")),
        ]
        await asyncio.sleep(0.05)
        await upstreams.keep_only({"web": "f"})  # One is retiring, one is live.
        await upstreams.close()
        await upstreams.close()
        for result in await asyncio.gather(*running, return_exceptions=True):
            assert isinstance(result, UpstreamError)
        await gone(pid)
