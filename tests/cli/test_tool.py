"""Tools and their classes at the command line."""

from tests.cli.conftest import Cli


def test_listed_with_their_classes(echo: Cli) -> None:
    seen = echo.json("tool", "list")
    assert {(one["name"], one["server"], one["class"]) for one in seen} == {
        (f"echo__{name}", "echo", "write")
        for name in ("echo", "environment", "fail", "refuse", "blocks", "structured")
    }
    table = echo("tool", "list").out
    assert "WHY" not in table
    assert "no known verb" in echo("tool", "list", "--class").out
    assert echo.json("tool", "list", "--class", "write", "--server", "echo") == seen
    assert "no such tool" in echo("tool", "list", "read").err
    echo.refused(2, "tool", "list", "harmless")
    echo.refused(3, "tool", "list", "--server", "none")


def test_ruled_and_taken_back(echo: Cli) -> None:
    ruled = echo("tool", "class", "echo__echo", "read", "--json")
    assert (ruled.data["class"], ruled.data["reason"]) == ("read", "an admin's ruling")
    assert "echo__echo is classed read" in ruled.err
    assert [one["original"] for one in echo.json("tool", "list", "read")] == ["echo"]
    assert echo.json("token", "issue", "--role", "readonly")["visible_tools"] == 1
    assert echo.json("tool", "class", "echo__echo", "auto")["class"] == "write"
    echo.refused(3, "tool", "class", "echo__echo", "auto")
    assert "did you mean echo__echo?" in echo.refused(3, "tool", "class", "echo__eco", "read")
    echo.refused(2, "tool", "class", "echo__echo", "safe")
