from typing import Any

from mcpgw.client_configs.app import app
from mcpgw.client_configs.found import server_name, servers_in
from mcpgw.model.server import check_server_name


def unset(name: str) -> str | None:
    return None


def found(key: str | None, document: Any) -> dict[str, tuple[Any, ...]]:
    row = None if key is None else app(key)
    return {one.name: tuple(one.position) for one in servers_in(row, document, unset)}


def test_tables_of_a_client() -> None:
    document = {
        "mcpServers": {"a": {"command": "x"}, "b": "no table", "c": {"type": "builtin"}},
        "projects": {"/p": {"mcpServers": {"d": {"url": "https://x.example/"}}}, "/q": {}},
    }
    assert found("claude-code", document) == {
        "a": ("mcpServers", "a"),
        "d": ("projects", "/p", "mcpServers", "d"),
    }
    assert found("cursor", document) == {"a": ("mcpServers", "a")}
    assert found("claude-code", {}) == found("claude-code", None) == {}


def test_lists_of_a_client() -> None:
    items = [{"name": "a", "command": "x"}, {"command": "nameless"}, "text", {"name": 1}]
    assert found("continue", {"mcpServers": items}) == {"a": ("mcpServers", 0)}


def test_newer_and_older_tables() -> None:
    document = {"mcp": {"servers": {"new": {"command": ["x"]}}, "old": {"command": ["y"]}}}
    assert found("opencode", document) == {
        "new": ("mcp", "servers", "new"),
        "old": ("mcp", "old"),
    }


def test_a_file_of_nobody_in_particular() -> None:
    document = {"mcpServers": {"a": {"command": "x"}}, "servers": {"b": {"url": "https://y.e/"}}}
    assert found(None, document) == {"a": ("mcpServers", "a"), "b": ("servers", "b")}


def test_our_own_entry_is_known() -> None:
    entry = {"command": "mcpgw", "args": ["bridge"]}
    (own,) = servers_in(app("cursor"), {"mcpServers": {"gw": entry}}, unset)
    assert own.is_own
    assert own.read.launch is None
    url = "https://x.example/ws/t"
    asks = {"servers": {"gw": {"url": url, "headers": {"A": "${input:x}"}}}}
    (known,) = servers_in(app("vs-code"), asks, unset, {url})
    (unknown,) = servers_in(app("vs-code"), asks, unset)
    assert (known.is_own, unknown.is_own) == (True, False)


def test_names_of_servers() -> None:
    taken: set[str] = set()
    for given, expected in (
        ("GitHub", "github"),
        ("git hub!", "git-hub"),
        ("github", "github-2"),
        ("x" * 40, "x" * 24),
        ("x" * 30, "x" * 22 + "-2"),
        ("日本", "server"),
        ("__", "server-2"),
    ):
        name = server_name(given, taken)
        assert name == expected
        assert check_server_name(name)
        taken.add(name if given != "GitHub" else "github")
