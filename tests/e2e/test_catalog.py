"""Entries of the catalog with the package managers and packages of the real world."""

import json
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Box, drive

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture
def box_with_caches(box: Box) -> Box:
    """What is fetched lands in a home of its own; uv comes with the packages of the tests."""
    private = box.home / "private"
    private.mkdir()
    programs = Path(sys.executable).parent
    box.environment |= {
        "HOME": str(private),
        "PATH": f"{programs}:{box.environment['PATH']}",
    }
    return box


@pytest.mark.parametrize(
    ("slug", "command", "tool"),
    [
        ("memory", ["npx", "-y", "@modelcontextprotocol/server-memory@"], "memory__read_graph"),
        ("time", ["uvx", "mcp-server-time@"], "time__get_current_time"),
    ],
)
async def test_a_package(box_with_caches: Box, slug: str, command: list[str], tool: str) -> None:
    box = box_with_caches
    added = json.loads(box.run("server", "add", slug, "--json").stdout)
    assert added["command"] == [*command[:-1], command[-1] + added["version"]]
    assert added["version"][0].isdigit()
    assert added["test"]["tools"] > 0
    assert list((box.home / "private").rglob("*")), "fetched into the home that it was given"
    with box.serving() as served:
        got = await drive("mcp2", served.workspace_url, box.token(), [("list_tools", {})])
    assert tool in {one["name"] for one in got["results"][0]["tools"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["memory", "--pin", "0.0.99"], "npm has no @modelcontextprotocol/server-memory@0.0.99"),
        (["time", "--pin", "0.0.99"], "has no mcp-server-time==0.0.99"),
    ],
)
def test_a_version_that_is_gone(box_with_caches: Box, arguments: list[str], said: str) -> None:
    done = box_with_caches.run("server", "add", *arguments, exit_code=3)
    assert said in done.stderr
    assert box_with_caches.read("server", "list") == []
