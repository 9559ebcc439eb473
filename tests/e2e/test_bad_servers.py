"""A server that behaves badly harms its own call only, and that call ends with a clear error."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.caller import Caller, Heard
from tests.e2e.conftest import PEERS, Box, Served, http_peer

CALL_TIMEOUT_S = 4
LIMIT_S = 30
"""What a call may take on a busy machine; the gateway's own limit is CALL_TIMEOUT_S."""

MAX_GROWTH_BYTES = 64 << 20
"""A few copies of the largest message that is taken; far below what is thrown at the gateway."""

LATE = "did not answer in time"
TOO_LARGE = "gave an answer of more than 16777216 bytes"
EXITED = r"exited with code \d"
CLOSED = "closed the connection|reset the connection"
NO_RESULT = "ended its answer without a result"
NO_MCP = "answered with something that is (not MCP|no HTTP)"

Callers = tuple[Caller, Caller]


@pytest.fixture(scope="module")
def served(shared_box: Box) -> Iterator[Served]:
    box = shared_box
    box.environment["MCPGW_CALL_TIMEOUT"] = str(CALL_TIMEOUT_S)
    stdio = ("--", sys.executable, str(PEERS / "bad_stdio.py"))
    with http_peer(box, "bad_http.py") as url:
        box.run("server", "add", "bad-child", "--prefix", "child", *stdio)
        box.run("server", "add", "bad-web", "--prefix", "web", f"{url}/mcp")
        box.run("server", "add", "neighbour", *stdio)
        with box.serving() as running:
            yield running


@pytest.fixture(scope="module")
def token(shared_box: Box, served: Served) -> str:
    return shared_box.token()


@pytest.fixture
async def callers(served: Served, token: str) -> AsyncIterator[Callers]:
    """A legacy client and a modern one."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        modern = Caller(http, served.workspace_url, token)
        legacy = Caller(http, served.workspace_url, token)
        yield await legacy.open(), modern


async def echoes(caller: Caller, tool: str, count: int) -> None:
    """Insist that good calls get their own answers."""
    for number in range(count):
        text = f"{tool} {number} of {caller.session[:20]}"
        assert (await caller.call(tool, {"text": text, "delay_ms": 10})).text == text


async def misbehaving(
    callers: Callers, server: str, habit: str, *, is_shared: bool = True, token: str | None = None
) -> list[Heard]:
    """Return what comes of bad calls, one of each era, while good ones go on beside them.

    With `is_shared` also on the same server, which has both on one connection.
    """
    arguments = {"seconds": CALL_TIMEOUT_S * 1.5}
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        bad = [
            group.create_task(caller.call(f"{server}__{habit}", arguments, token))
            for caller in callers
        ]
        for caller in callers:
            group.create_task(echoes(caller, "neighbour__echo", 30))
            if is_shared:
                group.create_task(echoes(caller, f"{server}__echo", 15))
    return [task.result() for task in bad]


SILENT = [
    ("child", "garbage"),
    ("child", "wrong_id"),
    ("child", "late"),
    ("child", "endless"),
    ("web", "late"),
    ("web", "endless"),
]


async def test_whoever_gives_no_answer_is_given_up(callers: Callers) -> None:
    """All at the same time, for each costs the whole time of a call."""
    async with asyncio.TaskGroup() as group:
        given_up = [
            (server, group.create_task(misbehaving(callers, server, habit)))
            for server, habit in SILENT
        ]
    for server, task in given_up:
        for heard in task.result():
            assert heard.is_failed
            assert heard.text == f"server 'bad-{server}' {LATE}"
    for caller in callers:
        for server in ("child", "web"):
            await echoes(caller, f"{server}__echo", 3)


FAILURES = [
    # server, habit, what its call ends with, whether other calls of the same server go on
    ("child", "huge", TOO_LARGE, True),
    ("child", "huge_notice", TOO_LARGE, False),  # nobody can say which call it is about
    ("child", "half", EXITED, False),
    ("child", "leave", EXITED, False),
    ("web", "garbage", NO_MCP, True),
    ("web", "garbage_stream", NO_RESULT, True),
    ("web", "no_http", NO_MCP, True),
    ("web", "page", NO_MCP, True),
    ("web", "wrong_id", "answered another request than ours", True),
    ("web", "wrong_id_stream", NO_RESULT, True),
    ("web", "huge", TOO_LARGE, True),
    ("web", "huge_stream", TOO_LARGE, True),
    ("web", "huge_notice", TOO_LARGE, True),
    ("web", "half", CLOSED, True),
    ("web", "half_stream", CLOSED, True),
    ("web", "leave", CLOSED, True),
]


@pytest.mark.parametrize(("server", "habit", "error", "is_shared"), FAILURES)
async def test_a_bad_server_harms_only_its_own_call(
    callers: Callers, server: str, habit: str, error: str, is_shared: bool
) -> None:
    for heard in await misbehaving(callers, server, habit, is_shared=is_shared):
        assert heard.is_failed
        assert re.search(f"server 'bad-{server}' ({error})", heard.text), heard.text
    for caller in callers:
        await echoes(caller, f"{server}__echo", 3)


@pytest.mark.parametrize("server", ["child", "web"])
async def test_of_several_answers_the_first_counts(callers: Callers, server: str) -> None:
    for heard in await misbehaving(callers, server, "duplicate_id"):
        assert heard.text == "first"


@pytest.mark.parametrize("server", ["child", "web"])
async def test_endless_news_end_with_the_call(callers: Callers, server: str) -> None:
    """Progress that somebody wants to hear keeps nobody busy beyond the time of the call."""
    for heard in await misbehaving(callers, server, "endless", token="mine"):
        assert heard.text == f"server 'bad-{server}' {LATE}"
        tokens = {item["params"].get("progressToken") for item in heard.notifications}
        assert "mine" in tokens
        assert tokens <= {"mine", None}  # None: what the server logs
    for caller in callers:
        await echoes(caller, f"{server}__echo", 3)


def peak_bytes(served: Served) -> int:
    """Return the most memory that the gateway ever had."""
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


async def test_the_memory_stays_bounded(box: Box) -> None:
    """400 MB of what is too large, on a gateway of its own."""
    with http_peer(box, "bad_http.py") as url:
        box.run("server", "add", "child", "--", sys.executable, str(PEERS / "bad_stdio.py"))
        box.run("server", "add", "web", f"{url}/mcp")
        token = box.token()
        with box.serving() as served:
            async with aiohttp.ClientSession() as http:
                caller = Caller(http, served.workspace_url, token)
                await echoes(caller, "child__echo", 1)
                before = peak_bytes(served)
                habits = ("child__huge", "child__huge_notice", "web__huge", "web__huge_stream")
                for habit in habits * 5:
                    assert TOO_LARGE in (await caller.call(habit, {})).text
                assert peak_bytes(served) - before < MAX_GROWTH_BYTES


def test_the_log_holds_no_traceback(served: Served, shared_box: Box) -> None:
    log = (shared_box.home / "serve.log").read_text()
    assert served.url in log
    for sign in ("Traceback", "internal error", "background work failed", "Exception"):
        assert sign not in log
