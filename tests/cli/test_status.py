from tests.cli.conftest import Cli


def test_one_screen(echo: Cli) -> None:
    echo("call", "echo__echo")
    echo("call", "echo__fail", exit_code=6)
    echo("server", "add", "second", "--no-test", "--", "x")
    echo("server", "disable", "second")
    kept = echo.json("token", "issue")
    echo("token", "revoke", echo.json("token", "issue")["id"])
    status = echo.json("status")
    assert status["home"] == str(echo.home)
    assert status["serving"] is None
    assert status["master_key"][0].startswith("file: ")
    assert status["workspaces"] == [
        {
            "name": "default",
            "servers": ["echo", "second (off)"],
            "active_tokens": 1,
            "calls_24h": 2,
            "failed_24h": 1,
        }
    ]
    shown = echo("status").out
    assert "no: run mcpgw serve" in shown
    assert "echo, second (off)" in shown
    assert kept["token"] not in shown


def test_it_needs_no_key(bare: Cli) -> None:
    bare("init", "--yes")
    (key,) = (bare.directory / "config").rglob("*.key")
    key.unlink()
    assert str(key) in bare("status").out
