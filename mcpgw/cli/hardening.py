"""Keeps the memory of this process from others: no core file, no debugger of the same user."""

import ctypes
import sys

PR_SET_DUMPABLE = 4
"""From linux/prctl.h."""


def harden() -> None:
    """Forbid core dumps and attaching; where the platform cannot, do nothing."""
    if sys.platform == "linux":
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
