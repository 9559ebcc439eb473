import sys

import pytest

from mcpgw.cli.connecting.machine import (
    bridge_command,
    check_installed,
    is_installed,
    known_app,
    path_of,
    user_files,
)
from mcpgw.client_configs.scope import Scope
from mcpgw.errors import InvalidInput, NotFound
from tests.cli.conftest import Desk


def test_known_by_its_key() -> None:
    assert known_app("Claude_Code").key == "claude-code"
    with pytest.raises(NotFound) as raised:
        known_app("curser")
    assert raised.value.hint.startswith("did you mean cursor?")


@pytest.mark.parametrize(
    ("key", "sign"),
    [
        ("cursor", "home/.cursor/"),
        ("claude-code", "home/.claude/"),
        ("claude-code", "home/.claude.json"),
        ("vs-code", "config/Code/User/"),
        ("gemini", "bin/gemini"),
        ("jetbrains", "config/JetBrains/"),
        ("antigravity", "home/.gemini/config/"),
    ],
)
def test_installed(desk: Desk, key: str, sign: str) -> None:
    app = known_app(key)
    assert not is_installed(app)
    with pytest.raises(NotFound, match="is not on this machine"):
        check_installed(app)
    path = desk.cli.directory / sign
    path.parent.mkdir(parents=True, exist_ok=True)
    if sign.endswith("/"):
        path.mkdir(parents=True)
    else:
        path.touch(0o755)
    assert is_installed(app)
    check_installed(app)


def test_where_its_file_is(desk: Desk) -> None:
    antigravity = known_app("antigravity")
    first, other = (desk.home / ".gemini" / name for name in ("antigravity", "config"))
    assert path_of(antigravity, Scope.USER).parent == first
    other.mkdir(parents=True)
    assert path_of(antigravity, Scope.USER).parent == other
    first.mkdir()
    assert path_of(antigravity, Scope.USER).parent == first
    (other / "mcp_config.json").touch()
    assert path_of(antigravity, Scope.USER).parent == other
    assert user_files(antigravity) == [other / "mcp_config.json"]
    assert path_of(known_app("cursor"), Scope.PROJECT) == desk.project / ".cursor/mcp.json"


@pytest.mark.parametrize(
    ("key", "scope", "hint"),
    [
        ("windsurf", Scope.PROJECT, "leave out --scope"),
        ("librechat", Scope.USER, "--scope project"),
        ("n8n", Scope.USER, "--print"),
    ],
)
def test_no_file_for_that(desk: Desk, key: str, scope: Scope, hint: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        path_of(known_app(key), scope)
    assert hint in raised.value.hint


def test_how_a_client_starts_us(desk: Desk) -> None:
    assert bridge_command(Scope.USER) == (str(desk.bridge),)
    assert bridge_command(Scope.PROJECT) == ("mcpgw",)
    desk.bridge.unlink()
    assert bridge_command(Scope.USER) == (sys.executable, "-m", "mcpgw")
