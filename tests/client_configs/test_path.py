import pytest

from mcpgw.client_configs.path import at, nested, shown, wrong_shape

DOCUMENT = {"a": {"b": [{"c": 1}]}, "n": None}


def test_what_stands_there() -> None:
    assert at(DOCUMENT, ()) is DOCUMENT
    assert at(DOCUMENT, ("a", "b", 0, "c")) == 1


@pytest.mark.parametrize(
    "path", [("x",), ("a", "b", 1), ("a", "b", "c"), ("a", 0), ("n",), ("n", "x"), ("a", "b", 0, 0)]
)
def test_nothing_stands_there(path: tuple[str | int, ...]) -> None:
    assert at(DOCUMENT, path) is None


def test_told() -> None:
    assert nested(("a", "b"), 1) == {"a": {"b": 1}}
    assert shown(("a", 0, "b")) == "a.0.b"
    assert wrong_shape((), "a table").message.startswith("the document is not a table")
