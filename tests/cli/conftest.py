"""The command line in this process, on a data directory of its own."""

import io
import json
import logging
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keyring
import pytest

from mcpgw.cli import run
from mcpgw.cli.connecting.machine import path_of
from mcpgw.client_configs.app import app
from mcpgw.client_configs.scope import Scope
from mcpgw.config import SETTINGS, base_environment
from tests.cli.terminal import Terminal

ROOT = Path(__file__).parents[2]
ENVIRONMENT = dict(os.environ)  # noqa: TID251  (no part of mcpgw)
PEER = (sys.executable, "-I", str(Path(__file__).with_name("peer.py")))
"""The command of a server with tools."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    exit_code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@dataclass
class Cli:
    """The command, its data directory, and everything that it ever printed."""

    directory: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    printed: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.directory / "data"

    def __call__(
        self, *arguments: str, given: bytes = b"", typed: str | None = None, exit_code: int = 0
    ) -> Done:
        """Run a command: `given` is piped in, `typed` is what somebody types at a terminal."""
        stdin = io.TextIOWrapper(io.BytesIO(given)) if typed is None else Terminal(typed)
        with self.monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", stdin)
            patched.setattr("getpass.getpass", lambda prompt, stream: stdin.readline().rstrip("\n"))
            code = run(arguments)
        captured = self.capsys.readouterr()
        self.printed += [captured.out, captured.err]
        done = Done(code, captured.out, captured.err)
        assert code == exit_code, done
        assert "Traceback" not in done.err
        return done

    def json(self, *arguments: str, **more: Any) -> Any:
        return self(*arguments, "--json", **more).data

    def refused(self, exit_code: int, *arguments: str, **more: Any) -> str:
        """Run a command that must fail, with an error of at most two lines, and return that."""
        done = self(*arguments, exit_code=exit_code, **more)
        complaint = done.err[done.err.index("error: ") :]
        assert len(complaint.splitlines()) <= 2, complaint
        return complaint

    @property
    def environment(self) -> dict[str, str]:
        """For a process of its own."""
        measured = {n: v for n, v in ENVIRONMENT.items() if n.startswith("COVERAGE")}
        return {
            **base_environment(),
            **measured,
            "MCPGW_HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.directory / "config"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "PYTHONPATH": str(ROOT),
        }

    def process(self, *arguments: str, **more: Any) -> "subprocess.Popen[bytes]":
        """Start the command as a process of its own."""
        usual: dict[str, Any] = {
            "env": self.environment,
            "cwd": self.directory,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        command = [sys.executable, "-m", "mcpgw", *arguments]
        process: subprocess.Popen[bytes] = subprocess.Popen(command, **usual | more)
        return process

    def finish(self, *arguments: str, exit_code: int = 0) -> Done:
        """Run the command as a process of its own to its end."""
        with self.process(*arguments) as process:
            out, err = process.communicate(timeout=60)
        done = Done(process.returncode, out.decode(), err.decode())
        assert done.exit_code == exit_code, done
        assert "Traceback" not in done.err
        return done

    @contextmanager
    def at_terminal(self, *arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
        """Start the command at a pseudo terminal; yields it and our end of the terminal."""
        ours, theirs = pty.openpty()
        try:
            with self.process(
                *arguments, stdin=theirs, stderr=theirs, start_new_session=True
            ) as process:
                yield process, ours
                process.kill()
        finally:
            os.close(ours)
            os.close(theirs)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Commands arrange logging for their process; this one goes on."""
    kept = [(one, one.handlers, one.propagate, one.level) for one in _loggers()]
    yield
    for one, handlers, propagate, level in kept:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


def _loggers() -> list[logging.Logger]:
    return [logging.getLogger(), logging.getLogger("mcpgw")]


@pytest.fixture
def bare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    """The command on a machine where it never ran."""
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("MCPGW_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return Cli(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory and its key, made once."""
    directory = tmp_path_factory.mktemp("made")
    cli = Cli(directory, pytest.MonkeyPatch(), None)  # type: ignore[arg-type]  # captures nothing
    cli.finish("init", "--yes")
    return directory


@pytest.fixture
def cli(bare: Cli, made: Path) -> Cli:
    """The command after `init --yes`: the workspace `default` is empty."""
    shutil.copytree(made, bare.directory, dirs_exist_ok=True)
    return bare


@pytest.fixture
def echo(cli: Cli) -> Cli:
    """With a server `echo`, added untried: the test needs no further process."""
    cli("server", "add", "echo", "--no-test", "--", *PEER)
    return cli


CLIENT_VARIABLES = (
    *("CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME", "GEMINI_CLI_HOME"),
    *("APPDATA", "LOCALAPPDATA", "GITHUB_TOKEN"),
)
"""What points clients elsewhere on the machine that runs the tests."""


@dataclass
class Desk:
    """A member's machine: the command, a home directory, and a project that is the current one."""

    cli: Cli
    home: Path
    project: Path
    bridge: Path
    """The command that starts the bridge, as clients are told it."""

    @property
    def state(self) -> Path:
        return self.cli.directory / "state" / "mcpgw"

    @property
    def backups(self) -> list[Path]:
        return sorted((self.state / "backups").glob("*"))

    def file(self, key: str, content: bytes | None = None, scope: Scope = Scope.USER) -> Path:
        """Return where a client has its file, written if there is a content."""
        found = app(key)
        assert found is not None
        path = path_of(found, scope)
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return path


def make_desk(cli: Cli) -> Desk:
    home, project, programs = (cli.directory / name for name in ("home", "project", "bin"))
    for directory in (home, project, programs):
        directory.mkdir()
    bridge = programs / "mcpgw"
    bridge.write_text("#!/bin/sh\n")
    bridge.chmod(0o755)
    for variable in CLIENT_VARIABLES:
        cli.monkeypatch.delenv(variable, raising=False)
    cli.monkeypatch.setenv("HOME", str(home))
    cli.monkeypatch.setenv("XDG_STATE_HOME", str(cli.directory / "state"))
    cli.monkeypatch.setenv("PATH", str(programs))
    cli.monkeypatch.chdir(project)
    return Desk(cli, home, project, bridge)


@pytest.fixture
def desk(bare: Cli) -> Desk:
    """A machine with clients and no gateway."""
    return make_desk(bare)


@pytest.fixture
def box_desk(cli: Cli) -> Desk:
    """A machine with clients and a gateway: the workspace `default` is empty."""
    return make_desk(cli)


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    """The machine has no keyring, as a server."""
    before = keyring.core._keyring_backend
    keyring.set_keyring(keyring.core.load_keyring("keyring.backends.fail.Keyring"))
    yield
    keyring.core._keyring_backend = before
