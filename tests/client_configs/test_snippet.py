import json
import tomllib

import pytest

from mcpgw.client_configs.app import APPS
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


def test_continue_gets_a_whole_file() -> None:
    assert snippet("continue", URL).text.startswith('name: "mcpgw"\nversion: "0.0.1"\n')


@pytest.mark.parametrize("key", ["open-webui", "n8n"])
def test_what_has_no_file_is_told_what_to_enter(key: str) -> None:
    told = snippet(key, URL)
    assert URL in told.text
    assert "Bearer" in told.text
    assert told.place
    assert told.link == ""


def test_all_of_them() -> None:
    assert clients() == tuple(row.key for row in APPS)
    told = [snippet(key, URL) for key in clients()]
    assert all(one.place and URL in one.text and "mgwu_" not in one.text for one in told)
    assert any(one.link for one in told)
    assert [one.client for one in snippets(URL)] == ["Claude Code", "Cursor", "VS Code", "Codex"]
    with pytest.raises(KeyError):
        snippet("unknown", URL)
