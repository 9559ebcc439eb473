"""Entries of the catalog on the wire."""

import msgspec

from mcpgw.model.catalog import Auth, CatalogEntry, Confidence, Field, Package, Remote
from mcpgw.web.wire.catalog import Entry, NewFromCatalog

ENTRY = CatalogEntry(
    "jira",
    "Jira",
    "issues",
    confidence=Confidence.HIGH,
    remotes=(Remote("https://jira.example/mcp", auth=Auth.OAUTH),),
    packages=(Package("npm", "jira-server"),),
    fields={"KEY": Field(is_secret=True, is_required=True, where="https://jira.example/keys")},
)


def test_what_is_told_of_an_entry() -> None:
    told = msgspec.to_builtins(Entry.of(ENTRY))
    assert (told["name"], told["title"], told["confidence"]) == ("jira", "Jira", "high")
    assert {way["kind"]: bool(way["obstacle"]) for way in told["ways"]} == {
        "remote": True,
        "npm": False,
    }
    (asked,) = told["fields"]
    assert (asked["name"], asked["is_secret"], asked["where"]) == (
        "KEY",
        True,
        "https://jira.example/keys",
    )


def test_values_that_go_in_show_themselves_to_nobody() -> None:
    new = msgspec.json.decode(b'{"secrets":{"KEY":"canary"}}', type=NewFromCatalog)
    assert "canary" not in repr(new)
