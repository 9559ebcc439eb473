import os
import stat

import pytest

from mcpgw.model.secret_file import exposure

ME, ROOT, OTHER = 1000, 0, 1001


def status(mode: int, uid: int, kind: int = stat.S_IFREG) -> os.stat_result:
    return os.stat_result((kind | mode, 1, 1, 1, uid, 1, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "uid", "may_be_of_root", "reason"),
    [
        (0o600, ME, False, ""),
        (0o400, ME, True, ""),
        (0o640, ME, True, "mode 0640 lets others in (chmod 0600)"),
        (0o604, ME, True, "mode 0604 lets others in (chmod 0600)"),
        (0o600, OTHER, True, "it belongs to user 1001"),
        (0o600, ROOT, False, "it belongs to user 0"),
        (0o600, ROOT, True, ""),
        (0o640, ROOT, True, ""),
        (0o440, ROOT, True, ""),
        (0o444, ROOT, True, "mode 0444 lets others in (chmod 0600)"),
        (0o660, ROOT, True, "mode 0660 lets others in (chmod 0600)"),
    ],
)
def test_who_gets_at_it(mode: int, uid: int, may_be_of_root: bool, reason: str) -> None:
    assert exposure(status(mode, uid), ME, may_be_of_root=may_be_of_root) == reason


def test_only_files_are_files() -> None:
    for kind in (stat.S_IFIFO, stat.S_IFDIR, stat.S_IFSOCK):
        found = exposure(status(0o600, ME, kind), ME, may_be_of_root=False)
        assert found == "it is no regular file"
