"""Which tool would fail where, asked at the command line."""

from tests.cli.conftest import Cli

NONSENSE = "properties: malformed, and left out"


def test_what_would_fail_is_listed_and_the_exit_code_says_so(echo: Cli) -> None:
    done = echo("tool", "lint", exit_code=7)
    assert done.out.splitlines()[0].split() == ["TOOL", "FOR", "PROBLEM"]
    assert f"echo__blocks  every model  {NONSENSE}" in done.out
    assert "6 tools looked at, 1 problem found" in done.err
    assert echo("tool", "lint", "--json", exit_code=7).data == [
        {"tool": "echo__blocks", "target": "every model", "problem": NONSENSE}
    ]


def test_some_tools_and_some_targets(echo: Cli) -> None:
    fine = echo("tool", "lint", "echo__echo", "echo__fail", "--server", "echo")
    assert fine.out == ""
    assert "2 tools looked at, 0 problems found" in fine.err
    assert echo("tool", "lint", "echo__echo", "--json").data == []
    strict = echo("tool", "lint", "--for", "openai-strict", "--json", exit_code=7).data
    assert {one["target"] for one in strict} == {"every model", "openai-strict"}
    assert "echo__blocks" in {one["tool"] for one in strict}


def test_what_is_not_there(echo: Cli) -> None:
    assert "use some of: anthropic" in echo.refused(2, "tool", "lint", "--for", "clippy")
    assert "did you mean echo__echo?" in echo.refused(3, "tool", "lint", "echo__eco")
    echo.refused(3, "tool", "lint", "--server", "none")


def test_no_tools_no_problems(cli: Cli) -> None:
    assert "0 tools looked at" in cli("tool", "lint").err
