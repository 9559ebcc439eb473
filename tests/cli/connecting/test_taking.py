"""What becomes of the servers that were found."""

from typing import Any

import pytest

from mcpgw.cli.connecting.config_file import ConfigFile
from mcpgw.cli.connecting.source import Source
from mcpgw.cli.connecting.taking import (
    Candidate,
    Outcome,
    candidate_of,
    candidates,
    take_over,
)
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.place import in_workspace
from mcpgw.client_configs.found import servers_in
from mcpgw.client_configs.scope import Scope
from mcpgw.errors import VaultLocked
from mcpgw.model.secret import Secret
from mcpgw.model.server import HttpLaunch, StdioLaunch
from mcpgw.model.token import OPERATOR
from tests.cli.conftest import PEER, Cli


def source(**servers: Any) -> Source:
    found = tuple(servers_in(None, {"mcpServers": servers}, lambda name: None))
    return Source(None, Scope.USER, ConfigFile(None, None, b"", 0, 0, 0), found)  # type: ignore[arg-type]  # no file is read


def test_the_same_server_in_two_clients_is_one() -> None:
    with_one = {"command": "x", "env": {"TOKEN": "one"}}
    with_two = {"command": "x", "env": {"TOKEN": "two"}}
    first = source(GitHub=with_one, off={**with_one, "disabled": True})
    second = source(gh=with_one, github=with_two)
    found = candidates([first, second], [])
    assert [one.name for one in found] == ["github", "github-2"]
    assert candidate_of(second.found[0], found) is found[0]
    assert candidate_of(first.found[1], found) is None


async def test_taken_over(cli: Cli) -> None:
    stdio = StdioLaunch(PEER, (("KEY", "${secret:KEY}"),))
    async with in_workspace(Invocation()) as place:
        good = Candidate("good", stdio, {"KEY": Secret("canary")}, is_there=False)
        assert await take_over(place, good, is_tried=True) == Outcome("added")
        lacks = Candidate("lacks", stdio, {"KEY": None}, is_there=False)
        outcome = await take_over(place, lacks, is_tried=True)
        assert (outcome.status, outcome.missing, outcome.is_taken) == ("added", ("KEY",), False)
        there = Candidate("lacks", stdio, {"KEY": Secret("canary")}, is_there=True)
        outcome = await take_over(place, there, is_tried=True)
        assert (outcome, outcome.is_taken) == (Outcome("there"), True)
        bare = Candidate("bare", StdioLaunch(PEER), {}, is_there=False)
        assert await take_over(place, bare, is_tried=True) == Outcome("added")
        names = [one.server.name for one in await place.gateway.servers.list(OPERATOR, place.slug)]
        assert names == ["good", "lacks", "bare"]


async def test_nothing_is_left_half_taken_over(bare: Cli) -> None:
    bare.finish("init", "--yes")
    (key,) = (bare.directory / "config").rglob("*.key")
    key.unlink()
    stdio = StdioLaunch(PEER, (("KEY", "${secret:KEY}"),))
    candidate = Candidate("good", stdio, {"KEY": Secret("canary")}, is_there=False)
    async with in_workspace(Invocation()) as place:
        with pytest.raises(VaultLocked):
            await take_over(place, candidate, is_tried=False)
        assert await place.gateway.servers.list(OPERATOR, place.slug) == []


async def test_what_does_not_work_is_taken_back(cli: Cli) -> None:
    async with in_workspace(Invocation()) as place:
        for name, launch, secrets in (
            ("bare", StdioLaunch(("/nowhere/at/all",)), {}),
            ("sealed", StdioLaunch(("/nowhere/at/all",), (("A", "${secret:A}"),)), {"A": "x"}),
            ("broken", HttpLaunch("http://127.0.0.1:9/", (("A", "${secret:A}"),)), {"A": "a\nb"}),
        ):
            sealed = {key: Secret(value) for key, value in secrets.items()}
            candidate = Candidate(name, launch, sealed, is_there=False)
            outcome = await take_over(place, candidate, is_tried=True)
            assert (outcome.status, outcome.is_taken) == ("failed", False)
            assert outcome.reason
        assert await place.gateway.servers.list(OPERATOR, place.slug) == []
