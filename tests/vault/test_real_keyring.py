"""A real Secret Service: Debian's gnome-keyring, on a D-Bus session of its own.

Needs the packages gnome-keyring and dbus; fails, not skips, without them.
"""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mcpgw.config import base_environment

pytestmark = pytest.mark.long

BACKEND = "keyring.backends.SecretService.Keyring"
INSTALL = "0123456789abcdef0123456789abcdef"

CHILD = """
import dataclasses, json, sys
from pathlib import Path
import msgspec
from mcpgw.config import load_config
from mcpgw.errors import VaultLocked
from mcpgw.model.key import KeySlot
from mcpgw.vault.vault import Vault

what, home, install_id = sys.argv[1:]
vault = Vault(load_config({"home": home}))
slot_file = Path(home) / "slot.json"
try:
    if what == "establish":
        slot, _ = vault.establish(install_id, 0.0)
        slot_file.write_bytes(msgspec.json.encode(slot))
    else:
        vault.unlock(install_id, [msgspec.json.decode(slot_file.read_bytes(), type=KeySlot)])
    print(json.dumps({"whereabouts": vault.whereabouts, "advice": vault.advice}))
except VaultLocked as error:
    print(json.dumps({"locked": error.message}))
"""

HANGING_BACKEND = """
import threading
from keyring.backend import KeyringBackend

class Keyring(KeyringBackend):
    priority = 5

    def get_password(self, service, username):
        threading.Event().wait()

    def set_password(self, service, username, password):
        threading.Event().wait()
"""


class Machine:
    """A home directory and what runs in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = base_environment() | {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "share"),
            "XDG_CACHE_HOME": str(home / "cache"),
        }
        (home / "child.py").write_text(CHILD)

    def command(self, what: str) -> list[str]:
        return [sys.executable, str(self.home / "child.py"), what, str(self.home), INSTALL]

    def run(self, what: str, environment: dict[str, str] | None = None) -> dict[str, str]:
        """Run one child outside of any session."""
        return self._run(self.command(what), environment or {})[0]

    def run_session(self, daemon: str, *what: str) -> list[dict[str, str]]:
        """Run children one after another in one D-Bus session with a keyring daemon."""
        steps = [shlex.join(self.command(each)) for each in what]
        script = "\n".join(["set -e", daemon, *steps])
        return self._run(["dbus-run-session", "--", "sh", "-c", script], {})

    def _run(self, command: list[str], more: dict[str, str]) -> list[dict[str, str]]:
        done = subprocess.run(
            command,
            env=self.environment | more,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


UNLOCKED = "echo password | gnome-keyring-daemon --unlock --components=secrets >daemon.txt"
LOCKED = "gnome-keyring-daemon --start --components=secrets >daemon.txt"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for program in ("gnome-keyring-daemon", "dbus-run-session"):
        assert shutil.which(program), f"{program} is missing: apt-get install gnome-keyring dbus"
    return Machine(tmp_path)


def test_establishes_and_unlocks_in_a_secret_service(machine: Machine) -> None:
    established, unlocked = machine.run_session(UNLOCKED, "establish", "unlock")
    assert established["whereabouts"] == f"the OS keyring {BACKEND}"
    assert unlocked["whereabouts"] == established["whereabouts"]
    assert not (machine.home / "config" / "mcpgw").exists()
    # The next day: another session, another daemon, the same collection.
    assert machine.run_session(UNLOCKED, "unlock") == [unlocked]


def test_a_locked_secret_service_is_told(machine: Machine) -> None:
    machine.run_session(UNLOCKED, "establish")
    (answer,) = machine.run_session(LOCKED, "unlock")
    assert BACKEND in answer["locked"]
    assert "nothing was changed" in answer["locked"]


def test_no_session_at_all_is_told(machine: Machine) -> None:
    machine.run_session(UNLOCKED, "establish")
    assert BACKEND in machine.run("unlock")["locked"]


def test_advice_to_move_out_of_the_keyring_is_true(machine: Machine) -> None:
    (established,) = machine.run_session(UNLOCKED, "establish")
    command = shlex.join([sys.executable, "-m", "keyring", "get", "mcpgw", INSTALL])
    assert command.partition(" -m ")[2] in established["advice"]
    machine.run_session(f"{UNLOCKED}\n(umask 077; {command} > moved.key)")
    moved = {"MCPGW_MASTER_KEY_FILE": str(machine.home / "moved.key")}
    assert machine.run("unlock", moved)["whereabouts"] == f"the key file {machine.home}/moved.key"


def test_a_hanging_keyring_holds_nobody_up(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "hanging.py").write_text(HANGING_BACKEND)
    hanging = {"PYTHON_KEYRING_BACKEND": "hanging.Keyring", "PYTHONPATH": str(tmp_path)}
    established = machine.run("establish", hanging)
    assert established["whereabouts"].startswith("the key file ")
    assert "did not answer within 5 s" in established["advice"]
    slot_file = tmp_path / "slot.json"
    slot = json.loads(slot_file.read_text()) | {"source": "keyring", "place": "hanging.Keyring"}
    slot_file.write_text(json.dumps(slot))
    assert "did not answer within 5 s" in machine.run("unlock", hanging)["locked"]
