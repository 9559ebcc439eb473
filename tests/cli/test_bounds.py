"""Options to bounds and back."""

from mcpgw.cli.bounds import described_bounds, read_bounds, shown_bounds
from mcpgw.model.bounds import UNBOUND, Bounds, Rate

WHOLE = Bounds(("git",), ("git__*",), ("10.0.0.0/8",), Rate(120, 60.0), 4)


def test_what_is_given_counts_and_the_rest_stays() -> None:
    assert read_bounds(WHOLE, None, None, None, None, None) == WHOLE
    assert read_bounds(UNBOUND, "git", "git__*", "10.0.0.0/8", "120/m", 4) == WHOLE
    assert read_bounds(WHOLE, " a , b*,", None, None, None, None).servers == ("a", "b*")


def test_what_is_empty_is_lifted() -> None:
    assert read_bounds(WHOLE, "", "", "", "", 0) == UNBOUND


def test_shown() -> None:
    assert described_bounds(UNBOUND)["rate"] is None
    assert dict(shown_bounds(WHOLE))["rate"] == "120/m"
    assert set(dict(shown_bounds(UNBOUND)).values()) == {"any"}
