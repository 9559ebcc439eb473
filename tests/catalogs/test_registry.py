"""The registry as a stand-in on loopback plays it: honest, down, slow, huge or lying."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mcpgw.catalogs import registry as module
from mcpgw.catalogs.cache import AnswerCache
from mcpgw.catalogs.registry import Registry
from mcpgw.errors import InvalidInput, NotFound, UpstreamError
from tests.fakes import FakeClock


def server(name: str = "io.example/weather", **more: Any) -> dict[str, Any]:
    return {"server": {"name": name, "description": "d", "version": "1.0.0"} | more}


@dataclass
class StandIn:
    """Answers everything with `answer`; remembers the paths."""

    answer: web.Response | bytes = b"{}"
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.raw_path)
        if isinstance(self.answer, web.Response):
            return self.answer
        return web.Response(body=self.answer, content_type="application/json")

    def says(self, value: Any) -> None:
        self.answer = json.dumps(value).encode()


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    one = StandIn()
    runner = web.ServerRunner(web.Server(one.handle), shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def registry(stand_in: StandIn, tmp_path: Path, clock: FakeClock) -> Registry:
    return Registry(stand_in.url + "/", AnswerCache(tmp_path / "registry", clock.now))


async def test_a_search(stand_in: StandIn, registry: Registry) -> None:
    stand_in.says({"servers": [server(), server("io.example/b")], "metadata": {"count": 2}})
    found = await registry.find(["the", "weather"])
    assert [entry.slug for entry in found] == ["io.example/weather", "io.example/b"]
    assert stand_in.asked == ["/v0.1/servers?search=weather&version=latest&limit=100"]


async def test_one_server(stand_in: StandIn, registry: Registry) -> None:
    stand_in.says(server())
    assert (await registry.get("io.example/weather")).slug == "io.example/weather"
    assert stand_in.asked == ["/v0.1/servers/io.example%2Fweather/versions/latest"]


async def test_an_answer_is_kept_for_a_while(
    stand_in: StandIn, registry: Registry, clock: FakeClock
) -> None:
    stand_in.says({"servers": [server()]})
    for _ in range(3):
        assert len(await registry.find(["a"])) == 1
    assert len(stand_in.asked) == 1
    await registry.find(["b"])
    clock.pass_s(3601)
    await registry.find(["a"])
    assert len(stand_in.asked) == 3


async def test_an_answer_that_another_version_kept_is_asked_for_anew(
    stand_in: StandIn, registry: Registry, tmp_path: Path
) -> None:
    stand_in.says({"servers": [server()]})
    await registry.find(["a"])
    (kept,) = (tmp_path / "registry").iterdir()
    kept.write_bytes(b"other")
    os.utime(kept, (FakeClock().time, FakeClock().time))
    assert len(await registry.find(["a"])) == 1
    assert len(stand_in.asked) == 2


async def test_entries_that_lie_are_left_out(stand_in: StandIn, registry: Registry) -> None:
    bad = {"registryType": "npm", "identifier": "-c", "transport": {"type": "stdio"}}
    twice = server("io.example/twice", title="first"), server("io.example/twice", title="second")
    stand_in.says(
        {"servers": [server("no slash"), 7, server("io.example/x", packages=[bad]), *twice]}
    )
    found = await registry.find(["x"])
    assert [(entry.slug, entry.title) for entry in found] == [("io.example/twice", "first")]


async def test_a_page_holds_no_more_than_was_asked_for(
    stand_in: StandIn, registry: Registry
) -> None:
    stand_in.says({"servers": [server(f"io.example/s{n}") for n in range(500)]})
    assert len(await registry.find([])) == 100


async def test_another_server_than_was_asked_for(stand_in: StandIn, registry: Registry) -> None:
    stand_in.says(server("io.example/other"))
    with pytest.raises(UpstreamError, match="another server"):
        await registry.get("io.example/weather")


async def test_a_server_that_is_gone(stand_in: StandIn, registry: Registry) -> None:
    stand_in.answer = web.Response(status=404)
    with pytest.raises(NotFound):
        await registry.get("io.example/weather")


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html>", b"[]", b'{"servers":{}}', b"[" * 200_000, b'{"servers":[' + b"1," * 10**7],
)
async def test_answers_that_are_none(stand_in: StandIn, registry: Registry, answer: bytes) -> None:
    stand_in.answer = answer
    with pytest.raises(UpstreamError):
        await registry.find(["x"])
    stand_in.says({"servers": [server()]})
    assert len(await registry.find(["x"])) == 1, "what is no answer is not kept"


async def test_errors_and_redirects_are_no_answer(stand_in: StandIn, registry: Registry) -> None:
    stand_in.answer = web.Response(status=302, headers={"Location": f"{stand_in.url}/elsewhere"})
    with pytest.raises(UpstreamError, match="302"):
        await registry.find(["x"])
    assert len(stand_in.asked) == 1


async def test_a_registry_that_is_slow_or_down(
    stand_in: StandIn, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOTAL_S", 0.0001)
    with pytest.raises(UpstreamError, match="cannot be reached"):
        await registry.find(["x"])
    monkeypatch.setattr(module, "TOTAL_S", 5.0)
    nowhere = Registry("http://127.0.0.1:9", AnswerCache(tmp_path, FakeClock().now))
    with pytest.raises(UpstreamError, match="cannot be reached"):
        await nowhere.get("io.example/x")


@pytest.mark.parametrize("url", ["", "off", "file:///etc"])
async def test_no_registry(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInput, match="no registry is configured"):
        await Registry(url, AnswerCache(tmp_path, FakeClock().now)).find(["x"])
