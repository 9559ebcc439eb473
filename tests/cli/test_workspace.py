import pytest

from tests.cli.conftest import Cli


def names(cli: Cli) -> list[str]:
    return [one["name"] for one in cli.json("workspace", "list")]


def test_create_list_show(cli: Cli) -> None:
    made = cli.json("workspace", "create", "team")
    assert made["name"] == "team"
    assert made == cli.json("workspace", "show", "team") == cli.json("workspace", "list")[1]
    assert (made["servers"], made["secrets"], made["tokens"]) == (0, 0, 0)
    assert made["created_at"].endswith("Z")
    assert cli("workspace", "list").out.splitlines()[0].split()[0] == "NAME"
    assert "team" in cli("workspace", "show", "-w", "team").out
    assert "created the workspace two" in cli("workspace", "create", "two").err


def test_the_one_to_act_in(cli: Cli) -> None:
    """Named, else the variable, else remembered, else the only one, else `default`."""
    shown = ("workspace", "show")
    assert cli.json(*shown)["name"] == "default"
    cli("workspace", "create", "team")
    cli("workspace", "create", "two")
    assert cli.json(*shown)["name"] == "default"
    assert cli.json("workspace", "use", "team") == {"name": "team", "used": True}
    assert cli.json(*shown)["name"] == "team"
    assert (cli.home / "workspace").stat().st_mode & 0o777 == 0o600
    cli.monkeypatch.setenv("MCPGW_WORKSPACE", "two")
    assert cli.json(*shown)["name"] == "two"
    assert cli.json(*shown, "-w", "team")["name"] == "team"


def test_the_only_one_needs_no_name(bare: Cli) -> None:
    bare("init", typed="team\n")
    assert bare.json("workspace", "show")["name"] == "team"


def test_use_wants_one_that_exists(cli: Cli) -> None:
    assert "did you mean default?" in cli.refused(3, "workspace", "use", "defaul")
    assert not (cli.home / "workspace").exists()


def test_delete_is_confirmed(cli: Cli) -> None:
    cli("workspace", "create", "team")
    assert "--yes" in cli.refused(2, "workspace", "delete", "team")
    cli.refused(2, "workspace", "delete", "team", typed="default\n")
    assert names(cli) == ["default", "team"]
    assert "This deletes team" in cli("workspace", "delete", "team", typed="team\n").err
    assert cli.json("workspace", "delete", "default", "--yes")["deleted"] is True
    assert names(cli) == []
    assert "workspace create" in cli("workspace", "list").err
    assert "add one" in cli.refused(3, "server", "list")
    cli.refused(3, "workspace", "delete", "team", "--yes")


def test_settings_hold_what_tokens_do_not_say(cli: Cli) -> None:
    before = cli.json("workspace", "show")["settings"]
    assert before["readonly_tools"] == "classified"
    options = ("--readonly-tools", "all", "--ttl", "30d", "--rate", "120/m", "--servers", "git")
    changed = cli.json("workspace", "set", *options)["settings"]
    assert (changed["readonly_tools"], changed["ttl_s"]) == ("all", 30 * 86400)
    assert (changed["bounds"]["rate"], changed["bounds"]["servers"]) == ("120/m", ["git"])
    assert "expires in 30 d" in cli("token", "issue").err
    shown = cli("workspace", "show").out
    assert "30 d" in shown
    assert "120/m" in shown
    cli("workspace", "set", "--concurrency", "3")
    assert cli.json("workspace", "show")["settings"]["bounds"]["rate"] == "120/m"
    lifted = ("--ttl", "default", "--rate", "", "--servers", "", "--concurrency", "0")
    cli("workspace", "set", *lifted, "--readonly-tools", "classified")
    assert cli.json("workspace", "show")["settings"] == before


@pytest.mark.parametrize(
    "option", [("--rate", "x"), ("--ttl", "never"), ("--ttl", "0s"), ("--readonly-tools", "some")]
)
def test_unusable_settings_change_nothing(cli: Cli, option: tuple[str, str]) -> None:
    before = cli.json("workspace", "show")
    cli.refused(2, "workspace", "set", *option)
    assert cli.json("workspace", "show") == before
