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
