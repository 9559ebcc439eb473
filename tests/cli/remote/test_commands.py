"""The same commands elsewhere: what works over the API answers alike, the rest says why not."""

import os
import re
import selectors
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mcpgw.config import load_config
from tests.cli.conftest import PEER, Cli, Done

PATIENCE_S = 60
SERVED_AT = re.compile(rb"http://127\.0\.0\.1:\d+")


@dataclass
class Elsewhere:
    """A machine without any data, told of a gateway by its environment."""

    cli: Cli
    url: str
    token: str

    @contextmanager
    def there(self, token: str | None = None) -> Iterator[None]:
        with self.cli.monkeypatch.context() as patched:
            patched.setenv("MCPGW_URL", self.url)
            patched.setenv("MCPGW_TOKEN", self.token if token is None else token)
            patched.setenv("MCPGW_HOME", str(self.cli.directory / "nothing"))
            yield
        assert not (self.cli.directory / "nothing").exists()

    def __call__(self, *arguments: str, token: str | None = None, **more: Any) -> Done:
        with self.there(token):
            return self.cli(*arguments, **more)

    def json(self, *arguments: str, token: str | None = None, **more: Any) -> Any:
        with self.there(token):
            return self.cli.json(*arguments, **more)

    def refused(self, exit_code: int, *arguments: str, token: str | None = None) -> str:
        with self.there(token):
            return self.cli.refused(exit_code, *arguments)


@dataclass
class Served:
    """A data directory that is served for all tests of this file, with a server `echo`."""

    directory: Path
    url: str
    token: str


@pytest.fixture(scope="module")
def served(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("served")
    shutil.copytree(made, directory, dirs_exist_ok=True)
    cli = Cli(directory, pytest.MonkeyPatch(), None)  # type: ignore[arg-type]  # captures nothing
    cli.finish("server", "add", "echo", "--no-test", "--", *PEER)
    admin = ("--role", "admin", "--member", "ada", "--no-test", "--json")
    token = cli.finish("token", "issue", *admin).data["token"]
    with cli.process("serve", "--port", "0") as process:
        assert process.stderr is not None
        try:
            yield Served(directory, _url(process), token)
        finally:
            process.terminate()
            process.stderr.read()


@pytest.fixture
def elsewhere(bare: Cli, served: Served) -> Iterator[Elsewhere]:
    """Somebody elsewhere with an admin's token; `cli` is the operator at the box."""
    bare.monkeypatch.setenv("XDG_CONFIG_HOME", str(served.directory / "config"))
    bare.monkeypatch.setenv("MCPGW_HOME", str(served.directory / "data"))
    box = Cli(served.directory, bare.monkeypatch, bare.capsys)
    yield Elsewhere(box, served.url, served.token)
    assert served.token not in "".join(box.printed)


def _url(process: "subprocess.Popen[bytes]") -> str:
    assert process.stderr is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        said = b""
        while selector.select(PATIENCE_S):
            said += os.read(process.stderr.fileno(), 4096)
            found = SERVED_AT.search(said)
            if found:
                return found.group().decode()
    raise AssertionError(said)


def test_what_is_shown_is_the_same_as_at_the_box(elsewhere: Elsewhere) -> None:
    cli = elsewhere.cli
    cli("secret", "set", "echo", "KEY", given=b"x")
    cli("token", "issue", "--role", "readonly", "--member", "r@team.org", "--rate", "5/m")
    elsewhere("call", "echo__echo", "text=hello")
    elsewhere("call", "echo__nothing", exit_code=3)
    token_id = cli.json("token", "list")[0]["id"]
    for command in (
        ("workspace", "show"),
        ("secret", "list"),
        ("token", "list"),
        ("token", "list", "--unused"),
        ("token", "show", token_id),
        ("tool", "list"),
        ("tool", "list", "write"),
        ("member", "list"),
        ("member", "show", "r@team.org"),
        ("explain", token_id, "echo__echo"),
        ("logs", "--only", "calls"),
        ("logs", "--tool", "echo", "--since", "1h", "-n", "5"),
        ("logs", "--status", "denied"),
    ):
        here, there = cli.json(*command), elsewhere.json(*command)
        assert _sorted(here) == _sorted(there), command
        assert there, command
    here, there = cli("tool", "list", "--class"), elsewhere("tool", "list", "--class")
    assert sorted(here.out.splitlines()) == sorted(there.out.splitlines())
    lint = ("tool", "lint", "--json")
    assert cli(*lint, exit_code=7).data == elsewhere(*lint, exit_code=7).data


def _sorted(found: Any) -> Any:
    return sorted(found, key=repr) if isinstance(found, list) else found


def test_servers(elsewhere: Elsewhere) -> None:
    (shown,) = elsewhere.json("server", "list")
    assert (shown["name"], shown["command"][1:]) == ("echo", ["***"])
    assert "was not" not in elsewhere("server", "show", "echo").err
    assert "only at the box" in elsewhere.refused(4, "server", "add", "x", "--", "sh")
    assert "only at the box" in elsewhere.refused(4, "server", "approve", "echo")
    assert "https" in elsewhere.refused(2, "server", "add", "x", "http://127.0.0.1:9/mcp")
    assert "private network" in elsewhere.refused(
        6, "server", "add", "x", "https://127.0.0.1:9/mcp"
    )
    assert "did you mean echo" in elsewhere.refused(3, "server", "show", "ecco")
    elsewhere.refused(4, "server", "disable", "echo")
    elsewhere.refused(4, "server", "test", "echo")
    elsewhere.refused(4, "server", "remove", "echo", "--yes")
    elsewhere.cli("server", "approve", "echo")
    elsewhere("server", "disable", "echo")
    assert elsewhere.json("server", "list")[0]["is_enabled"] is False
    elsewhere("server", "enable", "echo")
    header = ("--header", "X-Key: ${secret:KEY}", "--no-test")
    added = elsewhere.json("server", "add", "web", "https://mcp.example.com/mcp", *header)
    assert (added["headers"], added["missing_secrets"]) == ({"X-Key": "${secret:KEY}"}, ["KEY"])
    elsewhere("server", "remove", "web", "--yes")


def test_secrets(elsewhere: Elsewhere) -> None:
    elsewhere("secret", "set", "echo", "OTHER", "-", given=b"canary\n")
    (inside,) = [one for one in elsewhere.cli.json("secret", "list") if one["name"] == "OTHER"]
    assert (inside["server"], inside["version"]) == ("echo", 1)
    elsewhere("secret", "delete", "echo", "OTHER", "--yes")
    assert "OTHER" not in {one["name"] for one in elsewhere.cli.json("secret", "list")}
    assert "canary" not in "".join(elsewhere.cli.printed)


def test_tokens_and_members(elsewhere: Elsewhere) -> None:
    cli = elsewhere.cli
    issued = elsewhere.json(
        *("token", "issue", "--member", "b@team.org", "--role", "readonly", "--ttl", "never"),
        *("--servers", "echo", "--tools", "echo__*", "--concurrency", "2"),
    )
    assert issued["token"].startswith("mgwu_")
    assert issued["bounds"]["servers"] == ["echo"]
    assert issued["all_tools"] >= issued["visible_tools"]
    rotated = elsewhere.json("token", "rotate", issued["id"], "--overlap", "1h", "--no-test")
    states = {one["id"]: one for one in cli.json("token", "list")}
    assert states[issued["id"]]["expires_at"] is not None
    assert states[rotated["id"]]["expires_at"] is None
    elsewhere("token", "revoke", issued["id"])
    elsewhere("token", "revoke", "--member", "b@team.org", "--yes")
    states = {one["id"]: one["state"] for one in cli.json("token", "list")}
    assert states[issued["id"]] == states[rotated["id"]] == "revoked"
    elsewhere.json("token", "issue", "--member", "c", "--no-test")
    assert len(elsewhere.json("member", "remove", "c", "--yes")["revoked"]) == 1
    elsewhere.json("token", "issue", "--member", "d", "--role", "admin", "--no-test")
    assert elsewhere.json("offboard", "d", "--yes")["was_admin"] is True
    assert "no member" in elsewhere.refused(3, "member", "show", "eve")


def test_settings_and_rulings(elsewhere: Elsewhere) -> None:
    cli = elsewhere.cli
    elsewhere("workspace", "set", "--ttl", "30d", "--rate", "9/s")
    assert cli.json("workspace", "show")["settings"]["bounds"]["rate"] == "9/s"
    elsewhere("workspace", "set", "--rate", "")
    settings = cli.json("workspace", "show")["settings"]
    assert (settings["bounds"]["rate"], settings["ttl_s"]) == (None, 30 * 86400)
    assert elsewhere.json("tool", "class", "echo__echo", "read")["class"] == "read"
    assert [one["name"] for one in cli.json("tool", "list", "read")].count("echo__echo") == 1
    elsewhere("tool", "class", "echo__echo", "auto")
    elsewhere.refused(3, "tool", "class", "echo__nothing", "read")


def test_calls_and_their_journal(elsewhere: Elsewhere) -> None:
    assert '"text": "hello"' in elsewhere("call", "echo__echo", "text=hello").out
    elsewhere("call", "echo__fail", exit_code=6)
    first = elsewhere.json("logs", "--only", "calls")[-2]
    assert (first["member"], first["exposed"]) == ("ada", "echo__echo")
    shown = elsewhere.json("logs", "show", first["call_id"])
    assert shown == first
    environment = {
        **elsewhere.cli.environment,
        "MCPGW_URL": elsewhere.url,
        "MCPGW_TOKEN": elsewhere.token,
        "MCPGW_HOME": str(elsewhere.cli.directory / "nothing"),
    }
    with elsewhere.cli.process("logs", "-f", "--json", env=environment) as process:
        assert process.stdout is not None
        for _ in elsewhere.json("logs"):
            process.stdout.readline()
        elsewhere("call", "echo__echo", "text=later")
        assert b'"echo__echo"' in process.stdout.readline()
        process.terminate()
        process.stdout.read()


def test_acts_but_for_those_of_the_house(elsewhere: Elsewhere) -> None:
    elsewhere("token", "issue", "--member", "bob", "--no-test")
    here = elsewhere.cli.json("logs", "--only", "acts")
    there = elsewhere.json("logs", "--only", "acts")
    assert there == [one for one in here if one["workspace"]]
    last = there[-1]
    assert (last["kind"], last["member"], last["role"]) == ("token.issue", "ada", "admin")
    assert elsewhere.json("logs", "show", last["act_id"]) == last
    developer = elsewhere.json("token", "issue", "--role", "developer", "--no-test")["token"]
    assert elsewhere.json("logs", "--only", "acts", token=developer) == []
    elsewhere.refused(4, "logs", "show", str(last["act_id"]), token=developer)


def test_what_is_for_the_operator_says_so(elsewhere: Elsewhere) -> None:
    for command in (
        ("workspace", "list"),
        ("workspace", "create", "team"),
        ("workspace", "delete", "default", "--yes"),
        ("workspace", "use", "default"),
    ):
        complaint = elsewhere.refused(4, *command)
        assert "only the operator can do that, at the box" in complaint
        assert "--home DIR" in complaint


def test_status_says_which_gateway(elsewhere: Elsewhere) -> None:
    said = elsewhere("status").out
    assert f"{elsewhere.url} (named by MCPGW_URL)" in said
    assert "of ada, admin" in said
    described = elsewhere.json("status")
    assert described["gateway"] == elsewhere.url
    assert described["token"]["all_tools"] > 0
    assert [one["name"] for one in described["workspaces"]] == ["default"]
    with elsewhere.there():
        here = elsewhere.cli.json("status", "--home", str(elsewhere.cli.home))
    assert here["home"] == str(elsewhere.cli.home)


def test_other_roles_get_what_is_theirs(elsewhere: Elsewhere) -> None:
    issued = {
        role: elsewhere.json("token", "issue", "--role", role, "--member", role, "--no-test")
        for role in ("developer", "readonly")
    }
    developer, reader = (issued[role]["token"] for role in issued)
    elsewhere("call", "echo__echo", token=developer)
    assert "developer" in elsewhere("logs", token=developer).out
    assert "of readonly, readonly" in elsewhere("status", token=reader).out
    assert "no tool" in elsewhere.refused(3, "call", "echo__echo", token=reader)
    for command in (("server", "list"), ("token", "list"), ("workspace", "set", "--ttl", "1d")):
        assert "not allowed" in elsewhere.refused(4, *command, token=developer)
    elsewhere.refused(4, "logs", token=reader)


def test_a_token_that_is_not_taken(elsewhere: Elsewhere) -> None:
    wrong = elsewhere.token[:-1] + ("a" if elsewhere.token[-1] != "a" else "b")
    for command in (("server", "list"), ("status",), ("call", "echo__echo"), ("logs",)):
        complaint = elsewhere.refused(4, *command, token=wrong)
        assert wrong not in complaint
    assert "there is no token for it" in elsewhere.refused(4, "server", "list", token="")
    assert "workspace other" in elsewhere.refused(4, "server", "list", "-w", "other")


def test_a_data_directory_that_is_named_wins(elsewhere: Elsewhere) -> None:
    with elsewhere.there():
        home = load_config({"home": elsewhere.cli.home}).home
        shown = elsewhere.cli.json("server", "list", "--home", str(home))
    assert shown[0]["command"][0] == sys.executable
