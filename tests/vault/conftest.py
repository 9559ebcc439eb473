"""Settings in a temporary directory, and keyrings that are never the developer's own."""

import threading
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from mcpgw.config import SETTINGS, Config, load_config


class MemoryKeyring(KeyringBackend):
    priority = 0.1

    def __init__(self, passwords: dict[tuple[str, str], str]) -> None:
        self._passwords = passwords

    def get_password(self, service: str, username: str) -> str | None:
        return self._passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._passwords[service, username] = password


class HangingKeyring(KeyringBackend):
    priority = 0.1

    def __init__(self, released: threading.Event) -> None:
        self._released = released

    def get_password(self, service: str, username: str) -> str | None:
        self._released.wait()
        raise RuntimeError("released at the end of the test")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("nothing was ever answered")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return load_config({"home": tmp_path / "data"})


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    """The machine has no keyring, as a server."""
    before = keyring.core._keyring_backend
    keyring.set_keyring(keyring.core.load_keyring("keyring.backends.fail.Keyring"))
    yield
    keyring.core._keyring_backend = before


@pytest.fixture
def memory_keyring(no_keyring: None) -> dict[tuple[str, str], str]:
    """What the machine's keyring holds: passwords by service and user name."""
    passwords: dict[tuple[str, str], str] = {}
    keyring.set_keyring(MemoryKeyring(passwords))
    return passwords


@pytest.fixture
def hanging_keyring(no_keyring: None) -> Iterator[None]:
    """The machine's keyring waits for an answer that nobody gives."""
    released = threading.Event()
    keyring.set_keyring(HangingKeyring(released))
    yield
    released.set()
    for thread in threading.enumerate():
        if thread.name == "mcpgw-keyring":
            thread.join()
