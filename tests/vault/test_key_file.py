import os
from pathlib import Path

import pytest

from mcpgw.errors import VaultLocked
from mcpgw.vault.key import MasterKey
from mcpgw.vault.key_file import KeyFile

KEY = MasterKey(bytes(range(32)))
STRANGER = 4242


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "install.key"


def put_key(path: Path, mode: int = 0o600) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(f"{KEY.text}\n")
    path.chmod(mode)


def pretend_owner(monkeypatch: pytest.MonkeyPatch, owner: int, of: str) -> None:
    """Let the system say that files, or directories, belong to `owner`."""
    real = getattr(os, of)

    def pretending(*args: object, **kwargs: object) -> os.stat_result:
        fields = list(real(*args, **kwargs))
        fields[4] = owner
        return os.stat_result(fields[:10])

    monkeypatch.setattr(os, of, pretending)


@pytest.mark.parametrize("is_given", [False, True])
def test_makes_a_file_once_and_finds_it_again(path: Path, is_given: bool) -> None:
    source = KeyFile(path, is_given)
    assert source.read() is None
    assert not path.parent.exists()
    made = source.make()
    content = path.read_bytes()
    assert content == f"{made.text}\n".encode()
    assert source.make() == made
    assert KeyFile(path, is_given).read() == made
    assert path.read_bytes() == content


def test_only_we_can_reach_the_file(path: Path) -> None:
    before = os.umask(0)
    try:
        KeyFile(path, False).make()
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_says_where_it_is(path: Path) -> None:
    source = KeyFile(path, False)
    assert (source.source, source.place) == ("file", str(path))
    assert source.title == f"the key file {path}"


@pytest.mark.parametrize("is_given", [False, True])
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o660, 0o666, 0o601, 0o777])
def test_refuses_a_file_that_others_can_reach(
    path: Path, mode: int, is_given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_key(path, mode)
    pretend_owner(monkeypatch, STRANGER, "fstat")
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    pretend_owner(monkeypatch, STRANGER, "lstat")
    with pytest.raises(VaultLocked, match=f"mode {mode:04o} lets others in"):
        KeyFile(path, is_given).read()


@pytest.mark.parametrize(
    ("mode", "is_given", "is_accepted"),
    [
        (0o600, False, False),
        (0o400, True, True),
        (0o440, True, True),
        (0o600, True, True),
        (0o444, True, False),
        (0o460, True, False),
        (0o450, True, False),
    ],
)
def test_a_given_file_may_belong_to_root_and_our_group_may_read_it(
    path: Path,
    mode: int,
    is_given: bool,
    is_accepted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_key(path, mode)
    pretend_owner(monkeypatch, STRANGER, "lstat")
    pretend_owner(monkeypatch, 0, "fstat")
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    # Who runs the tests may be anybody: opening a file that is not his to read is no part of this.
    if is_accepted:
        assert KeyFile(path, is_given).read() == KEY
    else:
        with pytest.raises(VaultLocked, match=r"belongs to user 0|lets others in"):
            KeyFile(path, is_given).read()


@pytest.mark.parametrize("is_given", [False, True])
def test_refuses_the_file_of_another_user(
    path: Path, is_given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_key(path)
    pretend_owner(monkeypatch, STRANGER, "fstat")
    with pytest.raises(VaultLocked, match=f"it belongs to user {STRANGER}"):
        KeyFile(path, is_given).read()


@pytest.mark.parametrize("is_given", [False, True])
def test_refuses_the_directory_of_another_user(
    path: Path, is_given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_key(path)
    pretend_owner(monkeypatch, STRANGER, "lstat")
    with pytest.raises(VaultLocked, match=f"keys belongs to user {STRANGER}"):
        KeyFile(path, is_given).read()


@pytest.mark.parametrize("is_given", [False, True])
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o720, 0o777, 0o1777])
def test_refuses_a_directory_in_which_others_can_write(
    path: Path, mode: int, is_given: bool
) -> None:
    path.parent.mkdir()
    path.parent.chmod(mode)
    with pytest.raises(VaultLocked, match=f"mode {mode:04o}"):
        KeyFile(path, is_given).make()
    assert list(path.parent.iterdir()) == []
    path.parent.chmod(0o700)
    put_key(path)
    path.parent.chmod(mode)
    with pytest.raises(VaultLocked, match=f"mode {mode:04o}"):
        KeyFile(path, is_given).read()


def test_refuses_a_symbolic_link_in_our_own_place(path: Path, tmp_path: Path) -> None:
    put_key(tmp_path / "elsewhere")
    path.parent.mkdir(mode=0o700)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VaultLocked, match="symbolic link"):
        KeyFile(path, False).make()


def test_refuses_a_symbolic_link_as_our_own_directory(path: Path, tmp_path: Path) -> None:
    put_key(tmp_path / "elsewhere" / path.name)
    path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VaultLocked, match="no directory"):
        KeyFile(path, False).make()


def test_follows_symbolic_links_to_a_given_file(path: Path, tmp_path: Path) -> None:
    put_key(tmp_path / "..2026_11_20" / "key")
    path.parent.mkdir(mode=0o777)
    path.parent.chmod(0o1777)
    (path.parent / "..data").symlink_to("../..2026_11_20")
    path.symlink_to("..data/key")
    source = KeyFile(path, True)
    assert source.read() == KEY
    assert source.place == str(path)


def test_refuses_links_in_a_circle(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.symlink_to(path)
    with pytest.raises(VaultLocked, match="symbolic link"):
        KeyFile(path, True).make()


def test_refuses_what_is_no_file(path: Path, tmp_path: Path) -> None:
    path.mkdir(mode=0o700, parents=True)
    path.parent.chmod(0o700)
    os.mkfifo(tmp_path / "fifo", 0o600)
    for wrong in (path, tmp_path / "fifo"):
        with pytest.raises(VaultLocked, match="no regular file"):
            KeyFile(wrong, False).make()


def test_refuses_a_path_through_a_file(tmp_path: Path) -> None:
    put_key(tmp_path / "key")
    with pytest.raises(VaultLocked, match="no directory"):
        KeyFile(tmp_path / "key" / "key", False).make()
    with pytest.raises(VaultLocked, match="Not a directory"):
        KeyFile(tmp_path / "key" / "key" / "key", False).make()


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"secret", KEY.text[:-1].encode(), b"\xff\xfe" * 40, b"A" * 100_000]
)
def test_never_overwrites_what_is_there(path: Path, content: bytes) -> None:
    put_key(path)
    path.write_bytes(content)
    with pytest.raises(VaultLocked, match="master key"):
        KeyFile(path, False).make()
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_of_two_who_make_a_key_at_once_one_wins(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_link = os.link

    def link_after_another(source: Path, target: Path) -> None:
        put_key(target)
        real_link(source, target)

    monkeypatch.setattr(os, "link", link_after_another)
    with pytest.raises(VaultLocked, match="cannot be written: File exists"):
        KeyFile(path, False).make()
    assert KeyFile(path, False).read() == KEY
    assert list(path.parent.iterdir()) == [path]


def test_says_why_it_cannot_be_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(VaultLocked, match="cannot be written: No space left on device"):
        KeyFile(path, False).make()
    assert list(path.parent.iterdir()) == []
