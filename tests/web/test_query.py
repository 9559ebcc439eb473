from enum import StrEnum

import pytest
from aiohttp.test_utils import make_mocked_request

from mcpgw.errors import InvalidInput
from mcpgw.web.query import Query


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


def query(text: str) -> Query:
    return Query(make_mocked_request("GET", f"/?{text}"), ("a", "b"))


def test_what_is_given_is_read() -> None:
    given = query("a=1&b=x,y,,x")
    assert given.text("a") == "1"
    assert given.names("b") == ["x", "y"]
    assert given.flag("a") is True
    assert given.number("a", 5, 9) == 1
    assert query("a=false").flag("a", True) is False
    assert query("a=blue").choice("a", Color, Color.RED) is Color.BLUE
    assert query("a=up").word("a", ("down", "up")) == "up"


def test_what_is_not_given_is_the_default() -> None:
    none = query("")
    assert none.text("a") == ""
    assert none.names("a") == []
    assert none.flag("a") is False
    assert none.flag("a", True) is True
    assert none.number("a", 5, 9) == 5
    assert none.choice("a", Color, Color.RED) is Color.RED
    assert none.word("a", ("down", "up")) == "down"


@pytest.mark.parametrize("text", ["c=1", "a=1&a=2", "A=1"])
def test_what_is_unknown_or_doubled_is_an_error_that_lists_what_there_is(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        query(text)
    assert caught.value.hint == "there are: a, b"


@pytest.mark.parametrize("text", ["yes", "", "2", "TRUE"])
def test_flags_are_strict(text: str) -> None:
    with pytest.raises(InvalidInput, match="a is 1 or 0"):
        query(f"a={text}").flag("a")


@pytest.mark.parametrize("text", ["0", "10", "-1", "1.5", "", "x", "\u0661", "1" * 5000])
def test_numbers_are_strict(text: str) -> None:
    with pytest.raises(InvalidInput, match="a is a number from 1 to 9"):
        query(f"a={text}").number("a", 5, 9)


def test_words_are_strict() -> None:
    with pytest.raises(InvalidInput, match="a is one of red, blue"):
        query("a=green").choice("a", Color, Color.RED)
    with pytest.raises(InvalidInput, match="a is one of down, up"):
        query("a=left").word("a", ("down", "up"))
