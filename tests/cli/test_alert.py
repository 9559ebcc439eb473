"""Alerts at the box: the URL of a webhook goes in, and never comes out but to be posted to."""

import pytest

from tests.cli.conftest import Cli
from tests.peers.hook import listening

WHEN = "error_rate(server=echo, 10m) > 0.2"
CANARY = "canary-in-a-url"


def test_add_list_test_and_remove(echo: Cli) -> None:
    with listening(f"/{CANARY}") as hook:
        added = echo("alert", "add", "--when", WHEN, "--webhook", "-", given=hook.url.encode())
        (found,) = echo.json("alert", "list")
        assert found["id"] in added.err
        assert (found["when"], found["every_s"], found["sent_at"]) == (WHEN, 3600.0, None)
        assert "took it" in echo("alert", "test", found["id"]).err
        (body,) = hook.bodies
        assert body["text"] == f"mcpgw default: {WHEN}: this is a test, nothing happened"
        table = echo("alert", "list").out
        assert all(one in table for one in (found["id"], WHEN, "1h", "127.0.0.1", "never"))
        assert echo.json("alert", "test", found["id"]) == {"id": found["id"], "sent": True}
        assert WHEN in echo("alert", "remove", found["id"]).err
    assert "no alert yet" in echo("alert", "list").err
    assert CANARY not in "".join(echo.printed)
    for path in echo.home.iterdir():
        assert path.is_dir() or CANARY.encode() not in path.read_bytes()


def test_json_says_what_was_made(echo: Cli) -> None:
    url = f"https://hooks.example/{CANARY}"
    added = echo.json("alert", "add", "--when", "p95(15m) > 2s", "--webhook", url, "--every", "1d")
    assert (added["when"], added["host"]) == ("p95(15m) > 2s", "hooks.example")
    removed = echo.json("alert", "remove", added["id"])
    assert removed == {"id": added["id"], "removed": True}


@pytest.mark.parametrize(
    ("exit_code", "when", "url", "every", "said"),
    [
        (2, "weather > 3", "https://hooks.example/", "1h", "nothing to watch"),
        (2, WHEN, f"ftp://{CANARY}", "1h", "no http(s) URL"),
        (2, WHEN, "https://hooks.example/", "often", "--every has no such time"),
        (2, WHEN, "https://hooks.example/", "1s", "once in 1m to 30d"),
        (3, "server_down(server=none)", "https://hooks.example/", "1h", "no server 'none'"),
    ],
)
def test_what_is_refused(
    echo: Cli, exit_code: int, when: str, url: str, every: str, said: str
) -> None:
    more = ("--when", when, "--webhook", url, "--every", every)
    complaint = echo.refused(exit_code, "alert", "add", *more)
    assert said in complaint
    assert CANARY not in complaint


def test_an_alert_that_is_not_there(echo: Cli) -> None:
    for verb in ("remove", "test"):
        assert "no alert" in echo.refused(3, "alert", verb, "alert_000000000000")


def test_a_webhook_that_is_gone(echo: Cli) -> None:
    url = f"http://127.0.0.1:1/{CANARY}"
    added = echo.json("alert", "add", "--when", WHEN, "--webhook", url)
    complaint = echo.refused(6, "alert", "test", added["id"])
    assert "cannot be reached" in complaint
    assert CANARY not in complaint


def test_not_with_a_gateway_elsewhere(echo: Cli) -> None:
    echo.monkeypatch.delenv("MCPGW_HOME")
    echo.monkeypatch.setenv("MCPGW_URL", "http://127.0.0.1:1")
    echo.monkeypatch.setenv("MCPGW_TOKEN", "mgwu_x")
    assert "at the box" in echo.refused(4, "alert", "list")
