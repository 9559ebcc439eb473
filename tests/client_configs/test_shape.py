from typing import Any

from mcpgw.client_configs import shape
from mcpgw.client_configs.shape import Target, typed

REFERRED = Target("https://x.example/ws/t", "gw", ("/bin/mcpgw", "-v"), token="${T}")
INLINE = Target("https://x.example/ws/t", "gw", token="mgwu_x", is_inline=True)


def test_a_target_shows_no_token() -> None:
    assert "mgwu_x" not in repr(INLINE)


def test_typed() -> None:
    assert typed("http", "httpUrl", tools=["*"])(REFERRED) == {
        "type": "http",
        "httpUrl": REFERRED.url,
        "headers": {"Authorization": "Bearer ${T}"},
        "tools": ["*"],
    }
    assert "type" not in typed("")(REFERRED)


def test_the_bridge() -> None:
    assert shape.bridge(REFERRED) == {
        "command": "/bin/mcpgw",
        "args": ["-v", "bridge", "--url", REFERRED.url],
    }
    assert shape.bridge(INLINE)["env"] == {"MCPGW_TOKEN": "mgwu_x"}


def test_those_with_ways_of_their_own() -> None:
    assert shape.codex(REFERRED) == {
        "url": REFERRED.url,
        "bearer_token_env_var": "MCPGW_TOKEN",
    }
    assert shape.codex(INLINE)["http_headers"] == {"Authorization": "Bearer mgwu_x"}
    assert shape.goose(REFERRED)["env_keys"] == ["MCPGW_TOKEN"]
    assert shape.goose(INLINE)["env_keys"] == []
    assert "customUserVars" in shape.librechat(REFERRED)
    assert "customUserVars" not in shape.librechat(INLINE)
    assert shape.continue_(REFERRED)["name"] == "gw"
    sent: Any = shape.copilot_in_jetbrains(INLINE)["requestInit"]
    assert sent["headers"] == {"Authorization": "Bearer mgwu_x"}


def test_vs_code_asks_once_for_each_entry() -> None:
    asked = shape.vs_code_input(REFERRED)
    assert (asked.path, asked.mark, asked.value["password"]) == (("inputs",), "id", True)
    header = shape.vs_code(REFERRED)["headers"]["Authorization"]
    assert header == f"Bearer ${{input:{asked.value['id']}}}"
    assert shape.vs_code(INLINE)["headers"]["Authorization"] == "Bearer mgwu_x"
