"""Files that hold a secret: who may own and read them."""

import os
import stat

OF_OTHERS = 0o077
"""Bits of a mode that let anybody but the owner in."""

BEYOND_READING_GROUP = 0o037
"""Those that let anybody but the owner and a reading group in."""


def exposure(status: os.stat_result, own_uid: int, *, may_be_of_root: bool) -> str:
    """Return why others can get at the secret in a file, empty when they cannot.

    Where it may belong to root it may also be read by a group (0440): so systemd, Docker,
    Kubernetes and the packages of certificates hand out secrets.
    """
    if not stat.S_ISREG(status.st_mode):
        return "it is no regular file"
    is_of_root = may_be_of_root and status.st_uid == 0
    if status.st_uid != own_uid and not is_of_root:
        return f"it belongs to user {status.st_uid}"
    mode = stat.S_IMODE(status.st_mode)
    if mode & (BEYOND_READING_GROUP if is_of_root else OF_OTHERS):
        return f"mode {mode:04o} lets others in (chmod 0600)"
    return ""
