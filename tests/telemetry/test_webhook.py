"""What is posted arrives, and what goes wrong is told without the URL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mcpgw.errors import UpstreamError
from mcpgw.telemetry.webhook import post

SECRET = "canary-in-a-url"


@dataclass
class Hook:
    """A server that keeps what it is sent."""

    url: str = ""
    status: int = 200
    is_silent: bool = False
    bodies: list[Any] = field(default_factory=list)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()

    async def take(request: web.BaseRequest) -> web.Response:
        assert request.content_type == "application/json"
        hook.bodies.append(msgspec.json.decode(await request.read()))
        if hook.is_silent:
            assert request.transport is not None
            request.transport.close()
        headers = {"Location": hook.url} if hook.status == 307 else {}
        return web.Response(status=hook.status, headers=headers)

    app = web.Application()
    app.router.add_post(f"/{SECRET}", take)
    async with TestServer(app) as server:
        hook.url = str(server.make_url(f"/{SECRET}"))
        yield hook


async def test_what_is_posted_arrives(hook: Hook) -> None:
    assert await post(hook.url, {"a": [1, "é"]})
    assert hook.bodies == [{"a": [1, "é"]}]


@pytest.mark.parametrize("status", [307, 404, 500])
async def test_a_webhook_that_does_not_take_it(hook: Hook, status: int) -> None:
    hook.status = status
    with pytest.raises(UpstreamError, match=f"answered with status {status}") as raised:
        await post(hook.url, {})
    assert len(hook.bodies) == 1
    assert SECRET not in f"{raised.value.message} {raised.value.hint}"


async def test_one_that_took_it_and_does_not_answer(hook: Hook) -> None:
    hook.is_silent = True
    assert not await post(hook.url, {})
    assert len(hook.bodies) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/{}",
        "http://no-such-host.invalid/{}",
        "http://[broken/{}",
        "ftp://127.0.0.1/{}",
    ],
)
async def test_a_webhook_that_cannot_be_reached(url: str) -> None:
    with pytest.raises(UpstreamError, match="cannot be reached") as raised:
        await post(url.format(SECRET), {})
    assert SECRET not in f"{raised.value.message} {raised.value.hint}"
    assert raised.value.__cause__ is None
