import subprocess
import sys

import pytest

HARDEN = """
import ctypes, resource
from mcpgw.cli.hardening import harden
harden()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))
"""

ALLOW = """
import resource
from mcpgw.cli.hardening import allow_files
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(allow_files(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def run(script: str) -> str:
    """Run a script in a process of its own: what it does cannot be undone."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_memory_is_kept_from_others() -> None:
    """3 is PR_GET_DUMPABLE."""
    said = run(HARDEN)
    assert said == ("0 0 0" if sys.platform == "linux" else said)


@pytest.mark.parametrize(
    ("soft", "hard", "found"), [(64, 500, "500 500 500"), (300, 300, "300 300 300")]
)
def test_files_enough(soft: int, hard: int, found: str) -> None:
    assert run(ALLOW.format(soft=soft, hard=hard)) == found


def test_no_bound_is_enough() -> None:
    """No process can have that here, so the system is asked in the script's own way."""
    script = """
import resource
resource.getrlimit = lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
from mcpgw.cli.hardening import allow_files
print(allow_files())
"""
    assert run(script) == "65536"


def test_no_more_than_makes_sense() -> None:
    script = ALLOW.replace("import resource\n", "import resource\nimport mcpgw.cli.hardening\n")
    script = script.replace("resource.set", "mcpgw.cli.hardening.MOST_FILES = 200\nresource.set")
    assert run(script.format(soft=100, hard=500)) == "200 200 500"
    assert run(script.format(soft=400, hard=500)) == "400 400 500"
