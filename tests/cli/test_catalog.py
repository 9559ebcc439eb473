"""Looking around in the catalog, before and after `init`."""

from pathlib import Path

from tests.cli.conftest import Cli
from tests.cli.hosted import hosted


def test_a_search(bare: Cli) -> None:
    done = bare("catalog", "search", "github")
    header, first, *_ = done.out.splitlines()
    assert header.split() == ["SLUG", "HOW", "CONFIDENCE", "WHAT"]
    assert first.split()[:4] == ["github", "remote", "oci", "high"]
    assert "mcpgw catalog show SLUG" in done.err
    assert not bare.home.exists(), "looking around makes nothing"


def test_what_needs_a_login_says_so(bare: Cli) -> None:
    (row,) = [one for one in bare("catalog", "list").out.splitlines() if one.startswith("notion ")]
    assert row.split()[1] == "(login)"


def test_the_list(bare: Cli) -> None:
    usual, everything = (bare.json("catalog", "list", *more) for more in ([], ["--all"]))
    assert len(usual) >= 430
    assert len(everything) > len(usual)
    assert {one["confidence"] for one in usual} == {"high", "medium"}
    assert [one["slug"] for one in usual] == sorted(one["slug"] for one in usual)
    databases = bare.json("catalog", "list", "--category", "databases")
    assert {one["category"] for one in databases} == {"databases"}
    assert "databases" in bare.refused(2, "catalog", "list", "--category", "database")


def test_nothing_found(bare: Cli) -> None:
    done = bare("catalog", "search", "zzzz", "github")
    assert "--registry" in done.err
    assert bare.json("catalog", "search", "zzzz") == []


def test_one_entry(bare: Cli) -> None:
    done = bare("catalog", "show", "github")
    assert "api.githubcopilot.com" in done.out
    assert "secret, needed" in done.out
    assert "get it: https://github.com/settings/personal-access-tokens/new" in done.out
    assert "next: mcpgw server add github" in done.err
    shown = bare.json("catalog", "show", "github")
    assert shown["ways"][0]["kind"] == "remote"
    assert shown["ways"][0]["has_read_only_switch"]
    assert shown["ways"][0]["fields"][0]["is_secret"]
    assert "read-only unless told otherwise" in bare("catalog", "show", "postgres-aws").out
    bare.refused(3, "catalog", "show", "gihtub")


ENTRY = {
    "server": {
        "name": "io.example/weather",
        "title": "Weather",
        "description": "the weather",
        "version": "1.0.0",
        "remotes": [{"type": "streamable-http", "url": "https://weather.example/mcp"}],
    }
}
LYING = {"server": {"name": "io.example/liar", "description": "\x1b[2J", "version": "1"}}


def test_the_registry(cli: Cli) -> None:
    with hosted() as network:
        cli.monkeypatch.setenv("MCPGW_REGISTRY_URL", network.url)
        path = "/v0.1/servers?search=weather&version=latest&limit=100"
        network.registry[path] = {"servers": [LYING, ENTRY]}
        (found,) = cli.json("catalog", "search", "weather", "--registry")
        assert (found["slug"], found["origin"]) == ("io.example/weather", "registry")
        assert found["ways"][0]["url"] == "https://weather.example/mcp"
        cli("catalog", "search", "weather", "--registry")
        assert network.seen == [path], "the answer is kept"
        one = "/v0.1/servers/io.example%2Fweather/versions/latest"
        network.registry[one] = ENTRY
        assert "weather.example" in cli("catalog", "show", "io.example/weather").out
        cli.refused(3, "catalog", "show", "io.example/nothing")
    assert (Path(cli.home) / "registry").stat().st_mode & 0o777 == 0o700


def test_a_registry_that_is_down(bare: Cli) -> None:
    bare.monkeypatch.setenv("MCPGW_REGISTRY_URL", "http://127.0.0.1:9")
    assert "cannot be reached" in bare.refused(6, "catalog", "search", "x", "--registry")
