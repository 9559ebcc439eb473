"""TOML: what is appended, what is cut, what is refused. The rest is in test_edit.py."""

import pytest

from mcpgw.client_configs.edit import TOML, take_out
from mcpgw.client_configs.splice import splice
from mcpgw.errors import InvalidInput

SERVER = {"url": "u", "list": ["a"], "http_headers": {"A b": "é"}}
LINES = '[mcp_servers."a b"]\nurl = "u"\nlist = ["a"]\nhttp_headers = { "A b" = "é" }\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", LINES),
        ("\ufeff", "\ufeff" + LINES),
        ("a = 1\n", f"a = 1\n\n{LINES}"),
        ("a = 1", f"a = 1\n\n{LINES}"),
        ("a = 1\r\n", "a = 1\r\n\r\n" + LINES.replace("\n", "\r\n")),
    ],
)
def test_put(text: str, expected: str) -> None:
    assert splice(text, TOML.put(text, ("mcp_servers", "a b"), SERVER)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\n\n[s.x]\nb = 2\n\n[s.x.env]\nc = 3\n# end\n", "a = 1\n# end\n"),
        ("[s.x]\nb = 2\n[t]\nc = 3", "[t]\nc = 3"),
        ("\n[s.x]\nb = 2\n", "\n"),
        ("[s]\nx.b = 1 # c\ny = 2\nx.c = 3", "[s]\ny = 2\n"),
        ("s.x = { b = '}' }\ns.y = 1\n", "s.y = 1\n"),
        ("[[s.x]]\nb = 1\n[[s.x]]\nb = 2\n[s.y]\n", "[s.y]\n"),
        ("\ufeff[s.x]\nb = 1\n[s.y]\n", "[s.y]\n"),
        ('[s.y]\nt = """\n[s.x]\n"""\n[s."x"]\nb=1\n', '[s.y]\nt = """\n[s.x]\n"""\n'),
    ],
)
def test_cut(text: str, expected: str) -> None:
    assert take_out(TOML, text, ("s", "x")) == expected


def test_an_inline_table_is_not_cut() -> None:
    with pytest.raises(InvalidInput, match=r"s\.x stands inside of an inline table"):
        take_out(TOML, "s = { x = 1, y = 2 }", ("s", "x"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nb = secret", r"no valid TOML \(line 2\)"),
        ('a = "secret', "no valid TOML$"),
        ("a = " + "[" * 2000, "nested too deep"),
    ],
)
def test_broken(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as raised:
        TOML.read(text)
    assert "secret" not in raised.value.message
