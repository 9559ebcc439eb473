"""What a person sees who opens a workspace's URL in a browser."""

import base64
import hashlib
import re

import pytest

from mcpgw.web.connect import PAGE
from tests.web.conftest import Answered, Client

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def browse(client: Client, path: str, method: str = "GET", **headers: str) -> Answered:
    """Open a path without a token."""
    sent = BROWSER | {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.http.request(method, client.url + path, headers=sent) as response:
        return Answered(response.status, response.headers, await response.text(), None)


async def test_the_same_page_for_every_workspace_there_is_or_not(client: Client) -> None:
    said = set()
    for path in ("/ws/demo", "/ws/demo/mcp", "/ws/nowhere", "/ws/NOT-A-SLUG", "/ws/demo?x=1"):
        answered = await browse(client, path)
        kept = {k: v for k, v in answered.headers.items() if k != "Date"}
        said.add((answered.status, answered.text, repr(sorted(kept.items()))))
    ((status, text, _),) = said
    assert status == 200
    assert "mcpgw connect claude-code" in text
    assert "demo" not in text
    assert client.url not in text


async def test_a_foreign_page_gets_nothing_here_either(client: Client) -> None:
    assert (await browse(client, "/ws/demo", Sec_Fetch_Site="cross-site")).status == 403
    assert (await browse(client, "/ws/demo", Sec_Fetch_Site="none")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/ws/demo", {"Accept": "text/event-stream"}, 401),
        ("GET", "/ws/demo", {"Accept": "*/*"}, 401),
        ("GET", "/ws/demo", {"Authorization": "Bearer x"}, 401),
        ("GET", "/ws/demo", {"X_API_Key": "x"}, 401),
        ("POST", "/ws/demo", {}, 401),
        ("GET", "/ws/demo/sse", {}, 401),
        ("GET", "/nothing", {}, 404),
    ],
)
async def test_nobody_else_gets_it(
    client: Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answered = await browse(client, path, method, **headers)
    assert answered.status == status
    assert "<html" not in answered.text


async def test_it_runs_and_loads_nothing(client: Client) -> None:
    answered = await browse(client, "/ws/demo")
    style = re.search(rb"<style>(.*?)</style>", PAGE, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1)).digest()).decode()
    policy = answered.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answered.headers["Cache-Control"] == "no-store"
    assert answered.headers["Referrer-Policy"] == "no-referrer"
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(
        r"<script|<img|<link|<iframe|<form|https?://|style=|\son\w+=", answered.text
    )
