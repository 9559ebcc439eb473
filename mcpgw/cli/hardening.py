"""What a serving process asks of the system: an unread memory, and files enough."""

import ctypes
import sys
from contextlib import suppress

PR_SET_DUMPABLE = 4
"""From linux/prctl.h."""


def harden() -> None:
    """Forbid core dumps and attaching; where the platform cannot, do nothing."""
    if sys.platform == "linux":
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


MOST_FILES = 1 << 16
"""Some systems allow a billion, and libraries reserve room for each."""


def allow_files() -> int:
    """Let this process have as many files open as it may, and return how many that is."""
    if sys.platform == "win32":
        return MOST_FILES
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_FILES
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < most:
        with suppress(ValueError, OSError):  # macOS promises more than it gives
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
    return soft
