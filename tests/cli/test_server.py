import signal
import sys

from tests.cli.conftest import PEER, Cli
from tests.cli.terminal import read_until

WITH_SECRET = ("--env", "KEY=${secret:KEY}", "--", *PEER)


def names(cli: Cli) -> list[str]:
    return [one["name"] for one in cli.json("server", "list")]


def test_add_tries_and_says_what_it_found(cli: Cli) -> None:
    done = cli("server", "add", "echo", "--json", "--", *PEER)
    assert "added echo to default: " in done.err
    assert done.data["test"]["tools"] > 1
    assert done.data["command"] == list(PEER)
    assert (done.data["transport"], done.data["prefix"]) == ("stdio", "echo")
    assert names(cli) == ["echo"]


def test_a_url(cli: Cli) -> None:
    header = "Authorization: Bearer ${secret:T}"
    done = cli("server", "add", "web", "http://127.0.0.1:9/mcp", "--header", header)
    assert "next: mcpgw secret set web T -w default" in done.err
    assert "not tried yet" in done.err
    shown = cli.json("server", "show", "web")
    assert shown["headers"] == {"Authorization": "Bearer ${secret:T}"}
    assert shown["missing_secrets"] == ["T"]
    assert "secret T" in cli("server", "show", "web").out
    assert "lacks T" in cli("server", "list").out
    assert "secret set web T" in cli.refused(6, "server", "test", "web")


def test_an_empty_prefix(cli: Cli) -> None:
    cli("server", "add", "echo", "--prefix", "", "--", *PEER)
    assert cli.json("server", "show", "echo")["prefix"] == ""
    assert "''" in cli("server", "list").out
    assert "hi" in cli("call", "echo", "text=hi").out


def test_no_test(cli: Cli) -> None:
    cli("server", "add", "x", "--no-test", "--", "no-such-program-anywhere")
    assert names(cli) == ["x"]
    assert "no-such-program-anywhere" in cli.refused(6, "server", "test", "x")


def test_a_taken_name(echo: Cli) -> None:
    assert "server remove echo" in echo.refused(5, "server", "add", "echo", "--", *PEER)


def test_secrets_are_asked_for_at_a_terminal(cli: Cli) -> None:
    done = cli("server", "add", "echo", *WITH_SECRET, typed="canary\n")
    assert "added echo to default: " in done.err
    assert "canary" not in done.out + done.err
    assert "canary" in cli("call", "echo__environment").out
    cli("server", "add", "later", "--no-test", *WITH_SECRET, typed="canary\n")
    assert cli.json("server", "show", "later")["missing_secrets"] == []


def test_a_server_that_fails_with_its_secret_is_not_added(cli: Cli) -> None:
    broken = ("--env", "KEY=${secret:KEY}", "--", sys.executable, "-c", "0")
    done = cli("server", "add", "x", *broken, typed="canary\n", exit_code=6)
    assert "x was not added" in done.err
    assert names(cli) == []
    assert cli.json("secret", "list") == []


def test_ctrl_c_at_the_question_adds_nothing(cli: Cli) -> None:
    with cli.at_terminal("server", "add", "x", *WITH_SECRET) as (process, terminal):
        read_until(terminal, b"KEY (hidden): ")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert b"Traceback" not in read_until(terminal, b"x was not added")
    assert names(cli) == []


def test_a_written_out_credential_is_refused(cli: Cli) -> None:
    for arguments in (
        ("http://127.0.0.1:9/mcp", "--header", "Authorization: Bearer canary"),
        ("--env", "GITHUB_TOKEN=canary", "--", *PEER),
    ):
        complaint = cli.refused(2, "server", "add", "x", *arguments)
        assert "${secret:" in complaint
        assert "canary" not in complaint
    assert names(cli) == []


def test_off_and_on(echo: Cli) -> None:
    assert echo.json("server", "disable", "echo") == {"name": "echo", "is_enabled": False}
    assert "off" in echo("server", "list").out
    echo.refused(3, "call", "echo__echo", "text=x")
    assert "switched echo on" in echo("server", "enable", "echo").err
    echo("call", "echo__echo", "text=x")


def test_test(echo: Cli) -> None:
    assert echo("server", "test", "echo").out.startswith("echo: ")
    found = echo.json("server", "test", "echo")
    assert found["tools"] > 1
    assert found["duration_ms"] > 0


def test_remove_is_confirmed(echo: Cli) -> None:
    assert "--yes" in echo.refused(2, "server", "remove", "echo")
    echo.refused(2, "server", "remove", "echo", typed="no\n")
    assert names(echo) == ["echo"]
    echo("server", "remove", "echo", typed="echo\n")
    assert names(echo) == []
    assert "server add" in echo("server", "list").err
    echo("server", "add", "echo", "--", *PEER)
    assert echo.json("server", "remove", "echo", "--yes") == {"name": "echo", "removed": True}


def test_a_mistyped_name(echo: Cli) -> None:
    for verb in ("show", "remove", "enable", "disable", "test"):
        assert "did you mean echo?" in echo.refused(3, "server", verb, "ehco")


def test_approved_and_not_any_more(echo: Cli) -> None:
    assert echo.json("server", "show", "echo")["is_approved"] is False
    assert "may switch echo on and off" in echo("server", "approve", "echo").err
    assert echo.json("server", "show", "echo")["is_approved"] is True
    assert echo.json("server", "approve", "echo", "--withdraw")["is_approved"] is False
    echo("server", "add", "web", "http://127.0.0.1:1/mcp", "--no-test")
    assert "reached by URL" in echo.refused(2, "server", "approve", "web")
    echo.refused(3, "server", "approve", "none")
