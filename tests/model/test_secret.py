"""Secrets: a value that hides, references that are found, names that fit a variable."""

import copy
import pickle

import pytest

from mcpgw.errors import InvalidInput
from mcpgw.model.secret import Secret, check_secret_name, fill, references

CANARY = "canary-5e3f"


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{:>40}".format, "%s".__mod__])
def test_a_secret_shows_itself_to_nobody(show: object) -> None:
    assert callable(show)
    assert CANARY not in show(Secret(CANARY))


def test_only_reveal_gives_the_value() -> None:
    assert Secret(CANARY).reveal() == CANARY


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_cannot_be_serialised_or_copied(take: object) -> None:
    assert callable(take)
    with pytest.raises(TypeError) as caught:
        take(Secret(CANARY))
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", ["JIRA_TOKEN", "_x", "a", "A" * 128])
def test_a_name_that_fits(name: str) -> None:
    assert check_secret_name(name) == name


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A\n", "Ä", "A" * 129, "A=b"])
def test_a_name_that_does_not_fit(name: str) -> None:
    with pytest.raises(InvalidInput, match="is no secret name"):
        check_secret_name(name)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("plain $HOME ${HOME} {secret:A}", ()),
        ("Bearer ${secret:JIRA_TOKEN}", ("JIRA_TOKEN",)),
        ("${secret:B}:${secret:A}${secret:B}", ("B", "A", "B")),
    ],
)
def test_references(text: str, names: tuple[str, ...]) -> None:
    assert references(text) == names


@pytest.mark.parametrize(
    "text",
    ["${secret:}", "${secret:a b}", "${secret:A", "${secret:A} ${secret:", "${secret:${secret:A}}"],
)
def test_a_broken_reference_is_refused_and_never_sent_as_it_stands(text: str) -> None:
    with pytest.raises(InvalidInput):
        references(text)


def test_fill_puts_values_in_place_and_does_not_read_them_again() -> None:
    values = {"A": "${secret:B}", "B": r"\1"}
    assert fill("x${secret:A}y${secret:B}${secret:A}", values.__getitem__) == (
        r"x${secret:B}y\1${secret:B}"
    )
