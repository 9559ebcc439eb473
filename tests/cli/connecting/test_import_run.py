"""`mcpgw import`: found, shown, asked, taken over, replaced."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import PEER, Desk

CANARY = "canary-7f3a-91bc"
GOOD = {"command": PEER[0], "args": list(PEER[1:]), "env": {"API_TOKEN": CANARY, "MODE": "test"}}
BAD = {"command": "/nowhere/at/all", "env": {"API_TOKEN": CANARY}}
LEAKY = {"command": PEER[0], "args": ["--token", CANARY]}


def written(desk: Desk, key: str, **servers: Any) -> Path:
    return desk.file(key, json.dumps({"mcpServers": servers, "other": 1}, indent=2).encode())


@pytest.fixture
def cursor(box_desk: Desk) -> Path:
    return written(box_desk, "cursor", good=GOOD, bad=BAD, leaky=LEAKY)


def servers(desk: Desk) -> dict[str, Any]:
    return {one["name"]: one for one in desk.cli.json("server", "list")}


def entries(path: Path) -> list[str]:
    return list(json.loads(path.read_text())["mcpServers"])


def test_a_dry_run_shows_and_writes_nothing(box_desk: Desk, cursor: Path) -> None:
    before = cursor.read_bytes()
    done = box_desk.cli("import", "--dry-run", "--replace")
    assert "-> good" in done.out
    assert "its argument 2 is a credential" in done.out
    decided = [" ".join(line.split()[:5]) for line in done.out.splitlines()]
    assert "good cursor variable API_TOKEN secret" in decided
    assert "good cursor variable MODE plain" in decided
    assert "nothing was written" in done.err
    assert (servers(box_desk), cursor.read_bytes()) == ({}, before)
    assert CANARY not in "".join(box_desk.cli.printed)


def test_taken_over(box_desk: Desk, cursor: Path) -> None:
    before = cursor.read_bytes()
    done = box_desk.cli("import", "--yes", exit_code=6)
    assert "added: good" in done.err
    assert "failed: bad: " in done.err
    (good,) = servers(box_desk).values()
    assert good["env"] == {"API_TOKEN": "${secret:API_TOKEN}", "MODE": "test"}
    assert good["missing_secrets"] == []
    assert cursor.read_bytes() == before
    assert not box_desk.backups
    again = box_desk.cli("import", "--yes", exit_code=6)
    assert "there: good" in again.err
    assert len(servers(box_desk)) == 1
    assert CANARY not in "".join(box_desk.cli.printed)


def test_replaced(box_desk: Desk, cursor: Path) -> None:
    before = cursor.read_bytes()
    results = box_desk.cli.json("import", "--yes", "--replace", exit_code=6)
    assert {one["name"]: one["status"] for one in results} == {
        "good": "added",
        "bad": "failed",
        "leaky": "refused",
    }
    assert results[0]["client"] == "cursor"
    assert results[0]["secrets"] == ["API_TOKEN"]
    assert entries(cursor) == ["bad", "leaky", "mcpgw"]
    assert box_desk.backups[0].read_bytes() == before
    box_desk.cli("disconnect", "cursor")
    assert entries(cursor) == ["bad", "leaky"]
    assert json.loads(cursor.read_text())["other"] == 1


def test_untried(box_desk: Desk, cursor: Path) -> None:
    done = box_desk.cli("import", "--yes", "--no-test", "--replace")
    assert "Cursor" not in done.err
    assert set(servers(box_desk)) == {"good", "bad"}
    assert entries(cursor) == ["leaky", "mcpgw"]


def test_beside_a_gateway_entry_that_is_there(box_desk: Desk, cursor: Path) -> None:
    box_desk.cli("connect", "cursor")
    results = box_desk.cli.json("import", "--yes", "--no-test", "--replace")
    assert results[-1]["status"] == "own"
    assert entries(cursor) == ["leaky", "mcpgw"]
    box_desk.cli("disconnect", "cursor")
    assert entries(cursor) == ["leaky"]


def test_through_the_bridge(box_desk: Desk) -> None:
    path = written(box_desk, "claude-desktop", good=GOOD)
    done = box_desk.cli("import", "--yes", "--replace")
    assert "next: the OS keyring" in done.err
    assert json.loads(path.read_text())["mcpServers"]["mcpgw"]["command"] == str(box_desk.bridge)


def test_a_file_of_nobody_stays_as_it_is(box_desk: Desk) -> None:
    path = box_desk.project / "any.json"
    path.write_text(json.dumps({"mcpServers": {"good": GOOD}}))
    done = box_desk.cli("import", "any.json", "--yes", "--replace")
    assert "stays as it is: nothing says whose file it is" in done.err
    assert entries(path) == ["good"]
    box_desk.cli("import", "any.json", "--yes", "--replace", "--client", "kiro")
    assert entries(path) == ["mcpgw"]


def test_secrets_that_are_not_known_are_to_be_set(box_desk: Desk) -> None:
    asking = {**GOOD, "env": {"KEY": "${input:my-key}"}}
    path = written(box_desk, "cursor", asking=asking)
    done = box_desk.cli("import", "--yes", "--replace")
    assert "next: mcpgw secret set asking MY_KEY -w default" in done.err
    assert entries(path) == ["asking"]


def test_somebody_is_asked(box_desk: Desk, cursor: Path) -> None:
    complaint = box_desk.cli.refused(2, "import")
    assert "add 2 servers to default" in complaint
    assert "--yes" in complaint
    box_desk.cli.refused(2, "import", "--replace", typed="n\n")
    assert servers(box_desk) == {}
    box_desk.cli("import", "--no-test", typed="y\n")
    assert set(servers(box_desk)) == {"good", "bad"}


def test_nothing_to_take_over(box_desk: Desk) -> None:
    box_desk.cli.refused(3, "import")
    written(box_desk, "cursor", leaky=LEAKY)
    done = box_desk.cli("import")
    assert "credential" in done.out


def test_without_the_key_nothing_happens(desk: Desk) -> None:
    desk.cli("init", "--yes")
    (key,) = (desk.cli.directory / "config").rglob("*.key")
    key.unlink()
    path = written(desk, "cursor", good=GOOD)
    before = path.read_bytes()
    desk.cli.refused(78, "import", "--yes", "--replace")
    assert (servers(desk), path.read_bytes()) == ({}, before)


def test_a_read_only_file_costs_itself_only(box_desk: Desk, cursor: Path) -> None:
    other = written(box_desk, "windsurf", good=GOOD)
    cursor.chmod(0o400)
    done = box_desk.cli("import", "--yes", "--no-test", "--replace")
    assert f"{cursor} stays as it is" in done.err
    assert entries(cursor) == ["good", "bad", "leaky"]
    assert entries(other) == ["mcpgw"]
