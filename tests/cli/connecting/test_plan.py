"""Plans for a client's file, and carrying them out: all of it or nothing."""

import os
from pathlib import Path

import pytest

from mcpgw.cli.connecting.config_file import read_config
from mcpgw.cli.connecting.connections import Connections
from mcpgw.cli.connecting.machine import known_app
from mcpgw.cli.connecting.plan import (
    Plan,
    carry_out,
    plan_connect,
    plan_disconnect,
    plan_take_out,
)
from mcpgw.client_configs.scope import Scope
from mcpgw.client_configs.shape import Target
from mcpgw.errors import Conflict, InvalidInput, StorageError

TARGET = Target("https://x.example/ws/t", "mcpgw")
CURSOR = known_app("cursor")
TEXT = '{\n  "mcpServers": {\n    "a": {"command": "a"},\n    "b": {"command": "b"}\n  }\n}\n'


class Box:
    """A client's file and what we remember."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "mcp.json"
        self.state = directory / "state"
        self.known = Connections(self.state)
        self.path.write_text(TEXT)

    def plan(self, target: Target = TARGET, **more: object) -> Plan:
        file = read_config(self.path)
        return plan_connect(CURSOR, Scope.USER, file, target, self.known, **more)  # type: ignore[arg-type]  # gone

    def connect(self, target: Target = TARGET) -> Path | None:
        return carry_out(self.plan(target), self.known, self.state)

    def disconnect(self) -> Plan:
        (connection,) = self.known.all()
        plan = plan_disconnect(CURSOR, connection)
        carry_out(plan, self.known, self.state)
        return plan


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_there_and_back(box: Box) -> None:
    copy = box.connect()
    assert copy is not None
    assert copy.read_text() == TEXT
    assert not box.plan().is_change
    assert box.disconnect().is_change
    assert box.path.read_text() == TEXT
    assert box.known.all() == ()


def test_an_entry_of_somebody_else_is_not_touched(box: Box) -> None:
    with pytest.raises(Conflict, match="an entry 'a' that mcpgw connect did not write"):
        box.plan(Target(TARGET.url, "a"))


def test_two_entries_in_one_file(box: Box) -> None:
    box.connect()
    first = box.path.read_text()
    box.connect(Target(f"{TARGET.url}2", "second"))
    (one, two) = box.known.all()
    carry_out(plan_disconnect(CURSOR, one), box.known, box.state)
    carry_out(plan_disconnect(CURSOR, two), box.known, box.state)
    assert box.path.read_text() == TEXT
    assert "second" not in first


def test_an_entry_that_leads_elsewhere_by_now_stays(box: Box) -> None:
    box.connect()
    box.path.write_text(box.path.read_text().replace("x.example", "y.example"))
    before = box.path.read_text()
    with pytest.raises(Conflict, match="leads elsewhere by now"):
        box.disconnect()
    assert box.path.read_text() == before
    assert len(box.known.all()) == 1


def test_what_the_client_added_to_our_entry_goes_with_it(box: Box) -> None:
    box.connect()
    text = box.path.read_text().replace('"url"', '"disabled": false, "list": ["x"], "url"')
    box.path.write_text(text)
    box.disconnect()
    assert box.path.read_text() == TEXT


def test_an_entry_that_is_gone_is_forgotten(box: Box) -> None:
    box.connect()
    box.path.write_text("{}")
    assert not box.disconnect().is_change
    assert (box.path.read_text(), box.known.all()) == ("{}", ())


@pytest.mark.parametrize("is_new", [True, False])
def test_a_file_that_is_gone_is_forgotten(box: Box, is_new: bool) -> None:
    if is_new:
        box.path.unlink()
    box.connect()
    box.path.unlink()
    assert not box.disconnect().is_change
    assert (box.path.exists(), box.known.all()) == (False, ())


def test_a_file_that_broke_meanwhile_stays(box: Box) -> None:
    box.connect()
    box.path.write_text("{broken")
    with pytest.raises(InvalidInput, match=r"mcp\.json: it is no valid JSON"):
        box.disconnect()
    assert box.path.read_text() == "{broken"
    assert len(box.known.all()) == 1


def test_entries_go_in_the_same_step(box: Box) -> None:
    gone = [("mcpServers", "a"), ("mcpServers", "b")]
    plan = box.plan(gone=gone)
    carry_out(plan, box.known, box.state)
    assert list(CURSOR.form.read(box.path.read_text())["mcpServers"]) == ["mcpgw"]  # type: ignore[union-attr]
    (connection,) = box.known.all()
    assert connection.cuts == ()
    assert "command" not in (box.state / "connections.json").read_text()
    box.disconnect()
    assert CURSOR.form.read(box.path.read_text()) == {"mcpServers": {}}  # type: ignore[union-attr]


def test_entries_only_go(box: Box) -> None:
    plan = plan_take_out(CURSOR, read_config(box.path), [("mcpServers", "a")])
    carry_out(plan, box.known, box.state)
    assert box.path.read_text() == TEXT.replace('    "a": {"command": "a"},\n', "")
    assert box.known.all() == ()


def test_of_what_could_not_be_written_nothing_is_remembered(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = box.plan()
    real = os.replace

    def fail(source: Path, target: Path) -> None:
        if Path(target) == box.path:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StorageError):
        carry_out(plan, box.known, box.state)
    assert (box.path.read_text(), box.known.all()) == (TEXT, ())
    monkeypatch.setattr(os, "replace", real)
    box.connect()
    (before,) = box.known.all()
    newer = box.plan(Target(f"{TARGET.url}2", "mcpgw"))
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StorageError):
        carry_out(newer, box.known, box.state)
    assert box.known.all() == (before,)
    with pytest.raises(StorageError):
        box.disconnect()
    assert box.known.all() == (before,)


def test_who_has_no_file(box: Box) -> None:
    with pytest.raises(InvalidInput, match="a database of its own"):
        plan_connect(known_app("n8n"), Scope.USER, read_config(box.path), TARGET, box.known)
