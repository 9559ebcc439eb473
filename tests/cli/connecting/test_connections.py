import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mcpgw.cli.connecting.connections import FILE, Connection, Connections, digest
from mcpgw.client_configs.edit import Trace
from mcpgw.client_configs.scope import Scope
from mcpgw.errors import StorageError

ONE = Connection(
    client="cursor",
    scope=Scope.USER,
    path="/h/.cursor/mcp.json",
    entry="mcpgw",
    url="https://x.example/ws/t",
    digest=digest("{}"),
    is_new=False,
    cuts=(((1, 2), (5, 3)),),
    traces=(Trace(("mcpServers", "mcpgw"), "", "", 1),),
)


def test_remembered_and_forgotten(tmp_path: Path) -> None:
    known = Connections(tmp_path / "state")
    assert known.all() == ()
    other = replace(ONE, entry="other")
    known.remember(ONE)
    known.remember(other)
    assert known.all() == (ONE, other)
    newer = replace(ONE, url="https://y.example/ws/t")
    known.remember(newer)
    assert known.find(ONE.path, "mcpgw") == newer
    assert known.find(ONE.path, "nothing") is None
    known.forget(newer)
    assert Connections(tmp_path / "state").all() == (other,)
    file = tmp_path / "state" / FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(file.read_text())[0]["client"] == "cursor"


def test_damaged(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[{"client": 1}]')
    with pytest.raises(StorageError, match="is damaged"):
        Connections(tmp_path).all()


def test_unusable(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(StorageError, match="cannot be"):
        Connections(tmp_path / "state").remember(ONE)


def remember(directory: Path, number: int) -> None:
    Connections(directory).remember(replace(ONE, entry=f"e{number}"))


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(partial(remember, tmp_path), range(24)))
    assert {one.entry for one in Connections(tmp_path).all()} == {f"e{n}" for n in range(24)}


def test_unreadable(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        Connections(tmp_path).all()


def test_unwritable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Connections(tmp_path)
    known.remember(ONE)

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StorageError, match="cannot be written: No space"):
        known.forget(ONE)
    assert known.all() == (ONE,)
