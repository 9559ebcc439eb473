"""A readonly token sees and calls what is classed as reading, whatever servers say or leave out."""

import sys
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.e2e.conftest import PEERS, Box, Served, server_command
from tests.web.conftest import modern_body, modern_headers

READING = {
    "filesystem": {
        *("read_file", "read_text_file", "read_media_file", "read_multiple_files"),
        *("list_directory", "list_directory_with_sizes", "directory_tree", "search_files"),
        *("get_file_info", "list_allowed_directories"),
    },
    "memory": {"read_graph", "search_nodes", "open_nodes"},
    "annotated": {"get_thing", "listThings", "search-things", "annotated"},
}
"""What only reads, by what the tools really do."""

WRITING = {
    "filesystem": {"write_file", "edit_file", "create_directory", "move_file"},
    "memory": {
        *("create_entities", "create_relations", "add_observations", "delete_entities"),
        *("delete_observations", "delete_relations"),
    },
    "everything": {"toggle-simulated-logging", "trigger-sampling-request"},
    "annotated": {
        *("get_and_delete", "searchAndReplace", "things", "delete_everything", "create_thing"),
        *("get_contradiction", "get_text", "get_number", "get_open", "get_denied", "get_broken"),
        "g_t_lookalike",
    },
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "filesystem__write_file": {"path": "{}/new", "content": "x"},
    "filesystem__create_directory": {"path": "{}/directory"},
    "filesystem__move_file": {"source": "{}/kept", "destination": "{}/moved"},
    "filesystem__edit_file": {"path": "{}/kept", "edits": [{"oldText": "kept", "newText": "x"}]},
    "memory__create_entities": {"entities": [{"name": "n", "entityType": "t", "observations": []}]},
}
"""Such that the call would do something if it arrived. The braces stand for the directory."""


@pytest.fixture(scope="module")
def box(shared_box: Box) -> Box:
    files = shared_box.home / "files"
    files.mkdir()
    (files / "kept").write_text("kept")
    run = ("server", "add")
    shared_box.run(*run, "filesystem", "--", *server_command("server-filesystem"), str(files))
    memory = f"MEMORY_FILE_PATH={shared_box.home / 'memory.json'}"
    shared_box.run(*run, "memory", "--env", memory, "--", *server_command("server-memory"))
    shared_box.run(*run, "everything", "--", *server_command("server-everything"))
    annotated = (sys.executable, str(PEERS / "stdio_annotated.py"), str(shared_box.home / "called"))
    shared_box.run(*run, "annotated", "--", *annotated)
    return shared_box


@pytest.fixture(scope="module")
def served(box: Box) -> Iterator[Served]:
    with box.serving() as running:
        yield running


@pytest.fixture(scope="module")
def token(box: Box) -> str:
    return box.token("readonly", "reader")


def names(tools: dict[str, set[str]]) -> set[str]:
    return {f"{server}__{tool}" for server, mine in tools.items() for tool in mine}


def traces(box: Box) -> list[str]:
    """Return the files that calls have left."""
    found = [*(box.home / "files").iterdir(), box.home / "memory.json", box.home / "called"]
    return sorted(str(path.relative_to(box.home)) for path in found if path.exists())


async def ask(served: Served, token: str, method: str, **params: Any) -> dict[str, Any]:
    headers = modern_headers(method, params.get("name")) | {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            served.workspace_url, json=modern_body(method, **params), headers=headers
        ) as response,
    ):
        answer: dict[str, Any] = await response.json()
        return answer


async def listed(served: Served, token: str) -> set[str]:
    answer = await ask(served, token, "tools/list")
    return {tool["name"] for tool in answer["result"]["tools"]}


async def test_it_sees_what_only_reads(box: Box, served: Served, token: str) -> None:
    everything = await listed(served, box.token("developer"))
    seen = await listed(served, token)
    assert names(READING) <= seen
    assert names(WRITING) <= everything
    assert not names(WRITING) & seen
    classed = {one["name"] for one in box.read("tool", "list", "read")}
    assert seen == classed
    assert {name for name in seen if name.startswith("annotated")} == {
        f"annotated__{name}" for name in READING["annotated"]
    }


async def test_it_calls_nothing_else(box: Box, served: Served, token: str) -> None:
    everything = await listed(served, box.token("developer", "other"))
    seen = await listed(served, token)
    files = str(box.home / "files")
    unknown = await ask(served, token, "tools/call", name="annotated__none")
    for name in sorted(everything - seen):
        arguments = {
            key: value.replace("{}", files) if isinstance(value, str) else value
            for key, value in ARGUMENTS.get(name, {}).items()
        }
        answer = await ask(served, token, "tools/call", name=name, arguments=arguments)
        assert answer["error"]["code"] == unknown["error"]["code"], name
        said = unknown["error"]["message"].replace("annotated__none", name)
        assert answer["error"]["message"] == said
    assert traces(box) == ["files/kept"]
    rows = box.read("logs", "--member", "reader", "--status", "denied", "-n", "1000")
    assert {row["exposed"] for row in rows} == (everything - seen) | {"annotated__none"}
    assert {row["error_class"] for row in rows} == {"policy_class", "not_found"}


async def test_it_calls_what_it_sees(box: Box, served: Served, token: str) -> None:
    path = str(box.home / "files" / "kept")
    read = await ask(
        served, token, "tools/call", name="filesystem__read_file", arguments={"path": path}
    )
    assert read["result"]["content"][0]["text"] == "kept"
    for tool in sorted(READING["annotated"]):
        answer = await ask(served, token, "tools/call", name=f"annotated__{tool}", arguments={})
        assert answer["result"]["content"][0]["text"] == "done"
    assert set((box.home / "called").read_text().split()) == READING["annotated"]
    (box.home / "called").unlink()


async def test_a_ruling_of_the_operator_counts_at_once(
    box: Box, served: Served, token: str
) -> None:
    box.run("tool", "class", "annotated__things", "read")
    box.run("tool", "class", "annotated__get_thing", "destructive")
    seen = await listed(served, token)
    assert "annotated__things" in seen
    assert "annotated__get_thing" not in seen
    found = box.read("explain", box.read("token", "list")[0]["id"], "annotated__get_thing")
    assert found["verdict"] == "hidden"
    assert "an admin's ruling" in found["reason"]
