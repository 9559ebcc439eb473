"""Eight clients with planted credentials: after `import` none lies open but in the originals."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ROOT, Box, http_peer
from tests.e2e.test_canaries import Watch, encodings, watch

__all__ = ["watch"]

STDIO = [sys.executable, "-I", str(ROOT / "tests" / "cli" / "peer.py")]


class Plants:
    """Credentials that nobody else has, and the files they were planted in."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._numbers = count()
        self.canaries: list[str] = []
        self.files: dict[str, Path] = {}

    def canary(self, form: str = "{}") -> str:
        """Return a new credential; `form` is how its vendor writes them."""
        planted = form.format(f"canary{next(self._numbers)}x7f3a9c1e")
        self.canaries.append(planted)
        return planted

    def file(self, client: str, path: str, content: str) -> None:
        where = self._home / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(content)
        self.files[client] = where


def stdio(**env: str) -> dict[str, Any]:
    return {"command": STDIO[0], "args": STDIO[1:], "env": env}


def plant(home: Path, url: str) -> Plants:
    """Write the configurations of ten clients; `url` is a server that is there."""
    plants = Plants(home)
    new = plants.canary
    user = f"http://me:{new()}@{url.removeprefix('http://')}/user"
    remote = {"command": "npx", "args": ["-y", "mcp-remote", f"{url}/desk", "--header", "X-K:${K}"]}
    shell = f'{{"mcpServers": {{"other": {json.dumps(stdio(SETTING=new("sk-{}")))}}}}}'
    claude = {
        "mcpServers": {
            "api": {"type": "http", "url": f"{url}/claude", "headers": {"X-Api-Key": new()}},
            "user": {"type": "http", "url": user},
        },
        "projects": {"/srv/app": {"mcpServers": {"local": stdio(SOME_TOKEN=new())}}},
    }
    plants.file("claude-code", ".claude.json", json.dumps(claude, indent=2))
    desktop = {"mcpServers": {"remote": {**remote, "env": {"K": new()}}}}
    plants.file("claude-desktop", ".config/Claude/claude_desktop_config.json", json.dumps(desktop))
    cursor = {
        "mcpServers": {
            "jira": {"url": f"{url}/cursor", "headers": {"Authorization": f"Bearer {new()}"}},
            "plain": stdio(UNSUSPICIOUS=new()),
        }
    }
    plants.file("cursor", ".cursor/mcp.json", f"// mine\n{json.dumps(cursor, indent=1)}")
    code = {"servers": {"code": {"type": "stdio", **stdio(GITHUB_TOKEN=new("ghp_{}"))}}}
    plants.file("vs-code", ".config/Code/User/mcp.json", json.dumps(code, indent="\t"))
    plants.file(
        "codex",
        ".codex/config.toml",
        f'model = "x"\n[mcp_servers.docs]\ncommand = {json.dumps(STDIO[0])}\n'
        f"args = {json.dumps(STDIO[1:])}\n[mcp_servers.docs.env]\nDB_PASSWORD = '{new()}'\n"
        f"[mcp_servers.web]\nurl = '{url}/codex'\nhttp_headers = {{ X-Key = '{new()}' }}\n",
    )
    wind = {"mcpServers": {"w": {"serverUrl": f"{url}/wind", "headers": {"Cookie": new()}}}}
    plants.file("windsurf", ".codeium/windsurf/mcp_config.json", json.dumps(wind))
    gemini = {"mcpServers": {"g": {"httpUrl": f"{url}/gemini", "headers": {"X-G": new()}}}}
    plants.file("gemini", ".gemini/settings.json", json.dumps(gemini))
    plants.file(
        "goose",
        ".config/goose/config.yaml",
        f"extensions:\n  notes: # of the team\n    type: stdio\n    cmd: {STDIO[0]}\n"
        f"    args: {json.dumps(STDIO[1:])}\n    envs: {{NOTES_KEY: {new()}}}\n    enabled: true\n",
    )
    plants.file(
        "continue",
        ".continue/config.yaml",
        f"name: x\nversion: 1.0.0\nschema: v1\nmcpServers:\n- name: c\n  type: streamable-http\n"
        f"  url: {url}/continue\n  apiKey: {new()}\n",
    )
    plants.file("kiro", ".kiro/settings/mcp.json", shell)
    return plants


@pytest.fixture
def planted(box: Box) -> Iterator[Plants]:
    home = box.home / "home"
    box.environment |= {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_STATE_HOME": str(box.home / "state"),
    }
    # Its key is where it was made.
    with http_peer(box, "bad_http.py") as url:
        yield plant(home, url)


def open_in(places: dict[str, bytes], canaries: list[str]) -> list[tuple[str, str]]:
    return [
        (place, canary)
        for canary in canaries
        for spelled in encodings(canary)
        for place, content in places.items()
        if spelled in content
    ]


def test_none_lies_open(box: Box, planted: Plants, watch: Watch) -> None:
    originals = {client: path.read_bytes() for client, path in planted.files.items()}
    assert {canary for _, canary in open_in(originals, planted.canaries)} == set(planted.canaries)
    shown = box.run("import", "--dry-run")
    done = box.run("import", "--yes", "--replace")
    results = box.read("import", "--dry-run")
    servers = box.read("server", "list")
    more = [box.run(*command).stdout for command in (("secret", "list"), ("server", "list"))]
    assert len(servers) == 14
    assert all(not one["missing_secrets"] for one in servers)
    # Only the gateway is left in the files, and what it was before is kept.
    assert {one["status"] for one in results} == {"own"}
    assert {one["client"] for one in results} == set(planted.files)
    backups = sorted((box.home / "state" / "mcpgw" / "backups").iterdir())
    assert sorted(path.read_bytes() for path in backups) == sorted(originals.values())
    assert {path.stat().st_mode & 0o777 for path in backups} == {0o600}
    places = {
        str(path): path.read_bytes()
        for path in box.home.rglob("*")
        if path.is_file() and path not in backups
    }
    assert any(place.endswith("configuration.db") for place in places)
    said = "".join((shown.stdout, shown.stderr, done.stdout, done.stderr, *more))
    places |= {"output": said.encode(), "results": json.dumps([results, servers]).encode()}
    places["command lines"] = "\0".join(watch.seen).encode()
    assert open_in(places, planted.canaries) == []


def test_comments_and_neighbours_stay(box: Box, planted: Plants) -> None:
    box.run("import", "--yes", "--replace", "--no-test")
    assert planted.files["cursor"].read_text().startswith("// mine\n{")
    assert planted.files["codex"].read_text().startswith('model = "x"\n')
    assert planted.files["continue"].read_text().startswith("name: x\nversion: 1.0.0\n")
    projects = json.loads(planted.files["claude-code"].read_text())["projects"]
    assert projects == {"/srv/app": {"mcpServers": {}}}


def test_one_that_fails_costs_nobody_else(box: Box, planted: Plants) -> None:
    broken = {"servers": {"code": {"command": "/nowhere/at/all", "env": {"T": planted.canary()}}}}
    planted.files["vs-code"].write_text(json.dumps(broken))
    planted.files["windsurf"].write_text("{broken")
    done = box.run("import", "--yes", "--replace", exit_code=6)
    assert "skipped:" in done.stderr
    assert "failed: code" in done.stderr
    assert len(box.read("server", "list")) == 12
    assert json.loads(planted.files["vs-code"].read_text()) == broken
    assert planted.files["windsurf"].read_text() == "{broken"


def test_into_a_gateway_elsewhere(box: Box, planted: Plants) -> None:
    path = planted.files["codex"]
    path.write_text(re.sub(r"http://127\.0\.0\.1:\d+", "https://mcp.example.com", path.read_text()))
    with box.serving() as served:
        token = box.token("admin")
        member = replace(box, environment=dict(box.environment))
        member.environment |= {
            "MCPGW_URL": served.workspace_url,
            "MCPGW_TOKEN": token,
            "MCPGW_HOME": str(box.home / "nothing"),
        }
        options = ("--yes", "--replace", "--no-test")
        done = member.run("import", str(path), *options, exit_code=6)
        # A command would be run over there: only who is at that box may add one.
        assert "failed: docs" in done.stderr
        assert "added: web" in done.stderr
        codex = path.read_text()
        assert f'url = "{served.workspace_url}"' in codex
        assert "[mcp_servers.docs]" in codex
        assert "[mcp_servers.web]" not in codex
        assert token not in done.stdout + done.stderr + codex
    (web,) = box.read("server", "list")
    assert web["headers"] == {"X-Key": "${secret:X_KEY}"}
    assert web["missing_secrets"] == []
