import pytest

from mcpgw.model.token import is_token
from tests.cli.conftest import Cli


def test_issued_once_and_never_again(cli: Cli) -> None:
    done = cli("token", "issue", "--member", "ana", "--role", "readonly", "--ttl", "14d", "--json")
    issued = done.data
    assert is_token(issued["token"])
    assert (issued["member"], issued["role"]) == ("ana", "readonly")
    assert issued["workspace"] == "default"
    assert issued["expires_at"] > issued["created_at"]
    assert "not shown again" in done.err
    assert issued["token"] not in done.err
    (listed,) = cli.json("token", "list")
    assert listed == cli.json("token", "show", issued["id"])
    assert (listed["id"], listed["state"], listed["last_used_at"]) == (issued["id"], "active", None)
    shown = cli("token", "list").out + cli("token", "show", issued["id"]).out
    assert issued["id"] in shown
    assert "in 14 d" in shown
    assert issued["token"] not in shown + "".join(cli.printed[2:])


def test_only_the_token_goes_to_stdout(cli: Cli) -> None:
    done = cli("token", "issue", "--ttl", "never")
    assert is_token(done.out.strip())
    assert "expires never" in done.err
    (listed,) = cli.json("token", "list")
    assert (listed["role"], listed["expires_at"]) == ("developer", None)
    assert listed["member"]


def test_the_usual_time(cli: Cli) -> None:
    assert "expires in 90 d" in cli("token", "issue").err


def test_revoked_at_once_without_a_question(cli: Cli) -> None:
    issued = cli.json("token", "issue")
    (revoked,) = cli.json("token", "revoke", issued["id"])
    assert revoked["id"] == issued["id"]
    assert cli.json("token", "show", issued["id"])["state"] == "revoked"
    assert "revoked 1 token" in cli("token", "revoke", issued["id"]).err
    cli.refused(3, "token", "revoke", "tok_none")


def test_all_of_a_member(cli: Cli) -> None:
    ids = {cli.json("token", "issue", "--member", "ana")["id"] for _ in range(2)}
    kept = cli.json("token", "issue", "--member", "bob")["id"]
    assert "--yes" in cli.refused(2, "token", "revoke", "--member", "ana")
    cli.refused(2, "token", "revoke", "--member", "ana", typed="bob\n")
    assert "revoked 2 tokens" in cli("token", "revoke", "--member", "ana", typed="ana\n").err
    states = {one["id"]: one["state"] for one in cli.json("token", "list")}
    assert states == {kept: "active", **dict.fromkeys(ids, "revoked")}
    cli.refused(3, "token", "revoke", "--member", "eve", "--yes")


@pytest.mark.parametrize("arguments", [(), ("tok_x", "--member", "ana")])
def test_revoke_wants_one_of_the_two(cli: Cli, arguments: tuple[str, ...]) -> None:
    assert "name one token, or a member" in cli.refused(2, "token", "revoke", *arguments)


def test_none_yet(cli: Cli) -> None:
    assert "token issue" in cli("token", "list").err


def test_who_nobody_knows(cli: Cli) -> None:
    def unknown() -> str:
        raise OSError

    cli.monkeypatch.setattr("getpass.getuser", unknown)
    assert cli.json("token", "issue")["member"] == "operator"


def test_without_its_key_nothing_is_issued_but_all_can_be_revoked(bare: Cli) -> None:
    cli = bare
    cli("init", "--yes")
    issued = cli.json("token", "issue")
    (key,) = (cli.directory / "config").rglob("*.key")
    key.unlink()
    assert "nothing was changed" in cli.refused(78, "token", "issue")
    assert len(cli.json("token", "list")) == 1
    cli("token", "revoke", issued["id"])


def test_bounds_are_issued_and_shown(cli: Cli) -> None:
    options = [*("--servers", "git,jira*", "--tools", "git__get_*", "--addresses", "10.1.2.3/8")]
    options += ["--rate", "120/m", "--concurrency", "4"]
    issued = cli.json("token", "issue", *options)
    assert issued["bounds"] == {
        "servers": ["git", "jira*"],
        "tools": ["git__get_*"],
        "addresses": ["10.0.0.0/8"],
        "rate": "120/m",
        "concurrency": 4,
    }
    assert cli.json("token", "show", issued["id"])["bounds"] == issued["bounds"]
    shown = cli("token", "show", issued["id"]).out
    assert "120/m" in shown
    assert "git, jira*" in shown


@pytest.mark.parametrize(
    "option",
    [
        ("--rate", "often"),
        ("--addresses", "here"),
        ("--servers", "a b"),
        ("--tools", "x[1]"),
        ("--ttl", "1y"),
        ("--ttl", "100000d"),
    ],
)
def test_unusable_bounds_issue_nothing(cli: Cli, option: tuple[str, str]) -> None:
    cli.refused(2, "token", "issue", *option)
    assert cli.json("token", "list") == []


def test_what_a_new_token_will_see_is_said(echo: Cli) -> None:
    done = echo("token", "issue")
    assert "it sees 6 of 6 tools" in done.err
    done = echo("token", "issue", "--role", "readonly", "--json")
    assert (done.data["visible_tools"], done.data["all_tools"]) == (0, 6)
    assert "sees none of the 6 tools" in done.err
    assert echo.json("token", "issue", "--tools", "echo__e*")["visible_tools"] == 2
    quiet = echo("token", "issue", "--no-test", "--json")
    assert quiet.data["visible_tools"] is None
    assert "it sees" not in quiet.err


def test_a_server_that_is_away_is_named_and_the_token_is_there(cli: Cli) -> None:
    cli("server", "add", "gone", "--no-test", "--", "/nowhere/to/be/found")
    done = cli("token", "issue")
    assert is_token(done.out.strip())
    assert "not counted: gone:" in done.err


def test_rotated_with_an_overlap(cli: Cli) -> None:
    old = cli.json("token", "issue", "--member", "ana", "--role", "readonly", "--rate", "5/s")
    done = cli("token", "rotate", old["id"], "--overlap", "24h", "--json")
    new = done.data
    assert is_token(new["token"])
    assert (new["member"], new["role"], new["bounds"]) == ("ana", "readonly", old["bounds"])
    assert new["token"] != old["token"]
    assert f"{old['id']} expires in 24 h" in done.err
    assert cli.json("token", "show", old["id"])["state"] == "active"
    at_once = cli.json("token", "rotate", new["id"], "--overlap", "0", "--ttl", "never")
    assert at_once["expires_at"] is None
    assert cli.json("token", "show", new["id"])["state"] == "expired"
    cli.refused(5, "token", "rotate", new["id"])
    cli.refused(3, "token", "rotate", "tok_none")
    cli.refused(2, "token", "rotate", at_once["id"], "--overlap", "soon")


def test_those_that_expire_soon_or_were_never_used(cli: Cli) -> None:
    soon = cli.json("token", "issue", "--ttl", "2d")["id"]
    later = cli.json("token", "issue", "--ttl", "30d")["id"]
    assert [one["id"] for one in cli.json("token", "list", "--expiring")] == [soon]
    assert {one["id"] for one in cli.json("token", "list", "--unused")} == {soon, later}
    assert "expires soon" in cli("token", "list").out
    cli("token", "revoke", soon)
    assert "no such token" in cli("token", "list", "--expiring").err
