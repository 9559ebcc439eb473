from mcpgw.client_configs.app import app
from mcpgw.client_configs.place import Surroundings, usual_place


def paths(platform: str, key: str, **variables: str) -> tuple[str, ...]:
    found = app(key)
    assert found is not None
    return Surroundings(platform, "/h", variables.get).paths(found.user)


def test_each_platform_has_its_places() -> None:
    name = "claude_desktop_config.json"
    assert paths("linux", "claude-desktop") == (f"/h/.config/Claude/{name}",)
    assert paths("linux", "claude-desktop", XDG_CONFIG_HOME="/x/") == (f"/x/Claude/{name}",)
    assert paths("freebsd14", "claude-desktop") == paths("linux", "claude-desktop")
    assert paths("darwin", "claude-desktop") == (f"/h/Library/Application Support/Claude/{name}",)
    assert paths("win32", "claude-desktop") == (f"/h/AppData/Roaming/Claude/{name}",)
    assert paths("win32", "claude-desktop", APPDATA="C:/d") == (f"C:/d/Claude/{name}",)
    assert paths("win32", "goose") == ("/h/AppData/Roaming/Block/goose/config/config.yaml",)


def test_a_client_is_moved_by_its_variable() -> None:
    assert paths("linux", "codex") == ("/h/.codex/config.toml",)
    assert paths("linux", "codex", CODEX_HOME="/c") == ("/c/config.toml",)
    assert paths("linux", "claude-code") == ("/h/.claude.json",)
    assert paths("linux", "claude-code", CLAUDE_CONFIG_DIR="/c") == ("/c/.claude.json",)


def test_for_a_text() -> None:
    shown = {
        key: usual_place(found)
        for key in ("cursor", "kiro", "librechat", "lm-studio")
        if (found := app(key))
    }
    assert shown["cursor"] == "~/.cursor/mcp.json, or .cursor/mcp.json of a project"
    assert shown["librechat"] == "librechat.yaml of a deployment"
    assert shown["lm-studio"] == "~/.lmstudio/mcp.json"
