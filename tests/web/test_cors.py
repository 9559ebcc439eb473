"""Pages of foreign origins: those that the settings name, where functions are called, no others."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mcpgw.web.app import serving
from tests.web.conftest import Client, listening

PAGE = "https://webui.example"
CALLS = "/ws/demo/v1/tool-calls"


@pytest.fixture
async def open_to(client: Client) -> AsyncIterator[Client]:
    """A door that serves the pages of one origin."""
    where = listening(cors_origins=(PAGE,))
    async with serving(client.world.gateway, where) as url:
        await client.world.server("git", log="x")
        yield replace(client, url=url)


ASKING = {"Origin": PAGE, "Sec-Fetch-Site": "cross-site"}
SHARED = [
    ("GET", "/ws/demo/v1/tools"),
    ("GET", "/ws/demo/openapi.json"),
    ("POST", "/ws/demo/v1/tools/git__log"),
    ("POST", CALLS),
]


@pytest.mark.parametrize(("method", "path"), SHARED)
async def test_a_page_that_is_named_may_call(open_to: Client, method: str, path: str) -> None:
    body = {} if method == "GET" else {"json": {"calls": [{"name": "git__log"}]}}
    answered = await open_to.ask(method, path, headers=ASKING, **body)
    assert answered.status == 200
    assert answered.headers["Access-Control-Allow-Origin"] == PAGE
    assert answered.headers["Vary"] == "Origin"
    refused = await open_to.ask(method, path, headers={**ASKING, "Authorization": "no"}, **body)
    assert refused.status == 401
    assert refused.headers["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize(("method", "path"), SHARED)
async def test_a_browser_asks_first_without_a_token(
    open_to: Client, method: str, path: str
) -> None:
    asking = {"Authorization": "", "Access-Control-Request-Method": method, **ASKING}
    answered = await open_to.ask("OPTIONS", path, headers=asking)
    assert (answered.status, answered.text) == (204, "")
    assert answered.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Authorization" in answered.headers["Access-Control-Allow-Headers"]
    assert method in answered.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in answered.headers
    assert "Access-Control-Allow-Private-Network" not in answered.headers
    private = {**asking, "Access-Control-Request-Private-Network": "true"}
    answered = await open_to.ask("OPTIONS", path, headers=private)
    assert answered.headers["Access-Control-Allow-Private-Network"] == "true"


async def test_a_preflight_says_nothing_of_workspaces(open_to: Client) -> None:
    said = set()
    for path in (CALLS, "/ws/nowhere/v1/tool-calls"):
        answered = await open_to.ask("OPTIONS", path, headers={"Authorization": "", **ASKING})
        kept = {k: v for k, v in answered.headers.items() if k != "Date"}
        said.add((answered.status, repr(sorted(kept.items()))))
    assert len(said) == 1


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://webui.example", "https://webui.example:8443", "null"],
)
async def test_no_other_page_may(open_to: Client, origin: str) -> None:
    for method, path in (*SHARED, ("OPTIONS", CALLS)):
        answered = await open_to.ask(method, path, headers={"Origin": origin})
        assert answered.status == 403
        assert "Access-Control-Allow-Origin" not in answered.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/ws/demo"), ("GET", "/ws/demo"), ("GET", "/healthz"), ("GET", "/ws/demo/sse")],
)
async def test_a_page_may_nothing_else(open_to: Client, method: str, path: str) -> None:
    answered = await open_to.ask(method, path, headers=ASKING)
    assert answered.status == 403
    assert "Access-Control-Allow-Origin" not in answered.headers


async def test_without_the_setting_nobody_may(client: Client) -> None:
    for method, path in (*SHARED, ("OPTIONS", CALLS)):
        assert (await client.ask(method, path, headers=ASKING)).status == 403


async def test_programs_are_told_nothing_of_pages(open_to: Client) -> None:
    answered = await open_to.ask("GET", "/ws/demo/v1/tools")
    assert "Access-Control-Allow-Origin" not in answered.headers
    bare = await open_to.ask("OPTIONS", CALLS)
    assert bare.status == 204
    assert "Access-Control-Allow-Methods" not in bare.headers


async def test_events_reach_pages_too(open_to: Client) -> None:
    body = {"calls": [{"name": "git__log"}]}
    async with open_to.stream("POST", CALLS, json=body, headers=ASKING) as reading:
        assert reading.headers["Access-Control-Allow-Origin"] == PAGE
        assert (await reading.rest())[-1].kind == "done"
