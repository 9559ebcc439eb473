"""Exposed names: unique, short, in the charset, the same every time, and never taken away."""

import hashlib
import re
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcpgw.model.tool import MAX_EXPOSED, Named, exposed_names

SHAPE = re.compile(rf"[A-Za-z][A-Za-z0-9_-]{{0,{MAX_EXPOSED - 1}}}")


def names(*offered: tuple[str, str, str]) -> list[str]:
    return list(exposed_names(Named(*one) for one in offered))


def suffix(server_id: str, name: str) -> str:
    return "_" + hashlib.sha256(f"{server_id}\0{name}".encode()).hexdigest()[:7]


@pytest.mark.parametrize(
    ("prefix", "name", "exposed"),
    [
        ("jira", "create_issue", "jira__create_issue"),
        ("", "create_issue", "create_issue"),
        ("jira", "issue.create", "jira__issue_create"),
        ("", "größe/ändern", "gr__e__ndern"),
        ("", "1st", "t_1st"),
        ("", "_private", "t__private"),
        ("", "", "t_"),
        ("a", "x" * 47, "a__" + "x" * 47),
    ],
)
def test_a_name_alone(prefix: str, name: str, exposed: str) -> None:
    assert names(("s1", prefix, name)) == [exposed]


def test_a_name_that_is_too_long_is_cut_and_gets_a_suffix() -> None:
    assert names(("s1", "a", "x" * 48)) == ["a__" + "x" * 39 + suffix("s1", "x" * 48)]


def test_the_server_that_comes_first_keeps_a_contested_name() -> None:
    assert names(("s1", "", "get"), ("s2", "", "get")) == ["get", "get" + suffix("s2", "get")]
    assert names(("s1", "", "x.y"), ("s2", "", "x_y")) == ["x_y", "x_y" + suffix("s2", "x_y")]


def test_within_a_server_the_unchanged_name_goes_before_the_changed() -> None:
    assert names(("s1", "", "x.y"), ("s1", "", "x_y")) == ["x_y" + suffix("s1", "x.y"), "x_y"]


def test_two_names_of_a_server_that_change_into_the_same_both_get_a_suffix() -> None:
    assert names(("s1", "", "x.y"), ("s1", "", "x/y")) == [
        "x_y" + suffix("s1", "x.y"),
        "x_y" + suffix("s1", "x/y"),
    ]


def test_a_suffixed_name_that_somebody_has_already_is_hashed_again() -> None:
    clash = "get" + suffix("s2", "get")
    table = exposed_names([Named("s1", "", "get"), Named("s1", "", clash), Named("s2", "", "get")])
    assert len(table) == 3
    assert table[clash] == Named("s1", "", clash)
    assert list(table)[2].startswith("get_")


def test_what_is_offered_twice_stands_in_the_table_once_and_in_order() -> None:
    first, second = Named("s1", "b", "y"), Named("s2", "a", "x")
    assert list(exposed_names([first, second, first]).items()) == [
        ("b__y", first),
        ("a__x", second),
    ]


# Few letters and few lengths, so that names really collide.
PREFIXES = st.sampled_from(["", "a", "b", "a_x"])
TOOLS = st.one_of(
    st.text("ax_.-1", max_size=4),
    st.text("xy.", min_size=44, max_size=46),
    st.sampled_from(["a__x", "b__x", "x_y" + suffix("s0", "x.y"), "x_y" + suffix("s1", "x.y")]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)


@st.composite
def servers(draw: st.DrawFn) -> list[list[Named]]:
    """What some servers offer: each has one prefix and a list of names."""
    lists = draw(st.lists(st.tuples(PREFIXES, st.lists(TOOLS, max_size=6)), max_size=4))
    return [
        [Named(f"s{position}", prefix, name) for name in tools]
        for position, (prefix, tools) in enumerate(lists)
    ]


def flat(lists: list[list[Named]]) -> list[Named]:
    return [thing for one in lists for thing in one]


@given(servers())
@example([[Named("s0", "", "x.y"), Named("s0", "", "x/y")], [Named("s1", "", "x_y")]])
def test_every_thing_has_one_name_of_its_own_that_clients_accept(lists: list[list[Named]]) -> None:
    table = exposed_names(flat(lists))
    assert list(table.values()) == list(dict.fromkeys(flat(lists)))
    assert all(SHAPE.fullmatch(name) for name in table)


@given(servers(), servers())
def test_servers_added_later_change_no_name(
    old: list[list[Named]], more: list[list[Named]]
) -> None:
    later = [Named(f"later-{one.server_id}", one.prefix, one.name) for one in flat(more)]
    before = exposed_names(flat(old))
    after = exposed_names(flat(old) + later)
    assert list(after.items())[: len(before)] == list(before.items())


@given(servers(), st.randoms(use_true_random=False))
def test_the_order_of_a_servers_list_decides_nothing(
    lists: list[list[Named]], random: Random
) -> None:
    shuffled = [random.sample(one, len(one)) for one in lists]
    assert exposed_names(flat(lists)) == exposed_names(flat(shuffled))
