"""Which files `import` reads, and whose they are."""

from pathlib import Path

import pytest

from mcpgw.cli.connecting.source import gather
from mcpgw.client_configs.scope import Scope
from mcpgw.errors import InvalidInput, NotFound, StorageError
from tests.cli.conftest import Desk

SERVER = '{"a": {"command": "a"}}'


def told(desk: Desk, name: str, content: str) -> tuple[str | None, Scope]:
    path = desk.project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    (source,) = gather([path], None)
    return source.app.key if source.app else None, source.scope


@pytest.mark.parametrize(
    ("name", "content", "key", "scope"),
    [
        ("x/.cursor/mcp.json", f'{{"mcpServers": {SERVER}}}', "cursor", Scope.USER),
        (".cursor/mcp.json", f'{{"mcpServers": {SERVER}}}', "cursor", Scope.PROJECT),
        ("x/.mcp.json", f'{{"mcpServers": {SERVER}}}', "claude-code", Scope.USER),
        ("claude_desktop_config.json", f'{{"mcpServers": {SERVER}}}', "claude-desktop", Scope.USER),
        ("settings.json", f'{{"context_servers": {SERVER}}}', "zed", Scope.USER),
        ("settings.json", f'{{"mcpServers": {SERVER}}}', "gemini", Scope.USER),
        ("config.toml", "[mcp_servers.a]\ncommand = 'a'", "codex", Scope.USER),
        ("any.yml", "extensions: {a: {cmd: a}}", "goose", Scope.USER),
        ("any.yaml", "mcpServers: [{name: a, command: a}]", None, Scope.USER),
        ("config.yaml", "mcpServers: [{name: a, command: a}]", "continue", Scope.USER),
        ("any.json", f'{{"servers": {SERVER}}}', None, Scope.USER),
        ("any.json", f'{{"mcp": {SERVER}}}', "opencode", Scope.USER),
        ("any.json", f'{{"mcpServers": {SERVER}}}', None, Scope.USER),
    ],
)
def test_whose_it_is(desk: Desk, name: str, content: str, key: str | None, scope: Scope) -> None:
    assert told(desk, name, content) == (key, scope)


def test_those_of_this_machine(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    cursor = desk.file("cursor", f'{{"mcpServers": {SERVER}}}'.encode())
    desk.file("zed", b'{"theme": "dark"}')
    broken = desk.file("windsurf", b"{broken")
    (source,) = gather([], None)
    assert (source.file.path, source.title) == (cursor, "cursor")
    assert f"skipped: {broken}: it is no valid JSON" in capsys.readouterr().err
    assert gather([], "zed") == []
    with pytest.raises(NotFound, match="no client's configuration"):
        gather([], "kiro")


def test_said_by_somebody(desk: Desk) -> None:
    path = desk.project / "any.json"
    path.write_text(f'{{"mcpServers": {SERVER}}}')
    (source,) = gather([path], "kiro")
    assert source.title == "kiro"
    (unsaid,) = gather([path], None)
    assert unsaid.title == "any.json"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"{broken", "no valid JSON"), (b"[]", "no client's configuration"), (b"\xff", "no UTF-8")],
)
def test_a_named_file_that_is_broken(desk: Desk, content: bytes, message: str) -> None:
    path = desk.project / "any.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        gather([path], None)


def test_a_named_file_that_is_not_there(desk: Desk) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        gather([Path("nothing.json")], None)
    with pytest.raises(StorageError):
        gather([desk.project], None)
