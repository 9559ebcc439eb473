"""Members at the command line, and their end."""

from tests.cli.conftest import PEER, Cli


def test_listed_shown_and_removed(cli: Cli) -> None:
    assert "no member yet" in cli("member", "list").err
    for role in ("developer", "readonly"):
        cli("token", "issue", "--member", "ana@team.org", "--role", role)
    (ana,) = cli.json("member", "list")
    assert (ana["member"], ana["good_tokens"], ana["last_used_at"]) == ("ana@team.org", 2, None)
    assert "developer, readonly" in cli("member", "list").out
    assert cli.json("member", "show", "ana@team.org") == ana
    assert ana["tokens"][0]["id"] in cli("member", "show", "ana@team.org").out
    assert "--yes" in cli.refused(2, "member", "remove", "ana@team.org")
    removed = cli("member", "remove", "ana@team.org", "--yes", "--json")
    assert len(removed.data["revoked"]) == 2
    assert "0 of 2" in cli("member", "list").out
    cli.refused(3, "member", "show", "eve")
    cli.refused(3, "member", "remove", "eve", "--yes")


def test_offboarded_with_what_is_left_to_do(cli: Cli) -> None:
    cli("server", "add", "echo", "--no-test", "--env", "KEY=${secret:KEY}", "--", *PEER)
    cli("secret", "set", "echo", "KEY", given=b"canary-value")
    cli("token", "issue", "--member", "ana", "--role", "admin", "--no-test")
    cli("token", "issue", "--member", "bob", "--no-test")
    assert "--yes" in cli.refused(2, "offboard", "ana")
    done = cli("offboard", "ana", typed="ana\n")
    assert "revoked 1 token of ana" in done.err
    assert "was an admin" in done.err
    assert "mcpgw secret set echo KEY" in done.err
    again = cli.json("offboard", "ana", "--yes")
    assert (again["revoked"], again["was_admin"], again["used"]) == ([], True, [])
    assert [(one["server"], one["secret"]) for one in again["rotate"]] == [("echo", "KEY")]
    assert cli.json("offboard", "bob", "--yes")["rotate"] == []
    cli.refused(3, "offboard", "eve", "--yes")
    assert "canary" not in "".join(cli.printed)
