"""Documents as people and programs write them: any layout, comments everywhere."""

import json
from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b c", "mcpServers", "servers", "über", "x.y", 'q"q', "//", "/*"])
SCALARS = st.one_of(
    st.integers(-(2**40), 2**40),
    st.booleans(),
    st.text(st.sampled_from('ab "\\/,{}[]:#\n\té'), max_size=6),
)
VALUES = st.recursive(
    st.one_of(SCALARS, st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
TABLES = st.dictionaries(NAMES, VALUES, max_size=4)

GAPS = st.lists(
    st.sampled_from(["", " ", "\t", "\n", "\n  ", "\r\n", "// , }\n", "/* ] */", "/* \n */"]),
    max_size=2,
).map("".join)


@st.composite
def jsonc(draw: st.DrawFn, values: st.SearchStrategy[Any] = TABLES) -> tuple[str, Any]:
    """Return a document with comments and trailing commas, and what it says."""
    value = draw(values)
    return f"{draw(GAPS)}{_written(draw, value)}{draw(GAPS)}", value


def _written(draw: st.DrawFn, value: Any) -> str:
    if isinstance(value, dict):
        members = [
            f"{json.dumps(key)}{draw(GAPS)}:{draw(GAPS)}{_written(draw, each)}"
            for key, each in value.items()
        ]
        return f"{{{_joined(draw, members)}}}"
    if isinstance(value, list):
        return f"[{_joined(draw, [_written(draw, each) for each in value])}]"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


def _joined(draw: st.DrawFn, members: list[str]) -> str:
    parts = [draw(GAPS)]
    for number, member in enumerate(members):
        is_last = number + 1 == len(members)
        comma = "" if is_last and draw(st.booleans()) else ","
        parts += [member, draw(GAPS), comma, draw(GAPS)]
    return "".join(parts)


PLAIN = st.sampled_from(["a", "b", "mcpServers", "extensions", "on", "x-y"])
WORDS = st.sampled_from(["one", "two words", "yes", "'quoted # no'", '"a: b"', "3", "true", "~"])
COMMENTS = st.sampled_from(["", "", "", " # a comment", "  # mcpServers: no", ""])


@st.composite
def yaml(draw: st.DrawFn) -> str:
    """Return a document in blocks, with comments and blank lines, indented by any width."""
    unit = " " * draw(st.integers(1, 4))
    lines = _table(draw, "", unit, draw(st.integers(0, 2)))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    # What is added behind it would give a block that ends the file a line break that it has not.
    ending = newline if lines[-1].endswith("more: text") else draw(st.sampled_from(["", newline]))
    return draw(st.sampled_from(["", "# head\n", "---\n"])) + newline.join(lines) + ending


def _table(draw: st.DrawFn, indent: str, unit: str, depth: int) -> list[str]:
    lines = []
    for name in draw(st.lists(PLAIN, min_size=1, max_size=3, unique=True)):
        lines += _noise(draw, indent)
        kind = draw(st.sampled_from(["word", "flow", "list", "block", "table"]))
        if kind == "table" and depth:
            lines.append(f"{indent}{name}:{draw(COMMENTS)}".rstrip())
            lines += _table(draw, indent + unit, unit, depth - 1)
        elif kind == "list":
            dashes = indent + draw(st.sampled_from(["", unit]))
            lines.append(f"{indent}{name}:")
            lines += [f"{dashes}- {draw(WORDS)}" for _ in range(draw(st.integers(1, 3)))]
        elif kind == "block":
            lines += [f"{indent}{name}: |", f"{indent}{unit}text", f"{indent}{unit}more: text"]
        elif kind == "flow":
            lines.append(f"{indent}{name}: {draw(st.sampled_from(['{}', '[]', '{a: 1}', '[x,]']))}")
        else:
            lines.append(f"{indent}{name}: {draw(WORDS)}{draw(COMMENTS)}".rstrip())
    return lines


def _noise(draw: st.DrawFn, indent: str) -> list[str]:
    return draw(st.sampled_from([[], [], [""], [f"{indent}# note"], ["", f"{indent}# note"]]))


STATEMENTS = st.sampled_from(
    [
        'key = "value" # [no]',
        "list = [ 1, # ]\n 2 ]",
        'text = """\n[mcp_servers.no]\n\\""" """',
        "raw = '''\n[[x]]'''",
        'inline = { a = "}", b = [1] }',
        '"quoted = key" = 1',
        "dotted.key = 'it''s'".replace("''", ""),
        "date = 2026-11-28T10:00:00Z",
    ]
)
HEADERS = st.sampled_from(["[a]", "[a.b]", "[mcp_servers.other]", "[[items]]", '["c d".e] # [x]'])


@st.composite
def toml(draw: st.DrawFn) -> str:
    """Return a document of tables, each named once, with comments between."""
    parts = draw(st.lists(STATEMENTS, max_size=3, unique=True))
    for header in draw(st.lists(HEADERS, max_size=4, unique=True)):
        parts += [draw(st.sampled_from(["", "# note", "\n"])), header]
        parts += draw(st.lists(STATEMENTS, max_size=3, unique=True))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    return newline.join(parts).replace("\r\n", "\n").replace("\n", newline) + draw(
        st.sampled_from(["", newline])
    )
