"""The facts that are shipped: all of them load, and hold what they promise."""

from collections import Counter

import pytest

from mcpgw.catalogs.bundled import FILE, BundledCatalog
from mcpgw.errors import NotFound
from mcpgw.model.catalog import Auth, CatalogEntry, Confidence, Package, Remote, obstacle
from mcpgw.model.catalog_check import check_entry

ENOUGH = 439
"""Entries of high and medium confidence that there were at first."""


async def all_entries() -> list[CatalogEntry]:
    return list(await BundledCatalog().find([]))


async def test_every_entry_is_valid() -> None:
    entries = [check_entry(entry) for entry in await all_entries()]
    confidence = Counter(entry.confidence for entry in entries)
    assert confidence[Confidence.HIGH] + confidence[Confidence.MEDIUM] >= ENOUGH
    assert len({entry.slug for entry in entries}) == len(entries)


async def test_every_entry_says_where_it_comes_from_and_how_it_is_reached() -> None:
    for entry in await all_entries():
        assert entry.sources, entry.slug
        assert entry.ways, entry.slug
        assert entry.title, entry.slug
        assert entry.prefers in ("remote", "package"), entry.slug


async def test_most_can_be_added_and_the_others_say_why_not() -> None:
    entries = await all_entries()
    reasons = [[obstacle(entry, way) for way in entry.ways] for entry in entries]
    assert sum("" in one for one in reasons) >= 300
    logins = [entry for entry in entries if all(is_login(way) for way in entry.ways)]
    assert len(logins) > 100


def is_login(way: Remote | Package) -> bool:
    return isinstance(way, Remote) and way.auth is Auth.OAUTH


async def test_an_entry_by_name() -> None:
    github = await BundledCatalog().get("github")
    assert github.remotes[0].headers["Authorization"] == "Bearer {GITHUB_PERSONAL_ACCESS_TOKEN}"
    assert github.fields["GITHUB_PERSONAL_ACCESS_TOKEN"].where.startswith("https://github.com/")
    assert github.remotes[0].read_only is not None
    with pytest.raises(NotFound):
        await BundledCatalog().get("gihtub")


def test_one_entry_stands_on_each_line() -> None:
    lines = FILE.read_text().splitlines()
    assert sum(line.startswith('{"slug":') for line in lines) >= ENOUGH
    assert max(map(len, lines)) < 20_000
