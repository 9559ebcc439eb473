import json
import tomllib

import pytest

from mcpgw.client_configs.snippet import clients, snippet, snippets

URL = "http://127.0.0.1:8080/ws/demo"


def test_claude_code() -> None:
    assert json.loads(snippet("claude-code", URL).text) == {
        "mcpServers": {
            "mcpgw": {
                "type": "http",
                "url": URL,
                "headers": {"Authorization": "Bearer ${MCPGW_TOKEN}"},
            }
        }
    }


def test_cursor() -> None:
    assert json.loads(snippet("cursor", URL, "team").text) == {
        "mcpServers": {
            "team": {"url": URL, "headers": {"Authorization": "Bearer ${env:MCPGW_TOKEN}"}}
        }
    }


def test_vs_code_asks_for_the_token() -> None:
    read = json.loads(snippet("vs-code", URL).text)
    server = read["servers"]["mcpgw"]
    assert (server["type"], server["url"]) == ("http", URL)
    (asked,) = read["inputs"]
    assert asked["password"] is True
    assert server["headers"] == {"Authorization": f"Bearer ${{input:{asked['id']}}}"}


def test_codex_names_the_variable() -> None:
    assert tomllib.loads(snippet("codex", URL).text) == {
        "mcp_servers": {"mcpgw": {"url": URL, "bearer_token_env_var": "MCPGW_TOKEN"}}
    }


def test_all_of_them() -> None:
    assert [one.client for one in snippets(URL)] == ["Claude Code", "Cursor", "VS Code", "Codex"]
    assert tuple(snippet(key, URL) for key in clients()) == snippets(URL)
    assert all(one.place for one in snippets(URL))
    with pytest.raises(KeyError):
        snippet("unknown", URL)
