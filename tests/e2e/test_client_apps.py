"""Real client applications, told by `mcpgw connect` alone, find the gateway and its tools.

    make test-long ARGS=tests/e2e/test_client_apps.py

Each has a home directory of its own, no account, and needs no network but loopback.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.conftest import PATIENCE_S, PEERS, ROOT, Box, Served

pytestmark = pytest.mark.long

MODULES = PEERS / "clients" / "node_modules"
TOOL = "greeter__greet"


@pytest.fixture
def box(box: Box) -> Box:
    """A box with the example server, and a home directory for clients."""
    home = box.home / "home"
    for directory in (".claude", ".codex", ".gemini"):
        (home / directory).mkdir(parents=True)
    box.environment |= {
        "HOME": str(home),
        "XDG_STATE_HOME": str(box.home / "state"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "NO_COLOR": "1",
    }
    python = ROOT / ".venv" / "bin" / "python"
    box.run("server", "add", "greeter", "--", str(python), "-I", str(ROOT / "examples/greeter.py"))
    return box


@contextmanager
def connected(box: Box, client: str) -> Iterator[tuple[Served, dict[str, str]]]:
    """Serve, connect a client and nothing else; yields the environment to start it in."""
    with box.serving() as served:
        box.run("connect", client)
        yield served, {**box.environment, "MCPGW_TOKEN": box.token()}


def claude() -> str:
    """Return the program; its launcher would want a script to be run at installation."""
    (program,) = MODULES.glob("@anthropic-ai/claude-code-*/claude*")
    return str(program)


def asked(box: Box, environment: dict[str, str], *command: str, given: str | None = None) -> str:
    """Run a client and return all that it says."""
    done = subprocess.run(
        command,
        env=environment,
        cwd=box.home,
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    said = done.stdout + done.stderr
    assert environment.get("MCPGW_TOKEN", "no token") not in said
    return said


def test_claude_code_says_connected(box: Box) -> None:
    with connected(box, "claude-code") as (served, environment):
        said = asked(box, environment, claude(), "mcp", "list")
        assert f"mcpgw: {served.workspace_url} (HTTP)" in said
        assert "Connected" in said
        refused = asked(box, {**environment, "MCPGW_TOKEN": "x"}, claude(), "mcp", "list")
        assert "✔ Connected" not in refused
        # By now the program has rewritten its file; what it wrote stays.
        before = json.loads((box.home / "home" / ".claude.json").read_text())
        box.run("disconnect", "claude-code")
        after = json.loads((box.home / "home" / ".claude.json").read_text())
        assert before.pop("mcpServers")
        assert {name: after[name] for name in before} == before
        assert "mcpgw" not in asked(box, environment, claude(), "mcp", "list")


def test_gemini_says_connected(box: Box) -> None:
    gemini = ("node", str(MODULES / "@google" / "gemini-cli" / "bundle" / "gemini.js"))
    with connected(box, "gemini") as (served, environment):
        said = asked(box, environment, *gemini, "mcp", "list")
        assert f"mcpgw: {served.workspace_url} (http) - Connected" in said
        refused = asked(box, {**environment, "MCPGW_TOKEN": "x"}, *gemini, "mcp", "list")
        assert "- Connected" not in refused
        box.run("disconnect", "gemini")
        assert "mcpgw" not in asked(box, environment, *gemini, "mcp", "list")


def test_codex_shows_the_server_and_lists_its_tools(box: Box) -> None:
    codex = ("node", str(MODULES / "@openai" / "codex" / "bin" / "codex.js"))
    with connected(box, "codex") as (served, environment):
        said = asked(box, environment, *codex, "mcp", "list")
        row = next(line.split() for line in said.splitlines() if line.startswith("mcpgw"))
        assert row[:4] == ["mcpgw", served.workspace_url, "MCPGW_TOKEN", "enabled"]
        assert "Bearer token" in said
        # `mcp list` only reads the file. Its application server connects.
        status = _codex_status(box, environment, codex)
        assert status["serverInfo"]["name"] == "mcpgw"
        assert TOOL in status["tools"]
        box.run("disconnect", "codex")
        assert "mcpgw" not in asked(box, environment, *codex, "mcp", "list").replace("mcpgw-", "")


def _codex_status(box: Box, environment: dict[str, str], codex: tuple[str, ...]) -> dict[str, Any]:
    """Ask Codex for the state of its MCP servers, as its editor extension does."""
    with subprocess.Popen(
        [*codex, "app-server"],
        env=environment,
        cwd=box.home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        client = {"clientInfo": {"name": "test", "version": "1"}}
        for message in (
            {"id": 1, "method": "initialize", "params": client},
            {"method": "initialized"},
            {"id": 2, "method": "mcpServerStatus/list", "params": {}},
        ):
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
        try:
            for line in process.stdout:
                answer = json.loads(line)
                if answer.get("id") == 2:
                    status: dict[str, Any] = answer["result"]["data"][0]
                    return status
        finally:
            process.kill()
    raise AssertionError("codex app-server ended without an answer")
