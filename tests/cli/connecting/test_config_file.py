"""Files of other programs: read with care, replaced as a whole, or left alone."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpgw.cli.connecting import config_file as module
from mcpgw.cli.connecting.config_file import (
    back_up,
    delete_config,
    read_config,
    write_config,
)
from mcpgw.errors import Conflict, GatewayError, InvalidInput, StorageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "settings.json"
    path.write_bytes(b'{"a": "\xc3\xa9"}\r\n')
    path.chmod(0o640)
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def left(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir())


def test_read(path: Path) -> None:
    file = read_config(path)
    assert (file.text, file.mode) == ('{"a": "é"}\r\n', 0o640)
    assert (file.owner, file.group) == (os.geteuid(), os.getegid())
    assert "é" not in repr(file)


def test_none_yet(tmp_path: Path) -> None:
    file = read_config(tmp_path / "new" / "mcp.json")
    assert (file.content, file.text, file.mode) == (None, "", 0o600)
    write_config(file, "{}", is_secret=False)
    assert mode(tmp_path / "new" / "mcp.json") == 0o600


def test_no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="no UTF-8"):
        _ = read_config(path).text


def test_mode_stays_unless_a_token_is_in_it(path: Path) -> None:
    write_config(read_config(path), "{}", is_secret=False)
    assert (path.read_bytes(), mode(path)) == (b"{}", 0o640)
    write_config(read_config(path), "[]", is_secret=True)
    assert (path.read_bytes(), mode(path)) == (b"[]", 0o600)
    assert left(path) == ["settings.json"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owner_stays(path: Path) -> None:
    os.chown(path, 12345, 54321)
    write_config(read_config(path), "{}", is_secret=False)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    path.rename(tmp_path / "dotfiles" / "real.json")
    path.symlink_to("dotfiles/real.json")
    write_config(read_config(path), "{}", is_secret=False)
    assert path.is_symlink()
    assert (tmp_path / "dotfiles" / "real.json").read_text() == "{}"
    assert mode(path) == 0o640


def test_a_projects_link_leads_nowhere_else(path: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".mcp.json").symlink_to(path)
    with pytest.raises(InvalidInput, match="leads out of the project"):
        read_config(project / ".mcp.json", project)
    (project / "real.json").write_text("{}")
    (project / ".mcp.json").unlink()
    (project / ".mcp.json").symlink_to("real.json")
    assert read_config(project / ".mcp.json", project).text == "{}"


def test_read_only_is_respected(path: Path) -> None:
    path.chmod(0o444)
    file = read_config(path)
    with pytest.raises(StorageError, match=r"read-only \(mode 0444\); nothing was changed"):
        write_config(file, "{}", is_secret=False)
    with pytest.raises(StorageError, match="read-only"):
        delete_config(file)
    assert path.read_bytes() == file.content


def unwritable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let a call of the system fail as on a full or read-only disk."""

    def fail(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, fail)


@pytest.mark.parametrize("name", ["fsync", "replace", "fchmod"])
def test_what_cannot_be_written_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = path.read_bytes()
    file = read_config(path)
    with monkeypatch.context() as patched:
        unwritable(patched, name)
        with pytest.raises(StorageError, match="No space left on device; nothing was changed"):
            write_config(file, "{}", is_secret=False)
    assert path.read_bytes() == before
    assert left(path) == ["settings.json"]


@pytest.mark.parametrize("change", [lambda path: path.write_text("other"), Path.unlink])
def test_what_changed_meanwhile_is_not_overwritten(
    path: Path, change: Callable[[Path], object]
) -> None:
    file = read_config(path)
    change(path)
    with pytest.raises(Conflict, match="changed by another program"):
        write_config(file, "{}", is_secret=False)
    with pytest.raises(Conflict, match="changed by another program"):
        delete_config(file)
    assert left(path) == (["settings.json"] if path.exists() else [])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: path.mkdir(), StorageError, "cannot be read"),
        (lambda path: os.mkfifo(path), InvalidInput, "no regular file"),
        (lambda path: path.symlink_to(path.name), StorageError, "cannot be read"),
    ],
)
def test_what_is_no_file(
    tmp_path: Path, make: Callable[[Path], object], error: type[GatewayError], message: str
) -> None:
    path = tmp_path / "odd"
    make(path)
    with pytest.raises(error, match=message):
        read_config(path)


def test_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 3)
    with pytest.raises(InvalidInput, match="larger"):
        read_config(path)


def test_a_copy(path: Path, tmp_path: Path) -> None:
    directory = tmp_path / "state" / "backups"
    copy = back_up(read_config(path), directory, "now-cursor")
    assert copy == directory / "now-cursor-settings.json"
    assert copy.read_bytes() == path.read_bytes()
    assert (mode(copy), mode(directory)) == (0o600, 0o700)
    assert back_up(read_config(tmp_path / "none"), directory, "x") is None
    with pytest.raises(StorageError, match="cannot be written"):
        back_up(read_config(path), directory, "now-cursor")


def test_deleted(path: Path) -> None:
    delete_config(read_config(path))
    assert not path.exists()
