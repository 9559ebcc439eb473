"""The real command on a real port, with a data directory of its own."""

import asyncio
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mcpgw.config import base_environment, variable

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "tests" / "peers"
NODE_MODULES = PEERS / "node" / "node_modules"
MCP1_PYTHON = ROOT / ".venv-mcp1" / "bin" / "python"

SERVED_AT = re.compile(rb"http://127\.0\.0\.1:\d+")
LAST_OF_BANNER = b"stop with Ctrl-C"
PATIENCE_S = 60

PASSED_ON = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
"""Variables by which coverage is measured in processes too."""


@dataclass
class Box:
    """A machine with mcpgw on it: a data directory, an environment, and the command."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(
        self, *arguments: str, given: str = "", exit_code: int = 0
    ) -> "subprocess.CompletedProcess[str]":
        """Run one command to its end, and insist on its exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "mcpgw", *arguments],
            input=given,
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == exit_code, (arguments, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def read(self, *arguments: str) -> Any:
        """Run a command with --json and return what it printed."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def token(self, role: str = "developer", member: str = "ana") -> str:
        """Issue a token; what it will see is not asked for, which starts every server."""
        issued = self.read("token", "issue", "--role", role, "--member", member, "--no-test")
        return str(issued["token"])

    @contextmanager
    def serving(
        self,
        *options: str,
        url: str = "",
        command: Sequence[str] = (sys.executable, "-m", "mcpgw"),
    ) -> Iterator["Served"]:
        """Serve until the block ends; its log is kept in `serve.log`.

        Give the `url` where it listens when that is not what its banner says, and the `command`
        when it is to be started in another way.
        """
        log = self.home / "serve.log"
        with log.open("ab") as stream:
            start = stream.tell()
            process = subprocess.Popen(
                [*command, "serve", "--port", "0", *options],
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        try:
            found = _wait_until_served(process, log, start)
            yield Served(process, url or found)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(20)


@dataclass
class Served:
    """A running `mcpgw serve`."""

    process: "subprocess.Popen[bytes]"
    url: str

    @property
    def workspace_url(self) -> str:
        """The one URL of the workspace `demo`."""
        return f"{self.url}/ws/demo"


def _wait_until_served(process: "subprocess.Popen[bytes]", log: Path, start: int) -> str:
    """Return the URL of the banner, empty when that says none of this machine."""
    deadline = PATIENCE_S * 20
    for _ in range(deadline):
        said = log.read_bytes()[start:]
        if LAST_OF_BANNER in said:
            found = SERVED_AT.search(said)
            return found.group().decode() if found else ""
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"mcpgw serve did not start: {log.read_text()[start:]}")


def make_box(home: Path) -> Box:
    """Return a box with an initialised data directory and the workspace `demo`."""
    environment = {
        **base_environment(),
        **{name: value for name in PASSED_ON if (value := variable(name)) is not None},
        "MCPGW_HOME": str(home / "data"),
        "MCPGW_WORKSPACE": "demo",
        "XDG_CONFIG_HOME": str(home / "config"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    box = Box(home, environment)
    box.run("init", "--yes")
    box.run("workspace", "create", "demo")
    return box


def copied(box: Box, home: Path) -> Box:
    """Return a box of its own with the same data, for a test to change."""
    for name in ("data", "config"):
        shutil.copytree(box.home / name, home / name)
    places = {"MCPGW_HOME": str(home / "data"), "XDG_CONFIG_HOME": str(home / "config")}
    return Box(home, box.environment | places)


@pytest.fixture(scope="session")
def initial_box(tmp_path_factory: pytest.TempPathFactory) -> Box:
    """What boxes of tests are copies of: two commands take longer than many a test."""
    return make_box(tmp_path_factory.mktemp("initial"))


@pytest.fixture
def box(initial_box: Box, tmp_path: Path) -> Box:
    """A fresh box."""
    return copied(initial_box, tmp_path)


@pytest.fixture(scope="module")
def shared_box(initial_box: Box, tmp_path_factory: pytest.TempPathFactory) -> Box:
    """A box for all tests of a module."""
    return copied(initial_box, tmp_path_factory.mktemp("box"))


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_command(package: str) -> tuple[str, ...]:
    """Return the command of a real npm server, as installed for the tests."""
    return ("node", str(NODE_MODULES / "@modelcontextprotocol" / package / "dist" / "index.js"))


@contextmanager
def http_peer(box: Box, script: str, *arguments: str) -> Iterator[str]:
    """Run a server of tests/peers that prints its port, and return the URL of its host."""
    with subprocess.Popen(
        [sys.executable, str(PEERS / script), *arguments],
        env=box.environment,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def client_command(kind: str) -> tuple[str, ...]:
    """Return the command of a real client: `mcp2`, `mcp1` or `npm`."""
    return {
        "mcp2": (sys.executable, str(PEERS / "client_mcp2.py")),
        "mcp1": (str(MCP1_PYTHON), str(PEERS / "client_mcp1.py")),
        "npm": ("node", str(PEERS / "node" / "client.mjs")),
    }[kind]


async def drive(
    kind: str,
    url: str,
    token: str,
    steps: Sequence[Sequence[object]],
    mode: str = "auto",
    **more: object,
) -> dict[str, Any]:
    """Let a real client carry out `steps`, and return what it got; `more` joins its plan."""
    plan = json.dumps({"url": url, "token": token, "mode": mode, "steps": steps, **more})
    process = await asyncio.create_subprocess_exec(
        *client_command(kind),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(plan.encode()), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    got: dict[str, Any] = json.loads(out)
    return got
