"""One child, many calls: every answer finds its caller, and a bad server costs its own calls."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcpgw.errors import HeadersRefused, NotFound, UpstreamError, UpstreamTimeout
from mcpgw.gateway.ports import Deliver, Fill
from mcpgw.model.server import Server, StdioLaunch
from mcpgw.protocol.exchange import Notification
from mcpgw.upstream import child, stdio
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.in_flight import MAX_NOTIFICATIONS
from mcpgw.upstream.stdio import StdioTransport
from tests.live import call, code_of, echo_server, filled, nothing, open_upstreams, text_of
from tests.process import gone, is_running, until

LIMIT = 100_000


@asynccontextmanager
async def talking(
    tmp_path: Path, *habits: str, fill: Fill = nothing, **launch: Any
) -> AsyncIterator[Connection]:
    async with open_upstreams(tmp_path, max_message_bytes=LIMIT) as upstreams:
        yield await upstreams.connect(echo_server(*habits, **launch), "f", fill)


def transport_of(connection: Connection) -> StdioTransport:
    transport = connection._transport
    assert isinstance(transport, StdioTransport)
    return transport


async def test_late_unknown_and_second_answers_reach_nobody(tmp_path: Path) -> None:
    async with talking(tmp_path, "modern") as connection:
        assert text_of(await call(connection, "strangers")) == "yours"
        assert text_of(await call(connection, "twice")) == "first"
        late = call(connection, "echo", {"text": "late", "delay_ms": 100}, timeout_s=0.02)
        with pytest.raises(UpstreamTimeout):
            await late
        assert text_of(await call(connection, "echo", {"text": "x", "delay_ms": 150})) == "x"
        transport = transport_of(connection)
        assert transport.dropped >= 6
        assert transport.stray_lines == 2


async def test_lines_that_are_no_messages_are_warned_about_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with talking(tmp_path, "modern", "chatty") as connection:
            await call(connection, "strangers")
    warnings = [record.getMessage() for record in caplog.records if record.name == "mcpgw.upstream"]
    assert len(warnings) == 1
    assert "Welcome" not in warnings[0]


async def test_the_questions_of_a_server_are_answered(tmp_path: Path) -> None:
    async with talking(tmp_path, "modern") as connection:
        answers = json.loads(text_of(await call(connection, "questions")))
    assert [answer.get("result") for answer in answers] == [
        {},
        {"roots": []},
        None,
        {"action": "cancel"},
    ]
    assert answers[2]["error"]["code"] == -32601


async def test_a_slow_client_loses_old_progress_and_holds_nobody_up(tmp_path: Path) -> None:
    gate = asyncio.Event()
    seen: list[int] = []

    async def slow(notification: Notification) -> None:
        await gate.wait()
        seen.append(json.loads(bytes(notification.params))["progress"])

    async with talking(tmp_path, "modern") as connection:
        slow_call = asyncio.ensure_future(
            call(connection, "progress", {"steps": 1000}, deliver=slow)
        )
        assert (
            text_of(await call(connection, "echo", {"text": "quick", "delay_ms": 100})) == "quick"
        )
        assert not slow_call.done()
        gate.set()
        assert text_of(await slow_call) == "done"
    # The first one was being delivered when the others came.
    assert len(seen) <= MAX_NOTIFICATIONS + 1
    assert seen[-MAX_NOTIFICATIONS:] == list(range(1000 - MAX_NOTIFICATIONS, 1000))


async def test_who_takes_progress_too_slowly_runs_out_of_time(tmp_path: Path) -> None:
    async def never(notification: Notification) -> None:
        await asyncio.sleep(60)

    async with talking(tmp_path, "modern") as connection:
        with pytest.raises(UpstreamTimeout):
            await call(connection, "progress", {"steps": 1}, deliver=never, timeout_s=0.1)
        assert not connection.is_busy


async def test_an_error_of_who_takes_progress_takes_the_request_back(tmp_path: Path) -> None:
    async def deliver(notification: Notification) -> None:
        raise ConnectionResetError("the client left")

    async with talking(tmp_path, "modern") as connection:
        with pytest.raises(ConnectionResetError):
            await call(connection, "never", deliver=deliver)
        process = transport_of(connection)._child
        await until(lambda: process.last_words([]).startswith("cancelled "))


async def test_progress_that_nobody_wants_is_dropped(tmp_path: Path) -> None:
    async with talking(tmp_path, "modern") as connection:
        assert text_of(await call(connection, "progress", {"steps": 3})) == "done"
        assert transport_of(connection).dropped == 3


@pytest.mark.parametrize("how", ["timeout", "cancel"])
async def test_a_request_is_taken_back(tmp_path: Path, how: str) -> None:
    has_begun = asyncio.Event()

    async def deliver(notification: Notification) -> None:
        has_begun.set()

    async with talking(tmp_path, "legacy") as connection:
        running = asyncio.ensure_future(call(connection, "never", deliver=deliver, timeout_s=0.3))
        await has_begun.wait()
        if how == "cancel":
            running.cancel()
        await asyncio.wait([running])
        assert running.cancelled() or isinstance(running.exception(), UpstreamTimeout)
        process = transport_of(connection)._child
        await until(lambda: process.last_words([]).startswith("cancelled "))


@pytest.mark.parametrize(
    ("tool", "words"),
    [("big", "more than 100000 bytes"), ("big-backwards", "more than 100000 bytes")],
)
async def test_an_answer_that_is_too_large_fails_its_own_call(
    tmp_path: Path, tool: str, words: str
) -> None:
    async with talking(tmp_path, "modern") as connection:
        neighbour = asyncio.ensure_future(
            call(connection, "echo", {"text": "fine", "delay_ms": 200})
        )
        with pytest.raises(UpstreamError, match=words):
            await call(connection, tool, {"size": 2 * LIMIT})
        assert text_of(await neighbour) == "fine"
        assert len(text_of(await call(connection, "big", {"size": LIMIT // 2}))) == LIMIT // 2


async def ignore(notification: Notification) -> None:
    """Take it, and do nothing."""


@pytest.mark.parametrize("deliver", [None, ignore])
async def test_progress_without_end_costs_its_own_call(
    tmp_path: Path, deliver: Deliver | None
) -> None:
    async with talking(tmp_path, "modern") as connection:
        neighbour = asyncio.ensure_future(
            call(connection, "echo", {"text": "fine", "delay_ms": 300})
        )
        with pytest.raises(UpstreamTimeout):
            await call(connection, "flood", deliver=deliver, timeout_s=0.2)
        assert text_of(await neighbour) == "fine"


async def test_refused_headers_cost_no_connection(tmp_path: Path) -> None:
    async with talking(tmp_path, "modern") as connection:
        with pytest.raises(HeadersRefused):
            await call(connection, "header-error")
        assert connection.is_alive


async def test_log_messages_reach_the_only_call(tmp_path: Path) -> None:
    heard: list[str] = []

    async def deliver(notification: Notification) -> None:
        heard.append(json.loads(bytes(notification.params))["data"])

    async with talking(tmp_path, "legacy") as connection:
        await call(connection, "log", {"text": "alone"}, deliver=deliver)
        given = {"delay_ms": 200}
        await asyncio.gather(
            *[
                call(
                    connection,
                    "log",
                    {"text": str(number), **given},
                    deliver=deliver,
                    client=str(number),
                )
                for number in range(2)
            ]
        )
    assert heard == ["alone"]  # Whose the others are cannot be told.


async def test_a_message_too_large_to_recognise_fails_every_call(tmp_path: Path) -> None:
    async with talking(tmp_path, "modern") as connection:
        neighbour = asyncio.ensure_future(call(connection, "never"))
        with pytest.raises(UpstreamError, match="more than"):
            await call(connection, "big-notice", {"size": 2 * LIMIT})
        with pytest.raises(UpstreamError, match="more than"):
            await neighbour
        assert text_of(await call(connection, "echo", {"text": "next"})) == "next"


async def test_an_answer_that_comes_too_late_to_be_too_large(tmp_path: Path) -> None:
    async with talking(tmp_path, "modern") as connection:
        transport_of(connection)._on_line(b'{"id":77,"result":{}}')
        assert transport_of(connection).dropped == 1


async def test_errors_of_the_server_are_replies_but_not_those_about_our_speech(
    tmp_path: Path,
) -> None:
    async with talking(tmp_path, "modern") as connection:
        assert code_of(await call(connection, "no-such-tool")) == -32602
        with pytest.raises(UpstreamError, match="without a result"):
            await call(connection, "neither")
        assert connection.is_alive
        with pytest.raises(UpstreamError, match="how we speak"):
            await call(connection, "era-error")
        assert not connection.is_alive


async def test_a_child_that_dies_fails_what_runs_and_says_why_without_secrets(
    tmp_path: Path,
) -> None:
    fill = filled(("CANARY", "s3cret value"))
    async with talking(tmp_path, "modern", fill=fill) as connection:
        neighbour = asyncio.ensure_future(call(connection, "never"))
        with pytest.raises(UpstreamError) as caught:
            await call(connection, "die")
        assert caught.value.message == "server 'echo' exited with code 7: dying of ***"
        for late in (neighbour, call(connection, "echo", {"text": "x"})):
            with pytest.raises(UpstreamError, match="exited with code 7"):
                await late
        assert not connection.is_busy


async def test_last_words_are_left_out_when_secrets_cannot_be_opened(tmp_path: Path) -> None:
    is_open = True

    def fill() -> Sequence[tuple[str, str]]:
        if not is_open:
            raise NotFound("the secret is gone")
        return (("CANARY", "s3cret"),)

    async with talking(tmp_path, "modern", fill=fill) as connection:
        is_open = False
        with pytest.raises(UpstreamError) as caught:
            await call(connection, "die")
        assert caught.value.message == "server 'echo' exited with code 7"


async def test_a_child_that_is_killed_says_so(tmp_path: Path) -> None:
    async with talking(tmp_path, "modern") as connection:
        running = asyncio.ensure_future(call(connection, "never"))
        await asyncio.sleep(0.05)
        transport_of(connection)._child._signal_group(9)
        with pytest.raises(UpstreamError, match="was ended by signal 9"):
            await running


@pytest.mark.asyncio(loop_factories=["asyncio"])  # Children of uvloop hold copies of their pipes.
async def test_a_child_that_closes_its_output_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "GRACE_S", 0.2)
    monkeypatch.setattr(stdio, "LAST_WORDS_S", 0.01)
    async with talking(tmp_path, "modern", "deaf") as connection:
        running = asyncio.ensure_future(call(connection, "close-stdout"))
        await until(lambda: not connection.is_alive)
        with pytest.raises(UpstreamError, match="closed its output"):
            await call(connection, "echo", {"text": "x"})
        with pytest.raises(UpstreamError, match="ended by signal 9"):
            await running


async def test_a_child_that_reads_nothing_costs_time_and_no_memory(tmp_path: Path) -> None:
    async with talking(tmp_path, "modern") as connection:
        stalled = asyncio.ensure_future(call(connection, "stall", {"seconds": 0.5}))
        await asyncio.sleep(0.05)
        first = asyncio.ensure_future(call(connection, "echo", {"text": "x" * 2_000_000}))
        await asyncio.sleep(0.05)
        with pytest.raises(UpstreamTimeout):
            await call(connection, "echo", {"text": "second"}, timeout_s=0.05)
        third = asyncio.ensure_future(call(connection, "echo", {"text": "third"}))
        with pytest.raises(UpstreamError, match="more than"):
            await first  # Read at last, and echoed.
        assert text_of(await third) == "third"
        stalled.cancel()
        await asyncio.wait([stalled])


async def test_it_sees_what_was_declared_in_a_directory_of_its_own(tmp_path: Path) -> None:
    fill = filled(("API_KEY", "s3cret"), ("PATH", "/bin"))
    async with talking(tmp_path / "deep", "modern", fill=fill) as connection:
        seen = json.loads(text_of(await call(connection, "environment")))
    assert seen["API_KEY"] == "s3cret"
    assert seen["PATH"] == "/bin"
    assert seen["cwd"] == str(tmp_path / "deep" / "echo")
    assert (tmp_path / "deep" / "echo").stat().st_mode & 0o777 == 0o700
    assert "PYTEST_CURRENT_TEST" not in seen


async def test_a_directory_can_be_given(tmp_path: Path) -> None:
    async with talking(tmp_path, "modern", cwd="/") as connection:
        assert json.loads(text_of(await call(connection, "environment")))["cwd"] == "/"


async def test_a_value_that_no_environment_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match="CANARY") as caught:
        async with talking(tmp_path, "modern", fill=filled(("CANARY", "a\0b"))):
            pass
    assert "a\0b" not in str(caught.value)


async def test_everything_that_it_started_ends_with_it(tmp_path: Path) -> None:
    async with talking(tmp_path, "modern") as connection:
        pids = json.loads(text_of(await call(connection, "breed")))
        assert all(is_running(pid) for pid in pids)
    await gone(*pids)


async def test_everything_that_it_started_ends_when_it_dies(tmp_path: Path) -> None:
    async with talking(tmp_path, "modern") as connection:
        pids = json.loads(text_of(await call(connection, "breed")))
        with pytest.raises(UpstreamError):
            await call(connection, "die")
        await gone(*pids)


@pytest.mark.parametrize("attempt", range(3))
async def test_a_command_that_ends_at_once_is_quoted(tmp_path: Path, attempt: int) -> None:
    """It is gone before the first request, and its complaint may come after its end."""
    command = ("sh", "-c", "echo dying of thirst >&2; exit 3")
    server = Server("sh", "w", "sh", "sh", StdioLaunch(command), True, 0.0)
    async with open_upstreams(tmp_path) as upstreams:
        with pytest.raises(UpstreamError, match="exited with code 3: dying of thirst"):
            await upstreams.connect(server, "print", nothing)
