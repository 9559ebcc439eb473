import subprocess
import sys

SCRIPT = """
import ctypes, resource
from mcpgw.cli.hardening import harden
harden()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_memory_is_kept_from_others() -> None:
    """In a process of its own: it cannot be undone. 3 is PR_GET_DUMPABLE."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    expected = "0 0 0" if sys.platform == "linux" else done.stdout.strip()
    assert done.stdout.strip() == expected
