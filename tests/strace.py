"""The tracer by which tests see, or break, the system calls of a process."""

import shutil
import subprocess

import pytest

from mcpgw.config import variable


def strace() -> str:
    """Return the path of strace; skip the test where it is missing or not allowed to look.

    CI installs it, so that there a missing one fails.
    """
    found = shutil.which("strace")
    if found is None:
        assert variable("CI") is None, "CI is to have strace"
        pytest.skip("there is no strace")
    probe = subprocess.run([found, "-D", "-f", "-o", "/dev/null", "true"], check=False, timeout=30)
    if probe.returncode != 0:
        pytest.skip("this machine does not let strace look")
    return found
