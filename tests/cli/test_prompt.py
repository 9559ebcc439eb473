import io
import sys
from pathlib import Path

import pytest

from mcpgw.cli.prompt import ask, ask_secret, confirm, is_terminal, read_secret, read_stdin
from mcpgw.errors import InvalidInput
from tests.cli.terminal import Terminal


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    return content


def sit_down(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    """Sit at a terminal and type."""
    stdin = Terminal(typed)
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream: stdin.readline().rstrip("\n"))


def test_who_is_there(monkeypatch: pytest.MonkeyPatch, piped: io.BytesIO) -> None:
    assert not is_terminal()
    sit_down(monkeypatch, "")
    assert is_terminal()
    monkeypatch.setattr(sys, "stdin", None)
    assert not is_terminal()


def test_a_question(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sit_down(monkeypatch, "team\n\n")
    assert ask("workspace", "default") == "team"
    assert ask("workspace", "default") == "default"
    assert ask_secret("TOKEN").reveal() == ""
    captured = capsys.readouterr()
    assert captured.err == "workspace [default]: workspace [default]: "
    assert captured.out == ""


def test_a_loss_is_confirmed_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    sit_down(monkeypatch, "team\nno\n")
    confirm("This deletes team", "team", False)
    for _ in ("no", "the end of input"):
        with pytest.raises(InvalidInput, match="nothing was changed"):
            confirm("This deletes team", "team", False)


def test_nobody_is_asked_when_nobody_is_there(piped: io.BytesIO) -> None:
    confirm("This deletes team", "team", True)
    with pytest.raises(InvalidInput, match="must be confirmed") as caught:
        confirm("This deletes team", "team", False)
    assert caught.value.hint == "add --yes"


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (b"value\n", "value"),
        (b"value\r\n", "value"),
        (b"value\r", "value\r"),
        (b"value\n\n", "value\n"),
        (b" v\xc3\xbc ", " v\u00fc "),
        (b"\xff", "\udcff"),
    ],
)
def test_a_value_from_a_pipe_or_a_file_loses_one_line_end(
    piped: io.BytesIO, tmp_path: Path, given: bytes, value: str
) -> None:
    (tmp_path / "value").write_bytes(given)
    assert read_secret("T", "", str(tmp_path / "value"), None).reveal() == value
    piped.write(given)
    piped.seek(0)
    assert read_secret("T", "-", None, None).reveal() == value


def test_a_pipe_needs_no_dash(piped: io.BytesIO) -> None:
    piped.write(b"value")
    piped.seek(0)
    assert read_secret("T", "", None, None).reveal() == "value"
    assert read_stdin() == b""


def test_a_value_from_a_variable_or_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "value\n")
    assert read_secret("T", "", None, "MINE").reveal() == "value\n"
    sit_down(monkeypatch, "typed\n")
    assert read_secret("T", "", None, None).reveal() == "typed"


def test_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINE", raising=False)
    cases = [
        (("-", str(tmp_path), None), "name one place"),
        (("", str(tmp_path), "MINE"), "name one place"),
        (("", str(tmp_path / "none"), None), "cannot be read: No such file"),
        (("", "~nobody-of-this-name/x", None), "cannot be read: no such place"),
        (("", None, "MINE"), "there is no variable MINE"),
    ]
    for places, message in cases:
        with pytest.raises(InvalidInput, match=message):
            read_secret("T", *places)
