import json

import pytest

from tests.cli.conftest import Cli


def said(cli: Cli, *arguments: str, given: bytes = b"") -> object:
    """Return the arguments that the tool got."""
    return json.loads(cli("call", "echo__echo", *arguments, given=given).out)


def test_arguments_are_what_the_schema_says(echo: Cli) -> None:
    assert said(echo) == {}
    assert said(echo, "text=12", "count=12", "more=[1]", "free=word", "eq=a=b") == {
        "text": "12",
        "count": 12,
        "more": [1],
        "free": "word",
        "eq": "a=b",
    }


def test_arguments_as_json_pass_verbatim(echo: Cli) -> None:
    text = '{"text": "x", "count": 1.0}'
    path = echo.directory / "arguments.json"
    path.write_text(text)
    for arguments in (("--args", text), ("--args", f"@{path}")):
        assert said(echo, *arguments) == json.loads(text)
    assert said(echo, "-", given=text.encode()) == json.loads(text)
    assert said(echo, "--args", "-", given=text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "'nothing' is no argument"),
        (("a=1", "--args", "{}"), "given twice"),
        (("-", "a=1"), "takes all arguments"),
        (("-", "--args", "{}"), "takes all arguments"),
        (("--args", "[1]"), "no JSON object"),
        (("--args", "{"), "no JSON object"),
        (("--args", "@/no/such/file"), "cannot be read: FileNotFoundError"),
    ],
)
def test_arguments_that_cannot_be(echo: Cli, arguments: tuple[str, ...], message: str) -> None:
    assert message in echo.refused(2, "call", "echo__echo", *arguments)


def test_what_is_shown(echo: Cli) -> None:
    assert echo("call", "echo__blocks", "a=1").out.splitlines() == [
        "one\ufffd[2J",
        "[image image/png]",
        "inside",
        "[resource file:///b]",
        "[resource_link file:///c]",
    ]
    assert json.loads(echo("call", "echo__structured").out) == {"a": 1}
    assert len(echo.json("call", "echo__blocks")["content"]) == 5


def test_a_tool_that_fails(echo: Cli) -> None:
    done = echo("call", "echo__fail", exit_code=6)
    assert done.out == "it broke\n"
    assert "says that it failed" in done.err
    assert echo("call", "echo__fail", "--json", exit_code=6).data["isError"] is True
    assert "not today" in echo.refused(6, "call", "echo__refuse")


def test_a_tool_that_is_not_there(echo: Cli) -> None:
    assert "did you mean echo__echo?" in echo.refused(3, "call", "echo__ehco")
    assert "no tool 'x'" in echo.refused(3, "call", "x")
    outcomes = [one["outcome"] for one in echo.json("logs", "--only", "calls")]
    assert outcomes == ["denied", "denied"]


def test_a_server_that_is_down(cli: Cli) -> None:
    cli("server", "add", "down", "--no-test", "--", "no-such-program-anywhere")
    assert "no-such-program-anywhere" in cli.refused(6, "call", "down__tool")


def test_every_call_has_its_row(echo: Cli) -> None:
    echo("call", "echo__echo")
    echo("call", "echo__fail", exit_code=6)
    rows = echo.json("logs", "--only", "calls")
    assert [(one["exposed"], one["outcome"]) for one in rows] == [
        ("echo__echo", "ok"),
        ("echo__fail", "tool_error"),
    ]
    assert {(one["member"], one["client_name"]) for one in rows} == {("operator", "mcpgw call")}
