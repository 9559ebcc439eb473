import asyncio
from typing import Annotated

import pytest
import typer
from typer.main import get_command

from mcpgw.cli.invocation import Invocation, command, group, own_command


@pytest.fixture
def app() -> typer.Typer:
    app = group("All.")

    @command(app, "plain", examples=["plain x"])
    def plain(asked: Invocation, name: Annotated[str, typer.Argument()]) -> None:
        """Do it plainly.

        And some more.
        """
        typer.echo(f"{asked} {name}")

    @command(app, "slow", in_workspace=False, prints_data=False)
    async def slow(asked: Invocation, count: int = 1) -> None:
        """Do it slowly."""
        await asyncio.sleep(0)
        typer.echo(f"{asked.home} {count}")

    inner = group("Inner.")

    @own_command(inner, examples=["inner"])
    def whole(asked: Invocation, text: str = "") -> None:
        """Do the whole."""
        typer.echo(f"whole {asked.workspace} {text}")

    command(inner, "part")(whole)
    app.add_typer(inner, name="inner")
    return app


def run(app: typer.Typer, *arguments: str) -> None:
    get_command(app).main(list(arguments), standalone_mode=False, obj=Invocation())


def test_options_arrive_in_the_invocation(
    app: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    run(app, "plain", "-w", "team", "x", "--json", "--home", "/h", "--debug", "--no-color")
    expected = Invocation("/h", "team", is_json=True, is_debug=True, is_plain=True)
    assert capsys.readouterr().out == f"{expected} x\n"


def test_an_async_command(app: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    run(app, "slow", "--count", "3")
    assert capsys.readouterr().out == "None 3\n"


def test_a_command_takes_only_what_concerns_it(app: typer.Typer) -> None:
    for option in (("-w", "team"), ("--json",)):
        with pytest.raises(typer.TyperException, match="No such option"):
            run(app, "slow", *option)


def test_a_group_with_a_command_of_its_own(
    app: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    run(app, "inner", "--text", "x", "-w", "a")
    run(app, "inner", "-w", "a", "part")
    run(app, "inner", "-w", "a", "part", "-w", "b")
    run(app, "inner")
    assert capsys.readouterr().out.splitlines() == [
        "whole a x",
        "whole a ",
        "whole b ",
        "whole None ",
    ]


def test_help_has_examples_first(app: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    run(app, "plain", "--help")
    shown = capsys.readouterr().out
    parts = ["Do it plainly.", "Examples:\n    mcpgw plain x\n", "And some more.", "--workspace"]
    places = [shown.index(part) for part in parts]
    assert places == sorted(places)


def test_a_group_asked_for_nothing_shows_its_help(
    app: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    run(app)
    assert "All." in capsys.readouterr().out


def test_settings_are_read_with_the_flags(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("home")
    config = Invocation(home=str(home), workspace="team").config(port=81)
    assert (config.home, config.workspace, config.port) == (home, "team", 81)
