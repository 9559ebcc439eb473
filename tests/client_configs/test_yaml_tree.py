import pytest

from mcpgw.client_configs.yaml_tree import MAX_DEPTH, parse_yaml, value_of
from mcpgw.errors import InvalidInput


def read(text: str) -> object:
    return value_of(parse_yaml(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# only\n", None),
        ("---\n", None),
        ("\ufeffa: 1", {"a": 1}),
        ("a: yes\nb: 'true'\nc: true\nd: ~\ne:\nf: 1.5", None),
        ("a: |\n  x\n  y\nb: [1, {c: d}]", {"a": "x\ny\n", "b": [1, {"c": "d"}]}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("- a\n- - b\n  - c", ["a", ["b", "c"]]),
        ("? [a]\n: 1", {None: 1}),
        ("a: !tag text", {"a": "text"}),
        ("a: !!str 1", {"a": "1"}),
        ("a: 99999999999999999999", {"a": "99999999999999999999"}),
        ("a: b\n...\n", {"a": "b"}),
    ],
)
def test_values(text: str, value: object) -> None:
    if text.startswith("a: yes"):
        value = {"a": "yes", "b": "true", "c": True, "d": None, "e": None, "f": "1.5"}
    assert read(text) == value


def test_where_everything_stands() -> None:
    text = "a:\n  - x # -\n  # - no\n  -\n    y: 1\nb: 'c'  # end\n"
    root = parse_yaml(text)
    assert root is not None
    items = root.members[0].node.members
    assert [text[one.start] for one in items] == ["-", "-"]
    assert items[1].start > text.index("no")
    assert text[root.start : root.end].endswith("b: 'c'")
    assert root.find("b") is root.members[1]
    assert root.find("x") is None
    flow = parse_yaml("a: [x, {}]")
    assert flow is not None
    assert [one.start for one in flow.members[0].node.members] == [4, 7]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [secret", r"no valid YAML \(line 2\)"),
        ("a: \x01secret", "no valid YAML$"),
        ("a: 1\n---\nb: 2\n", "several YAML documents"),
        ("a: *nowhere", "alias for something that is not there"),
        ("a: &x [*x]", "alias for something that is not there"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "nested deeper"),
    ],
)
def test_broken(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as raised:
        read(text)
    assert "secret" not in raised.value.message


def test_aliases_that_stand_for_billions() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(InvalidInput, match="unfold without end"):
        read("\n".join(lines))
