"""Slugs stand in URLs."""

import pytest

from mcpgw.errors import InvalidInput
from mcpgw.model.workspace import check_slug


@pytest.mark.parametrize("slug", ["demo", "a", "0", "team-1", "a-", "a" * 63])
def test_a_slug_that_fits(slug: str) -> None:
    assert check_slug(slug) == slug


@pytest.mark.parametrize(
    "slug", ["", "-a", "A", "a_b", "a/b", "..", "a.b", "a b", "a\n", "ä", "%61", "a" * 64]
)
def test_a_slug_that_does_not_fit(slug: str) -> None:
    with pytest.raises(InvalidInput, match="is no workspace name") as caught:
        check_slug(slug)
    assert caught.value.hint


def test_a_very_long_slug_is_cut_in_the_message() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_slug("A" * 10_000)
    assert len(caught.value.message) < 120
