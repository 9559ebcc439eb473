"""Why a tool is shown, hidden or refused."""

from tests.cli.conftest import Cli


def test_shown_hidden_and_refused(echo: Cli) -> None:
    token = echo.json("token", "issue", "--role", "readonly", "--no-test")["id"]
    found = echo("explain", token, "echo__echo", "--json")
    assert (found.data["verdict"], found.data["token"]) == ("hidden", token)
    assert "classed write" in found.data["reason"]
    failed = [one["check"] for one in found.data["checks"] if not one["passed"]]
    assert failed == ["policy"]
    echo("tool", "class", "echo__echo", "read")
    done = echo("explain", token, "echo__echo")
    assert f"echo__echo is shown for {token}" in done.err
    assert done.out.count("passes") == 6
    echo("token", "revoke", token)
    assert echo.json("explain", token, "echo__echo")["verdict"] == "refused"


def test_from_an_address(echo: Cli) -> None:
    token = echo.json("token", "issue", "--addresses", "10.0.0.0/8", "--no-test")["id"]
    away = ("explain", token, "echo__echo", "--address")
    assert echo.json(*away, "10.1.1.1")["verdict"] == "shown"
    assert echo.json(*away, "192.0.2.1")["verdict"] == "refused"


def test_a_token_that_is_not_there(echo: Cli) -> None:
    echo.refused(3, "explain", "tok_none", "echo__echo")
