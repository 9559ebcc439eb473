import os

import pytest

from tests.cli.conftest import PEER, Cli
from tests.cli.terminal import read_until

CANARY = "canary-+/=\"'\\-\u00fc"


@pytest.fixture
def keyed(cli: Cli) -> Cli:
    """With a server that lacks its secret KEY."""
    cli("server", "add", "echo", "--env", "KEY=${secret:KEY}", "--", *PEER)
    return cli


def test_a_value_goes_in_and_reaches_only_its_server(keyed: Cli) -> None:
    (missing,) = keyed.json("secret", "list")
    assert (missing["name"], missing["is_set"], missing["version"]) == ("KEY", False, None)
    assert "run: mcpgw secret set echo KEY" in keyed("secret", "list").err
    done = keyed.json("secret", "set", "echo", "KEY", given=CANARY.encode() + b"\n")
    assert (done["server"], done["name"], done["version"]) == ("echo", "KEY", 1)
    assert "version 2" in keyed("secret", "set", "echo", "KEY", "-", given=CANARY.encode()).err
    (listed,) = keyed.json("secret", "list")
    assert listed["fingerprint"] == done["fingerprint"]
    assert listed["is_set"] is True
    assert "KEY" in keyed("secret", "list").out
    assert CANARY not in "".join(keyed.printed)
    # Its server has it, and tells: nobody else is told.
    said = keyed.json("call", "echo__environment")["content"][0]["text"]
    assert "[redacted:KEY]" in said
    assert CANARY not in said


def test_a_value_from_a_file_and_a_variable(keyed: Cli) -> None:
    path = keyed.directory / "value"
    path.write_text(CANARY)
    keyed("secret", "set", "echo", "KEY", "--from-file", str(path))
    keyed.monkeypatch.setenv("MINE", CANARY)
    keyed("secret", "set", "echo", "KEY", "--from-env", "MINE")
    (listed,) = keyed.json("secret", "list")
    assert listed["version"] == 2
    assert CANARY not in "".join(keyed.printed)


def test_a_typed_value_does_not_appear(keyed: Cli) -> None:
    with keyed.at_terminal("secret", "set", "echo", "KEY") as (process, terminal):
        read_until(terminal, b"KEY (hidden): ")
        os.write(terminal, b"canary\n")
        assert process.wait(30) == 0
        assert b"canary" not in read_until(terminal, b"version 1")


@pytest.mark.parametrize(
    "arguments", [("KEY", "canary"), ("KEY=canary",), ("KEY", "-", "canary"), ("KEY", "a", "b")]
)
def test_a_value_in_the_arguments_is_refused(keyed: Cli, arguments: tuple[str, ...]) -> None:
    complaint = keyed.refused(2, "secret", "set", "echo", *arguments)
    assert "can be read by every user" in complaint
    assert "canary" not in complaint
    assert keyed.json("secret", "list")[0]["is_set"] is False


def test_there_is_no_flag_for_a_value(keyed: Cli) -> None:
    assert "canary" not in keyed.refused(2, "secret", "set", "echo", "KEY", "--value=canary")


@pytest.mark.parametrize(
    ("name", "given", "exit_code", "message"),
    [
        ("no-name", b"x", 2, "is no secret name"),
        ("KEY", b"", 2, "empty or longer"),
        ("KEY", b"x" * 70_000, 2, "empty or longer"),
        ("KEY", b"a\0b", 2, "NUL"),
    ],
)
def test_values_that_cannot_be(
    keyed: Cli, name: str, given: bytes, exit_code: int, message: str
) -> None:
    assert message in keyed.refused(exit_code, "secret", "set", "echo", name, given=given)


def test_a_secret_that_nothing_refers_to(keyed: Cli) -> None:
    assert "does not refer to it" in keyed("secret", "set", "echo", "OTHER", given=b"x").err
    assert "did you mean echo?" in keyed.refused(3, "secret", "set", "ehco", "KEY", given=b"x")


def test_delete_is_confirmed(keyed: Cli) -> None:
    keyed("secret", "set", "echo", "KEY", given=b"x")
    assert "--yes" in keyed.refused(2, "secret", "delete", "echo", "KEY")
    keyed("secret", "delete", "echo", "KEY", typed="KEY\n")
    assert keyed.json("secret", "list")[0]["is_set"] is False
    assert "no secret" in keyed.refused(3, "secret", "delete", "echo", "KEY", "--yes")
    keyed("secret", "set", "echo", "KEY", given=b"x")
    assert keyed.json("secret", "delete", "echo", "KEY", "--yes")["deleted"] is True


def test_none_yet(cli: Cli) -> None:
    assert "no secret yet" in cli("secret", "list").err
