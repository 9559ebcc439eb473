"""What a token is held to: patterns, networks, rates; and what cannot be."""

import msgspec
import pytest

from mcpgw.errors import InvalidInput
from mcpgw.model.bounds import (
    MAX_PATTERNS,
    MAX_TTL_S,
    UNBOUND,
    Bounds,
    Rate,
    check_bounds,
    check_ttl,
    parse_rate,
)


def test_no_bound_holds_nothing() -> None:
    assert UNBOUND.has_server("any")
    assert UNBOUND.has_name("any__tool")
    assert UNBOUND.has_address("")


@pytest.mark.parametrize(
    ("patterns", "name", "is_within"),
    [
        (("github",), "github", True),
        (("github",), "GitHub", False),
        (("github",), "github2", False),
        (("github*", "slack"), "github2", True),
        (("github*", "slack"), "slack", True),
        (("g?t",), "git", True),
        (("g?t",), "gt", False),
        (("git__get_*",), "git__get_x", True),
        (("git__get_*",), "git__delete_get_x", False),
    ],
)
def test_patterns(patterns: tuple[str, ...], name: str, is_within: bool) -> None:
    assert Bounds(servers=patterns).has_server(name) is is_within
    assert Bounds(tools=patterns).has_name(name) is is_within


@pytest.mark.parametrize(
    ("network", "address", "is_within"),
    [
        ("10.1.0.0/16", "10.1.2.3", True),
        ("10.1.0.0/16", "10.2.0.1", False),
        ("10.1.0.0/16", "::ffff:10.1.2.3", True),
        ("10.1.0.0/16", "2001:db8::1", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("127.0.0.1/32", "127.0.0.1", True),
        ("127.0.0.1/32", "", False),
        ("127.0.0.1/32", "localhost", False),
    ],
)
def test_networks(network: str, address: str, is_within: bool) -> None:
    assert Bounds(addresses=(network,)).has_address(address) is is_within
    assert Bounds(addresses=("192.0.2.0/24", network)).has_address(address) is is_within


def test_what_a_token_says_counts_before_what_its_workspace_says() -> None:
    defaults = Bounds(("git",), ("git__*",), ("10.0.0.0/8",), Rate(60, 60.0), 4)
    assert UNBOUND.before(defaults) == defaults
    assert UNBOUND.before(UNBOUND) == UNBOUND
    own = Bounds(servers=("jira",), concurrency=9)
    assert own.before(UNBOUND) == own
    assert own.before(defaults) == Bounds(
        ("jira",), ("git__*",), ("10.0.0.0/8",), Rate(60, 60.0), 9
    )


def test_networks_are_written_in_one_way() -> None:
    checked = check_bounds(Bounds(addresses=("10.1.2.3/16", "2001:DB8::/32", "192.0.2.7")))
    assert checked.addresses == ("10.1.0.0/16", "2001:db8::/32", "192.0.2.7/32")
    whole = Bounds(("a*",), ("b?",), (), Rate(1, 1.0), 1)
    assert check_bounds(whole) == whole


@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(servers=("",)),
        Bounds(servers=("a b",)),
        Bounds(tools=("x" * 101,)),
        Bounds(tools=("[a-z]",)),
        Bounds(tools=("a",) * (MAX_PATTERNS + 1)),
        Bounds(addresses=("10.0.0.0/33",)),
        Bounds(addresses=("everywhere",)),
        Bounds(rate=Rate(0, 60.0)),
        Bounds(rate=Rate(5, 61.0)),
        Bounds(rate=Rate(10**9, 60.0)),
        Bounds(concurrency=0),
        Bounds(concurrency=1001),
    ],
)
def test_what_no_token_can_be_held_to(bounds: Bounds) -> None:
    with pytest.raises(InvalidInput):
        check_bounds(bounds)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("120/m", Rate(120, 60.0)),
        ("10/s", Rate(10, 1.0)),
        ("5/h", Rate(5, 3600.0)),
        ("1000/d", Rate(1000, 86400.0)),
    ],
)
def test_a_rate_is_written_as_it_is_read(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate
    assert str(rate) == text


def test_a_rate_of_an_odd_span_can_be_shown_too() -> None:
    assert str(Rate(5, 7.5)) == "5/7.5s"


@pytest.mark.parametrize("text", ["", "120", "0/m", "-1/m", "1.5/m", "1/x", "1/ m", "99999999/s"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(InvalidInput, match="no rate"):
        parse_rate(text)


@pytest.mark.parametrize("ttl_s", [1.0, MAX_TTL_S])
def test_times_that_a_token_can_live(ttl_s: float) -> None:
    assert check_ttl(ttl_s) == ttl_s


@pytest.mark.parametrize("ttl_s", [0.0, -1.0, MAX_TTL_S * 1.01, float("inf"), float("nan")])
def test_times_that_no_token_can_live(ttl_s: float) -> None:
    with pytest.raises(InvalidInput):
        check_ttl(ttl_s)


def test_bounds_are_the_same_after_they_were_stored() -> None:
    whole = Bounds(("git*",), ("git__get_*",), ("10.0.0.0/8",), Rate(120, 60.0), 4)
    for bounds in (whole, UNBOUND):
        stored = msgspec.json.encode(bounds)
        assert msgspec.json.decode(stored, type=Bounds) == bounds
        assert msgspec.json.encode(msgspec.json.decode(stored, type=Bounds)) == stored
    assert msgspec.json.decode(b"{}", type=Bounds) == UNBOUND
