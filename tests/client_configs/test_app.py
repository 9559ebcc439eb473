"""The table of clients as a whole."""

import re
from pathlib import Path

import pytest

from mcpgw.client_configs.app import APPS, PLATFORMS, App, app, everywhere

by_key = pytest.mark.parametrize("row", APPS, ids=lambda row: row.key)

WANTED = {
    *("claude-code", "claude-desktop", "cursor", "vs-code", "codex", "windsurf", "zed", "gemini"),
    *("cline", "roo-code", "continue", "goose", "librechat", "opencode", "lm-studio"),
    *("copilot-cli", "jetbrains", "kiro", "antigravity", "open-webui", "n8n"),
}


def test_every_client_is_there_once() -> None:
    keys = [row.key for row in APPS]
    assert set(keys) >= WANTED
    assert len(keys) == len(set(keys))
    assert app("cursor") in APPS
    assert app("nothing") is None


@by_key
def test_a_row_makes_sense(row: App) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.key)
    assert set(row.user) == set(row.signs) == set(PLATFORMS)
    has_file = bool(row.user["linux"] or row.project)
    assert has_file == (row.form is not None) == bool(row.table)
    for templates in (*row.user.values(), *row.signs.values()):
        assert all(one.startswith(("~/", "{")) for one in templates)
    assert not row.project.startswith(("/", "~"))
    # Who knows URLs and can refer to a token does so; the others get the bridge.
    assert row.remote is not None or not row.reference


@by_key
def test_a_row_stands_in_the_documents(row: App) -> None:
    text = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()
    assert f"`{row.key}`" in text


def test_the_table_that_is_in_use_counts() -> None:
    opencode, claude = app("opencode"), app("claude-code")
    assert opencode is not None
    assert claude is not None
    assert opencode.table_in({"mcp": {"x": {}}}) == ("mcp",)
    assert opencode.table_in({"mcp": {"servers": {}}}) == ("mcp", "servers")
    assert opencode.table_in({"mcp": {"servers": 1}}) == ("mcp",)
    assert claude.table_in({"projects": {"*": {"mcpServers": {}}}}) == ("mcpServers",)
    assert everywhere("a")["win32"] == ("a",)
