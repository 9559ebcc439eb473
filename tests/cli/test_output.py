import sys

import pytest

from mcpgw.cli.output import (
    clean,
    complain,
    counted,
    fail,
    iso,
    local,
    nearest,
    print_fields,
    print_table,
    print_text,
)
from mcpgw.errors import NotFound, VaultLocked
from tests.cli.terminal import Terminal

ROWS = [("tok_1", "ana"), ("tok_22", "bo\x1b[2Jb")]


def test_control_characters_are_taken_out() -> None:
    assert clean("a\x1b[31mb\r\n\u202e") == "a\ufffd[31mb\ufffd\ufffd\ufffd"
    assert clean("a\n\tb\x07", "\n\t") == "a\n\tb\ufffd"


def test_lines_of_a_text_stay(capsys: pytest.CaptureFixture[str]) -> None:
    print_text("one\n\ttwo\x1b")
    assert capsys.readouterr().out == "one\n\ttwo\ufffd\n"


def test_a_piped_table_has_aligned_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("ID", "MEMBER"), ROWS)
    assert capsys.readouterr().out == "ID      MEMBER\ntok_1   ana\ntok_22  bo\ufffd[2Jb\n"


def test_a_drawn_table_keeps_ids_whole_and_cells_verbatim(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "30")
    print_table(("ID", "WHAT"), [("call_0123456789", "[bold]long " * 5)], is_colored=False)
    assert "call_0123456789" in terminal.getvalue()
    assert "[bold]" in terminal.getvalue()


def test_colors_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {}
    for is_colored in (True, False):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setenv("TERM", "xterm")
        print_table(("ID",), [("x",)], is_colored=is_colored)
        drawn[is_colored] = terminal.getvalue()
    assert all("x" in text for text in drawn.values())
    assert "\x1b[3" not in drawn[False]


def test_fields(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields([("name", "x"), ("member", "y\n")])
    assert capsys.readouterr().out == "name    x\nmember  y\ufffd\n"


def test_an_error_is_two_lines_and_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(NotFound("no\nserver", "look"), is_debug=False) == 3
    assert capsys.readouterr().err == "error: no\ufffdserver\nhint: look\n"
    complain("alone")
    assert capsys.readouterr().err == "error: alone\n"


def test_debugging_shows_the_place_and_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    value = "canary" + "-value"
    try:
        raise VaultLocked(f"locked {len(value)}")
    except VaultLocked as error:
        assert fail(error, is_debug=True) == 78
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "canary-value" not in shown


def test_words() -> None:
    assert nearest("jria", ["jira", "github"]) == "did you mean jira?"
    assert nearest("xyz", ["jira"]) == ""
    assert (counted(1, "tool"), counted(0, "tool")) == ("1 tool", "0 tools")
    assert iso(None) is None
    assert iso(1.5) == "1970-01-01T00:00:01.500Z"
    assert local(0.0).startswith(("1970-01-01T", "1969-12-31T"))
