"""What the suite is pointed at: the fixture server, or a gateway in front of it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mcpgw.config import base_environment
from tests.e2e.conftest import PEERS, Box, Served, make_box

FIXTURE = (sys.executable, str(PEERS / "fixture_mcp2.py"))
PYTHON = sys.executable
PATIENCE_S = 20


@dataclass(frozen=True)
class Target:
    """A URL, and the token that it wants."""

    url: str
    token: str | None = None


@contextmanager
def fixture(*options: str) -> Iterator[str]:
    """Run the fixture server over HTTP until the block ends; yields its URL."""
    process = subprocess.Popen(
        [*FIXTURE, "--http", "0", *options],
        env=base_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def gateway(home: Path) -> Iterator[tuple[Box, Served]]:
    """Run a gateway of its own until the block ends."""
    home.mkdir()
    box = make_box(home)
    with box.serving() as served:
        yield box, served


@contextmanager
def behind_gateway(home: Path, *server: str) -> Iterator[Target]:
    """Run a gateway in front of one server, whose names it leaves as they are."""
    with gateway(home) as (box, served):
        box.run("server", "add", "fixture", "--prefix", "", *server)
        yield Target(served.workspace_url, box.token())


@contextmanager
def over_http(home: Path) -> Iterator[Target]:
    """Run a gateway in front of the fixture over HTTP."""
    with fixture() as url, behind_gateway(home, url) as target:
        yield target


@contextmanager
def over_stdio(home: Path) -> Iterator[Target]:
    """Run a gateway in front of the fixture over stdio."""
    with behind_gateway(home, "--", *FIXTURE, "--stdio") as target:
        yield target
