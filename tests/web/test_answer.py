"""An answer that takes long says so, and one whose client left goes on quietly."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from mcpgw.web import body
from mcpgw.web.answer import Answer
from mcpgw.web.errors import Answered
from mcpgw.web.stream import Streams
from tests.web.conftest import Client, modern_body, modern_headers


@pytest.mark.usefixtures("brisk")
async def test_silence_is_broken_by_comments(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.gate = asyncio.Event()
    task = asyncio.ensure_future(client.modern("tools/call", "git__log", name="git__log"))
    await git.entered.wait()
    await asyncio.sleep(0.1)
    git.gate.set()
    answered = await task
    assert answered.text.startswith(":")
    assert answered.text.count('"result"') == 1


@pytest.mark.usefixtures("brisk")
@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25"])
async def test_a_client_that_left_its_stream_is_not_written_to(
    client: Client, version: str
) -> None:
    git = await client.world.server("git", log="x")
    git.gate = asyncio.Event()
    session = await client.open(version)
    call = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "git__log"}}
    headers = {"Accept": "text/event-stream"}
    task = asyncio.ensure_future(client.legacy(session, call, **headers))
    await git.entered.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.sleep(0.1)
    git.gate.set()
    await client.world.journal.recorded.wait()
    await asyncio.sleep(0.02)
    assert (await client.ask("GET", "/healthz")).status == 200


async def test_a_body_that_never_comes_is_given_up(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "BODY_TIME_S", 0.05)
    host, port = client.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /ws/demo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {client.token}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in modern_headers("x").items())
    writer.write(f"{head}Content-Length: 100\r\n\r\n{modern_body('x')!r:.20}".encode())
    status = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    assert b" 408 " in status


def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)


def asking() -> web.BaseRequest:
    accepted = "application/json, text/event-stream"
    return make_mocked_request("POST", "/", headers={"Accept": accepted})


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json, text/event-stream", "application/json"),
        ("text/event-stream, application/json", "text/event-stream"),
        ("text/event-stream", "text/event-stream"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
    ],
)
async def test_the_form_is_the_one_that_the_client_names_first(
    client: Client, accept: str, content_type: str
) -> None:
    ping = {"jsonrpc": "2.0", "id": 3, "method": "ping"}
    answered = await client.legacy(await client.open(), ping, Accept=accept)
    assert answered.headers["Content-Type"] == content_type
    assert '"result":{}' in answered.text


async def test_a_comment_that_comes_after_the_end_is_not_written() -> None:
    """The beat and the result may fall into the same turn of the loop."""
    late = Answer(asking(), Streams(spawn), is_ended_by_leaving=False)
    with late:
        pass
    await late.comment()
    assert not late.is_streaming
    assert isinstance(await late.finish(b"{}"), Answered)


async def test_a_result_waits_for_the_comment_before_it() -> None:
    slow = Answer(asking(), Streams(spawn), is_ended_by_leaving=False)
    with slow:
        await slow.comment()
    assert not isinstance(await slow.finish(b"{}"), Answered)
