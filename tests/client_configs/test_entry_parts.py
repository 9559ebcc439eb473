from typing import Any

import pytest

from mcpgw.client_configs import entry_parts as parts

TOKEN = "mgwu_" + "a" * 49


@pytest.mark.parametrize(
    ("entry", "is_none"),
    [({"type": "builtin"}, True), ({"cmd": "x"}, False), ({"uri": "x"}, False), ({}, True)],
)
def test_what_is_no_server(entry: dict[str, Any], is_none: bool) -> None:
    assert parts.is_no_server(entry) is is_none


@pytest.mark.parametrize(
    "entry",
    [
        {"command": "/usr/bin/mcpgw", "args": ["bridge", "--url", "x"]},
        {"command": ["python", "-m", "mcpgw", "bridge"]},
        {"url": "x", "headers": {"Authorization": "Bearer ${MCPGW_TOKEN}"}},
        {"url": "x", "headers": {"Authorization": f"Bearer {TOKEN}"}},
    ],
)
def test_what_is_a_gateway(entry: dict[str, Any]) -> None:
    assert parts.is_gateway(entry)
    assert not parts.is_gateway({"command": "bridge", "args": ["x"]})


@pytest.mark.parametrize(
    ("entry", "command"),
    [
        ({"command": "npx", "args": ["-y", 1]}, ["npx", "-y", "1"]),
        ({"cmd": "uvx"}, ["uvx"]),
        ({"command": ["npx", "x"]}, ["npx", "x"]),
        ({"command": {"path": "p", "args": ["a"], "env": {"E": "1"}}}, ["p", "a"]),
        ({"command": "x", "args": "no list"}, ["x"]),
        ({}, []),
    ],
)
def test_commands(entry: dict[str, Any], command: list[str]) -> None:
    assert parts.command_of(parts.flat(entry)) == command


def test_urls_and_variables() -> None:
    assert parts.url_of({"url": None, "httpUrl": "h"}) == "h"
    assert parts.url_of({"command": "x"}) is None
    assert parts.env_of({"environment": {"A": True, "B": 1, "C": None, "D": "x"}}) == {
        "A": "true",
        "B": "1",
        "D": "x",
    }
    assert parts.env_of({"envs": {"A": "1"}, "env_keys": ["A", "B"]}) == {"A": "1", "B": "${B}"}
    assert parts.env_of({"env": [], "env_keys": "A"}) == {}


@pytest.mark.parametrize(
    ("entry", "headers"),
    [
        ({"headers": {"A": "1"}}, {"A": "1"}),
        ({"http_headers": {"A": "1"}}, {"A": "1"}),
        ({"requestInit": {"headers": {"A": "1"}}}, {"A": "1"}),
        ({"requestOptions": {"headers": {"A": "1"}}}, {"A": "1"}),
        ({"env_http_headers": {"A": "V"}}, {"A": "${V}"}),
        ({"bearer_token_env_var": "V"}, {"Authorization": "Bearer ${V}"}),
        ({"apiKey": "k"}, {"Authorization": "Bearer k"}),
        ({}, {}),
    ],
)
def test_headers(entry: dict[str, Any], headers: dict[str, str]) -> None:
    assert parts.headers_of(entry) == headers


def test_a_command_that_only_bridges() -> None:
    command = ["npx", "-y", "mcp-remote@0.1", "https://x.example/mcp", "--header", "A:${H}", "--x"]
    assert parts.remote_of(command) == ("https://x.example/mcp", {"A": "${H}"})
    assert parts.remote_of(["npx", "mcp-remote"]) is None
    assert parts.remote_of(["npx", "other", "https://x.example"]) is None
    assert parts.filled("Bearer ${H} ${I}", {"H": "x"}) == "Bearer x ${I}"


def test_variables_among_a_containers_arguments() -> None:
    command = ["/usr/bin/docker", "run", "-e", "A=1", "-e", "B", "--env", "C=x=y", "image"]
    assert parts.without_container_variables(command) == (
        ["/usr/bin/docker", "run", "-e", "A", "-e", "B", "--env", "C", "image"],
        {"A": "1", "C": "x=y"},
    )
    assert parts.without_container_variables(["x", "-e", "A=1"]) == (["x", "-e", "A=1"], {})
    assert parts.without_container_variables([]) == ([], {})


def test_a_user_in_a_url() -> None:
    assert parts.without_user("https://a%40b:p@x.example:1/m?q") == (
        "https://x.example:1/m?q",
        "YUBiOnA=",
    )
    assert parts.without_user("https://a@x.example/m")[1] == "YTo="
    assert parts.without_user("https://x.example/") == ("https://x.example/", "")
    assert parts.without_user("https://[x") == ("https://[x", "")
