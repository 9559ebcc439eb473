import pytest

from mcpgw.client_configs.layout import after_line, indent_at, json_text, newline_of


@pytest.mark.parametrize(
    ("text", "newline"), [("", "\n"), ("a\nb\r\n", "\n"), ("a\r\nb\n", "\r\n"), ("\n", "\n")]
)
def test_lines_end_as_the_first(text: str, newline: str) -> None:
    assert newline_of(text) == newline


def test_around_an_offset() -> None:
    text = "a\n \tb: c\r\nd"
    assert indent_at(text, 6) == " \t"
    assert indent_at(text, 0) == indent_at(text, 10) == ""
    assert after_line(text, 4) == text.index("d")
    assert after_line(text, 10) == len(text)


def test_json_over_lines() -> None:
    assert json_text({"é": [1]}, "\t", "  ", "\r\n") == '{\r\n  \t"é": [\r\n  \t\t1\r\n  \t]\r\n  }'
