"""Links that servers handed out: known to who got them, and forgotten in time."""

import pytest

from mcpgw.gateway import link as module
from mcpgw.gateway.link import Links


def test_a_link_is_its_receivers_and_its_last_givers() -> None:
    links = Links()
    links.remember("ana", ["memo://1", "memo://2"], "git")
    links.remember("ana", ["memo://2"], "jira")
    assert links.server_of("ana", "memo://1") == "git"
    assert links.server_of("ana", "memo://2") == "jira"
    assert links.server_of("bob", "memo://1") is None
    assert links.server_of("ana", "memo://3") is None


def test_the_oldest_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINKS", 2)
    links = Links()
    links.remember("ana", ["a", "b"], "git")
    links.remember("ana", ["a"], "git")
    links.remember("ana", ["c"], "git")
    assert [links.server_of("ana", uri) for uri in "abc"] == ["git", None, "git"]
