"""The command line as a whole: what is imported, unknown commands, the last line of defence."""

import subprocess
import sys

import pytest

from mcpgw.cli import main, run
from tests.cli.conftest import Cli

HEAVY = (
    *("aiohttp", "sqlalchemy", "cryptography", "keyring", "rich", "alembic", "uvloop"),
    *("yaml", "mcpgw.client_configs.app", "mcpgw.cli.connecting"),
    *("mcpgw.bootstrap", "mcpgw.web", "mcpgw.store", "mcpgw.gateway", "mcpgw.upstream"),
)


@pytest.mark.parametrize("argument", ["--help", "version", "server add --help", "connect --help"])
def test_help_and_version_import_nothing_heavy(argument: str) -> None:
    script = f"""
import sys
from mcpgw.cli import run
code = run({argument.split()!r})
print(*sorted(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
sys.exit(code)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout
    assert done.stderr.strip() == ""


def test_asked_for_nothing_it_shows_help(bare: Cli) -> None:
    assert "Commands:" in bare().out
    assert bare("-h").out == bare("--help").out
    assert "add" in bare("server").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("serv",), "Did you mean 'serve'"),
        (("server", "ad"), "Did you mean 'add'"),
        (("nothing-like-it",), "No such command 'nothing-like-it'"),
        (("server", "show"), "Missing argument 'NAME'"),
        (("serve", "--port", "x"), "'--port'"),
        (("serve", "--port", "70000"), "'--port'"),
        (("token", "issue", "--role", "boss"), "'readonly'"),
        (("logs", "-n", "0"), "'-n'"),
        (("status", "--nothing"), "No such option: --nothing"),
    ],
)
def test_misuse(bare: Cli, arguments: tuple[str, ...], message: str) -> None:
    complaint = bare.refused(2, *arguments)
    assert message in complaint
    assert "--help" in complaint


def test_hidden_aliases(cli: Cli) -> None:
    shown = cli("--help").out
    assert cli("add-server", "one", "--no-test", "--json", "--", "x").data["name"] == "one"
    cli("set-secret", "one", "T", given=b"x")
    issued = cli.json("issue-token", "--member", "ana")
    cli("revoke", issued["id"])
    for alias in ("add-server", "set-secret", "issue-token", "revoke"):
        assert alias not in shown


def test_options_before_the_command_count_too(cli: Cli) -> None:
    cli("workspace", "create", "team")
    assert cli.json("-w", "team", "workspace", "show")["name"] == "team"
    assert cli.json("-w", "team", "workspace", "show", "-w", "default")["name"] == "default"
    assert cli("--json", "server", "list", "-w", "team").data == []


def test_a_bug_is_said_in_a_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcpgw.cli.version.print_json", None)
    assert cli.refused(1, "version", "--json").startswith("error: internal error: TypeError\n")
    code = run(["version", "--json", "--debug"])
    captured = cli.capsys.readouterr()
    assert code == 1
    assert "Traceback" in captured.err


def test_the_end_of_input_cancels(bare: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object) -> None:
        raise EOFError

    monkeypatch.setattr("mcpgw.cli.version.print_json", ended)
    assert "cancelled" in bare.refused(2, "version", "--json")


def test_debugging_shows_where_an_error_came_from(bare: Cli) -> None:
    code = run(["status", "--debug"])
    assert code == 3
    assert "Traceback" in bare.capsys.readouterr().err


def test_the_process_ends_with_the_code(bare: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mcpgw", "version"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    with pytest.raises(SystemExit) as caught:
        main(["nothing-like-it"])
    assert caught.value.code == 2


def test_a_setting_that_does_not_fit(bare: Cli) -> None:
    bare.monkeypatch.setenv("MCPGW_PORT", "many")
    assert "MCPGW_PORT" in bare.refused(2, "status")


def test_no_data_directory(bare: Cli) -> None:
    for command in (("status",), ("server", "list"), ("logs",), ("token", "issue")):
        assert "mcpgw init" in bare.refused(3, *command)
    assert not bare.home.exists()


def test_a_data_directory_that_cannot_be_made(bare: Cli) -> None:
    assert "cannot be opened or written" in bare.refused(74, "init", "--yes", "--home", "/proc/x")
    bare.home.write_text("a file in its place")
    bare.refused(2, "init", "--yes")
    assert bare.home.read_text() == "a file in its place"


def test_a_database_of_a_newer_version(cli: Cli) -> None:
    import sqlite3
    from contextlib import closing

    path = cli.home / "configuration.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    before = path.read_bytes()
    assert "newer mcpgw" in cli.refused(5, "status")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("workspace", "create", "No Slug"), 2, "is no workspace name"),
        (("workspace", "create", "default"), 5, "exists already"),
        (("server", "add", "Bad Name", "--", "x"), 2, "is no server name"),
        (("server", "add", "x", "ftp://example.com"), 2, "no http(s) scheme"),
        (("server", "add", "x", "--prefix", "a__b", "--", "x"), 2, "is no prefix"),
        (("server", "add", "x", "--", "no-such-program-anywhere"), 6, "no-such-program-anywhere"),
        (("server", "add", "x", "--", sys.executable, "-c", "0"), 6, "'x'"),
        (("server", "add", "x", "http://127.0.0.1:1/mcp"), 6, "refused the connection"),
        (("token", "issue", "--ttl", "soon"), 2, "--ttl has no such time"),
        (("token", "issue", "--ttl", "9999w"), 2, "10 years"),
        (("token", "issue", "--member", ""), 2, "a member needs"),
        (("token", "show", "tok_x"), 3, "no token"),
        (("logs", "--since", "soon"), 2, "--since has no such time"),
        (("logs", "--slower-than", "x"), 2, "--slower-than has no such time"),
        (("logs", "--status", "bad"), 2, "no status 'bad'"),
        (("logs", "show", "call_x"), 3, "no call"),
        (("server", "list", "-w", "defualt"), 3, "did you mean default?"),
    ],
)
def test_bad_input(cli: Cli, arguments: tuple[str, ...], exit_code: int, message: str) -> None:
    assert message in cli.refused(exit_code, *arguments)
    assert cli.json("server", "list") == []
    assert cli.json("token", "list") == []
