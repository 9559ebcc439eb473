"""Applications of all three vendors, and of none, call the tools of real servers by functions."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.conftest import MCP1_PYTHON, PATIENCE_S, PEERS, Box, Served, server_command
from tests.e2e.stand_in import WANTED, standing_in
from tests.formats import golden
from tests.formats.vendor_types import VENDORS_PYTHON

SERVERS = {"everything", "files", "memory", "time", "git"}


@pytest.fixture(scope="module")
def served(shared_box: Box) -> Iterator[Served]:
    box = shared_box
    files, repository = box.home / "files", box.home / "repository"
    for directory in (files, repository):
        directory.mkdir()
    subprocess.run(["git", "init", "-q", repository], check=True, timeout=PATIENCE_S)
    box.run("server", "add", "--no-test", "everything", "--", *server_command("server-everything"))
    box.run(
        "server",
        "add",
        "--no-test",
        "files",
        "--",
        *server_command("server-filesystem"),
        str(files),
    )
    memory = ("--env", f"MEMORY_FILE_PATH={box.home / 'memory.json'}")
    box.run("server", "add", "--no-test", "memory", *memory, "--", *server_command("server-memory"))
    box.run("server", "add", "--no-test", "time", "--", str(MCP1_PYTHON), "-m", "mcp_server_time")
    git = ("-m", "mcp_server_git", "--repository", str(repository))
    box.run("server", "add", "--no-test", "git", "--", str(MCP1_PYTHON), *git)
    with box.serving() as running:
        yield running


@pytest.fixture(scope="module")
def token(shared_box: Box, served: Served) -> str:
    return shared_box.token()


async def get(served: Served, token: str, path: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as http,
        http.get(served.workspace_url + path, headers=headers) as answer,
    ):
        assert answer.status == 200
        return await answer.json()


async def run(*command: str | Path, given: bytes = b"") -> str:
    """Run a program of the vendors' environment to its end, and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(given), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, (out + err).decode()
    return out.decode()


PLACES = ("/v1/tool-calls", "")
VENDORS = ("openai", "openai-responses", "anthropic", "gemini")


async def test_a_model_of_each_vendor_asks_for_two_tools_at_once(
    served: Served, token: str, shared_box: Box
) -> None:
    async with standing_in() as model:
        plans = [
            {
                "vendor": vendor,
                "model_url": model.url,
                "url": served.workspace_url,
                "token": token,
                "calls_at": served.workspace_url + place,
            }
            for vendor in VENDORS
            for place in PLACES
        ]
        given = json.dumps(plans).encode()
        said = json.loads(await run(VENDORS_PYTHON, PEERS / "loop_vendors.py", given=given))
    assert model.broken == []
    assert said == ["The sum of 2 and 3 is 5. | Echo: hello"] * len(plans)
    assert len(model.seen) == 2 * len(plans)
    rows = shared_box.read("logs", "--only", "calls", "-n", "1000")
    called = [(row["surface"], row["exposed"], row["outcome"], row["member"]) for row in rows]
    assert sorted(called) == sorted(
        (plan["vendor"], name, "ok", "ana") for _, name, _ in WANTED for plan in plans
    )


async def test_the_golden_tools_are_those_of_the_real_servers(served: Served, token: str) -> None:
    """All else is tested with the golden ones: written anew, they must be the same."""
    found = await get(served, token, "/v1/tools?format=mcp")
    assert found["skipped"] == []
    schemas = ("name", "inputSchema", "outputSchema")
    live = [{key: tool.get(key) for key in schemas} for tool in found["tools"]]
    assert live == [{key: tool.get(key) for key in schemas} for tool in golden.read("tools")]
    assert {tool["x-mcpgw"]["server"] for tool in found["tools"]} == SERVERS


async def test_the_openapi_document_is_valid_and_a_generated_client_calls_by_it(
    served: Served, token: str, tmp_path: Path
) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(await get(served, token, "/openapi.json")))
    commands = VENDORS_PYTHON.parent
    await run(commands / "openapi-spec-validator", document)
    config = tmp_path / "config.json"
    config.write_text('{"post_hooks": []}')
    made = await run(
        *(commands / "openapi-python-client", "generate", "--meta", "none", "--config", config),
        *("--path", document, "--output-path", tmp_path / "generated"),
    )
    assert "warning" not in made.lower()
    given = json.dumps([served.workspace_url, token]).encode()
    operate = (VENDORS_PYTHON, PEERS / "operate_vendors.py", tmp_path)
    found = json.loads(await run(*operate, given=given))
    said, weather, wrong, status = found
    assert said == ["Text", {"content": "Echo: generated"}]
    assert weather[0] == "EverythingGetStructuredContentResult"
    assert weather[1]["temperature"] > 0
    assert wrong[0] == "Failure"
    assert (wrong[1]["code"], status) == ("invalid_arguments", 200)


def test_lint_finds_nothing_wrong_with_real_servers_but_their_number(
    served: Served, shared_box: Box
) -> None:
    found = json.loads(shared_box.run("tool", "lint", "--json", exit_code=7).stdout)
    assert {one["target"] for one in found} == {"gpt-actions"}
