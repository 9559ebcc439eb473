from tests.cli.conftest import Cli


def test_init_makes_everything_and_says_where(bare: Cli) -> None:
    done = bare("init", "--yes", "--json")
    assert done.data["is_new"] is True
    assert done.data["home"] == str(bare.home)
    assert done.data["workspaces"] == ["default"]
    assert str(bare.directory / "config") in done.data["master_key"]
    assert "Keep a copy" in done.err
    assert bare.home.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in bare.home.iterdir())


def test_init_again_changes_nothing(cli: Cli) -> None:
    before = sorted((cli.directory / "config").rglob("*"))
    for arguments in (("--yes",), ()):
        again = cli.json("init", *arguments)
        assert again["is_new"] is False
        assert again["workspaces"] == ["default"]
    assert sorted((cli.directory / "config").rglob("*")) == before


def test_the_first_workspace_is_asked_for(bare: Cli) -> None:
    done = bare("init", typed="team\n")
    assert "first workspace [default]" in done.err
    assert [one["name"] for one in bare.json("workspace", "list")] == ["team"]


def test_nobody_is_there_to_ask(bare: Cli) -> None:
    assert "--yes" in bare.refused(2, "init")
    assert not bare.home.exists()


def test_a_wrong_key_changes_nothing(bare: Cli) -> None:
    cli = bare
    cli("init", "--yes")
    (key,) = (cli.directory / "config").rglob("*.key")
    content = key.read_text()
    key.unlink()
    complaint = cli.refused(78, "init", "--yes")
    assert "expected key" in complaint
    assert "nothing was changed" in complaint
    assert list((cli.directory / "config").rglob("*.key")) == []
    key.write_text(content)
    key.chmod(0o600)
    cli("init", "--yes")
