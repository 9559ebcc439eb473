"""Real clients through the gateway to real servers: one URL, one token."""

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import (
    MCP1_PYTHON,
    PATIENCE_S,
    Box,
    Served,
    drive,
    free_port,
    server_command,
)

CLIENTS = [
    ("mcp2", "auto", "2026-07-28"),
    ("mcp2", "legacy", "2025-11-25"),
    ("mcp1", "legacy", "2025-11-25"),
    ("npm", "auto", "2026-07-28"),
    ("npm", "legacy", "2025-11-25"),
]

SECRET = "s3cret-for-everything-+/="


@pytest.fixture(scope="module")
def everything_http(shared_box: Box) -> Iterator[str]:
    """`server-everything` over Streamable HTTP, on its own."""
    port = free_port()
    process = subprocess.Popen(
        [*server_command("server-everything"), "streamableHttp"],
        env={**shared_box.environment, "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(PATIENCE_S * 10):
            try:
                with socket.create_connection(("127.0.0.1", port), 1):
                    break
            except OSError:
                assert process.poll() is None
                _pause(process)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


def _pause(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return


@pytest.fixture(scope="module")
def served(shared_box: Box, everything_http: str) -> Iterator[Served]:
    box = shared_box
    files = box.home / "files"
    files.mkdir()
    (files / "hello.txt").write_text("hello from disk")
    key = ("--env", "SECRET_KEY=${secret:KEY}")
    box.run("server", "add", "everything", *key, "--", *server_command("server-everything"))
    box.run("secret", "set", "everything", "KEY", given=SECRET)
    box.run("server", "add", "web", everything_http)
    box.run("server", "add", "files", "--", *server_command("server-filesystem"), str(files))
    memory = ("--env", f"MEMORY_FILE_PATH={box.home / 'memory.json'}")
    box.run("server", "add", "memory", *memory, "--", *server_command("server-memory"))
    box.run("server", "add", "time", "--", str(MCP1_PYTHON), "-m", "mcp_server_time")
    with box.serving() as running:
        yield running


@pytest.fixture(scope="module")
def token(shared_box: Box, served: Served) -> str:
    return shared_box.token()


def text(result: dict[str, Any]) -> str:
    return str(result["content"][0]["text"])


@pytest.mark.parametrize(("kind", "mode", "version"), CLIENTS)
async def test_a_client_lists_calls_reads_and_prompts(
    served: Served, token: str, shared_box: Box, kind: str, mode: str, version: str
) -> None:
    hello = str(shared_box.home / "files" / "hello.txt")
    entity = {"name": f"{kind}-{mode}", "entityType": "client", "observations": ["seen"]}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("list_tools", {}),
        ("list_prompts", {}),
        ("list_resources", {}),
        ("list_resource_templates", {}),
        ("call", {"name": "everything__echo", "arguments": {"message": "via stdio"}}),
        ("call", {"name": "web__echo", "arguments": {"message": "via http"}}),
        ("call", {"name": "everything__get-env", "arguments": {}}),
        ("call", {"name": "files__read_text_file", "arguments": {"path": hello}}),
        ("call", {"name": "memory__create_entities", "arguments": {"entities": [entity]}}),
        ("call", {"name": "memory__read_graph", "arguments": {}}),
        ("call", {"name": "time__get_current_time", "arguments": {"timezone": "Europe/Vienna"}}),
        (
            "call",
            {
                "name": "everything__trigger-long-running-operation",
                "arguments": {"duration": 0.2, "steps": 2},
            },
        ),
        ("call", {"name": "files__read_text_file", "arguments": {"path": "/etc/passwd"}}),
        ("call", {"name": "nobody__nothing", "arguments": {}}),
        ("get_prompt", {"name": "everything__simple-prompt"}),
        ("read_resource", {"uri": "demo://resource/dynamic/text/7"}),
    ]
    got = await drive(kind, served.workspace_url, token, steps, mode)
    assert got["version"] == version
    assert got["server"] == "mcpgw"
    results = iter(got["results"])
    tools = {tool["name"]: tool for tool in next(results)["tools"]}
    for name in ("everything__echo", "web__echo", "files__write_file", "memory__read_graph"):
        assert name in tools
    assert tools["time__get_current_time"]["inputSchema"]["required"] == ["timezone"]
    assert "everything__simple-prompt" in {p["name"] for p in next(results)["prompts"]}
    assert next(results)["resources"]
    assert next(results)["resourceTemplates"]
    assert text(next(results)) == "Echo: via stdio"
    assert text(next(results)) == "Echo: via http"
    environment = text(next(results))
    assert '"SECRET_KEY": "[redacted:KEY]"' in environment  # it has it, and may not tell
    assert SECRET not in environment
    assert text(next(results)) == "hello from disk"
    assert "error" not in next(results)
    assert f"{kind}-{mode}" in text(next(results))
    assert "Europe/Vienna" in text(next(results))
    slow = next(results)
    assert "completed" in text(slow)
    assert slow["progress"][-1] == 2
    assert next(results)["isError"] is True
    assert "nobody__nothing" in next(results)["error"]
    assert next(results)["messages"]
    assert "7" in next(results)["contents"][0]["uri"]


async def test_clients_work_side_by_side(served: Served, token: str) -> None:
    """Each gets its own answers, though all use the same request ids."""

    def steps(who: str) -> list[tuple[str, dict[str, Any]]]:
        return [
            ("call", {"name": f"{server}__echo", "arguments": {"message": f"{who} {number}"}})
            for number in range(20)
            for server in ("everything", "web")
        ]

    everybody = [(kind, mode) for kind, mode, _ in CLIENTS]
    answers = await asyncio.gather(
        *(
            drive(kind, served.workspace_url, token, steps(f"{kind} {mode}"), mode)
            for kind, mode in everybody
        )
    )
    for (kind, mode), got in zip(everybody, answers, strict=True):
        said = [text(result) for result in got["results"]]
        assert said == [f"Echo: {kind} {mode} {n}" for n in range(20) for _ in range(2)]


def test_every_call_has_its_row(served: Served, shared_box: Box, token: str) -> None:
    rows = shared_box.read("logs", "-n", "1000", "--tool", "time")
    assert rows
    assert {row["server"] for row in rows} == {"time"}
    assert {row["member"] for row in rows} == {"ana"}
    assert {row["outcome"] for row in rows} == {"ok"}
    denied = shared_box.read("logs", "--status", "denied")
    assert {row["exposed"] for row in denied} == {"nobody__nothing"}
