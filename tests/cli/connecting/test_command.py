"""One run of `connect` or `disconnect`: what is refused, asked, shown and said."""

import json
import stat
from pathlib import Path

import pytest

from mcpgw.client_configs.scope import Scope
from tests.cli.conftest import Desk

URL = "https://gateway.example.com/ws/team"
TO = ("--url", URL)
TOKEN = "mgwu_" + "a" * 49
CANARY = "canary-7f3a"
TEXT = f'{{"mcpServers": {{"gh": {{"env": {{"T": "{CANARY}"}}}}}}}}'.encode()


@pytest.fixture
def cursor(desk: Desk) -> Path:
    return desk.file("cursor", TEXT)


def test_shown_said_and_kept(desk: Desk, cursor: Path) -> None:
    done = desk.cli("connect", "cursor", *TO)
    assert done.out == ""
    assert f'"url": "{URL}"' in done.err
    assert f"Cursor is connected: {cursor}" in done.err
    assert "MCPGW_TOKEN in its environment" in done.err
    assert "next: restart it" in done.err
    (copy,) = desk.backups
    assert str(copy) in done.err
    assert copy.read_bytes() == TEXT
    again = desk.cli("connect", "cursor", *TO)
    assert "was connected already" in again.err
    back = desk.cli("disconnect", "cursor")
    assert f"Cursor is disconnected: {cursor}" in back.err
    assert CANARY not in "".join(desk.cli.printed)


def test_as_json(desk: Desk, cursor: Path) -> None:
    done = desk.cli.json("connect", "cursor", *TO)
    assert done == {
        "client": "cursor",
        "path": str(cursor),
        "is_changed": True,
        "backup": str(desk.backups[0]),
        "token": "environment",
    }
    assert desk.cli.json("disconnect", "cursor", "--dry-run")["backup"] is None
    assert desk.cli.json("disconnect", "cursor")["is_changed"] is True


def test_a_dry_run_writes_nothing(desk: Desk, cursor: Path) -> None:
    done = desk.cli("connect", "cursor", *TO, "--dry-run")
    assert done.out.startswith(f"--- {cursor}\n+++ {cursor}\n@@ line 1 @@\n")
    assert "nothing was written" in done.err
    assert (cursor.read_bytes(), desk.state.exists()) == (TEXT, False)
    desk.cli("connect", "cursor", *TO)
    written = cursor.read_bytes()
    assert "-" in desk.cli("disconnect", "cursor", "--dry-run").out
    assert cursor.read_bytes() == written


def test_printed(desk: Desk) -> None:
    done = desk.cli("connect", "cursor", *TO, "--print")
    assert json.loads(done.out)["mcpServers"]["mcpgw"]["url"] == URL
    assert "cursor://" in done.err
    assert "~/.cursor/mcp.json" in done.err
    entered = desk.cli("connect", "n8n", *TO)
    assert URL in entered.out
    read = desk.cli.json("connect", "kiro", *TO, "--print")
    assert (read["client"], read["link"][:8]) == ("kiro", "https://")
    assert desk.cli.json("connect", "open-webui", *TO)["link"] is None
    assert not desk.state.exists()


def test_somebody_at_the_terminal_may_say_no(desk: Desk, cursor: Path) -> None:
    complaint = desk.cli.refused(2, "connect", "cursor", *TO, typed="n\n")
    assert "nothing was changed" in complaint
    assert cursor.read_bytes() == TEXT
    desk.cli("connect", "cursor", *TO, typed="\n")
    written = cursor.read_bytes()
    desk.cli.refused(2, "disconnect", "cursor", typed="no\n")
    assert cursor.read_bytes() == written
    desk.cli("disconnect", "cursor", "--yes", typed="")
    assert cursor.read_bytes() == TEXT


def test_inline(desk: Desk, cursor: Path) -> None:
    cursor.chmod(0o644)
    desk.cli("connect", "cursor", *TO, "--inline-token", given=f"{TOKEN}\n".encode())
    assert f"Bearer {TOKEN}" in cursor.read_text()
    assert stat.S_IMODE(cursor.stat().st_mode) == 0o600
    desk.cli("disconnect", "cursor")
    assert cursor.read_bytes() == TEXT
    desk.cli.monkeypatch.setenv("MCPGW_TOKEN", TOKEN)
    desk.file("zed", b"{}")
    desk.cli("connect", "zed", *TO, "--inline-token")
    assert TOKEN in desk.file("zed").read_text()
    kept = [path.read_text() for path in desk.state.rglob("*.json") if path.name[0] == "c"]
    assert TOKEN not in "".join(kept + desk.cli.printed)


def test_inline_wants_a_token_of_ours_and_no_project(desk: Desk, cursor: Path) -> None:
    complaint = desk.cli.refused(4, "connect", "cursor", *TO, "--inline-token", given=b"secret")
    assert "secret" not in complaint
    complaint = desk.cli.refused(
        2, "connect", "cursor", *TO, "--inline-token", "--scope", "project"
    )
    assert "must not hold a token" in complaint
    assert cursor.read_bytes() == TEXT


def test_through_the_bridge(desk: Desk) -> None:
    path = desk.file("claude-desktop", b"{}")
    done = desk.cli("connect", "claude-desktop", *TO)
    entry = json.loads(path.read_text())["mcpServers"]["mcpgw"]
    assert entry == {"command": str(desk.bridge), "args": ["bridge", "--url", URL]}
    assert "next: the OS keyring is not usable" in done.err


def test_a_project(desk: Desk) -> None:
    desk.cli("connect", "claude-code", *TO, "--scope", "project")
    path = desk.file("claude-code", scope=Scope.PROJECT)
    assert json.loads(path.read_text())["mcpServers"]["mcpgw"]["url"] == URL
    desk.cli.refused(3, "disconnect", "claude-code")
    other = desk.project / "other"
    other.mkdir()
    with desk.cli.monkeypatch.context() as patched:
        patched.chdir(other)
        complaint = desk.cli.refused(3, "disconnect", "claude-code", "--scope", "project")
        assert str(path) in complaint
    desk.cli("disconnect", "claude-code", "--scope", "project")
    assert not path.exists()


def test_two_gateways(desk: Desk, cursor: Path) -> None:
    desk.cli("connect", "cursor", *TO)
    desk.cli("connect", "cursor", "--url", f"{URL}2", "--name", "second")
    desk.cli("disconnect", "cursor")
    assert list(json.loads(cursor.read_text())["mcpServers"]) == ["gh", "second"]
    complaint = desk.cli.refused(3, "disconnect", "cursor")
    assert f"cursor (second in {cursor})" in complaint
    desk.cli("disconnect", "cursor", "--name", "second")
    assert cursor.read_bytes() == TEXT
    assert "nothing to take out" in desk.cli.refused(3, "disconnect", "cursor")


@pytest.mark.parametrize("content", [b'{"mcpServers": {"a": {} "b"', b'["not", "ours"]', b"\xff"])
def test_a_file_that_is_broken_or_not_ours_stays(desk: Desk, content: bytes) -> None:
    path = desk.file("cursor", content)
    complaint = desk.cli.refused(2, "connect", "cursor", *TO)
    assert str(path) in complaint
    assert path.read_bytes() == content
    assert not desk.state.exists()


def test_a_read_only_file_stays(desk: Desk, cursor: Path) -> None:
    cursor.chmod(0o444)
    complaint = desk.cli.refused(74, "connect", "cursor", *TO)
    assert "read-only" in complaint
    assert "--print" in complaint
    assert cursor.read_bytes() == TEXT
    assert not desk.state.exists()


def test_a_client_that_is_not_installed(desk: Desk) -> None:
    complaint = desk.cli.refused(3, "connect", "windsurf", *TO)
    assert "Windsurf is not on this machine" in complaint
    assert "mcpgw connect windsurf --print" in complaint
    assert list(desk.home.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("curser", *TO), "did you mean cursor?"),
        (("cursor", *TO, "--name", "workspace"), "no name for it"),
        (("cursor", *TO, "--name", "a b"), "no name for it"),
        (("cursor", "--url", "ftp://x.example/ws/t"), "no http"),
        (("windsurf", *TO, "--scope", "project"), "no configuration for projects"),
    ],
)
def test_misuse(desk: Desk, arguments: tuple[str, ...], message: str) -> None:
    exit_code = 3 if "curser" in arguments else 2
    assert message in desk.cli.refused(exit_code, "connect", *arguments)


def test_the_snippet_beside_a_token(box_desk: Desk) -> None:
    cli = box_desk.cli
    done = cli("token", "issue", "--no-test", "--client", "cursor")
    token = done.out.strip()
    assert "http://127.0.0.1:8080/ws/default" in done.err
    assert "cursor://" in done.err
    assert token not in done.err
    plain = cli("token", "issue", "--no-test", "--client", "windsurf")
    assert "or open" not in plain.err
    complaint = cli.refused(3, "token", "issue", "--client", "curser")
    assert "did you mean cursor?" in complaint
    assert len(cli.json("token", "list")) == 2
