"""The places where the master key can be, and the order in which they are tried.

Every place has the same shape (`KeySource`): `read` looks and never makes anything, `make` returns
the key that is there or else puts a new one there, and never overwrites. What is wrong with a place
is a VaultLocked whose message completes the sentence "the key file /x: ...".
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mcpgw.config import Config
from mcpgw.model.key import KeySlot
from mcpgw.vault.key import MasterKey
from mcpgw.vault.key_file import KeyFile
from mcpgw.vault.os_keyring import KeyringKey

CREDENTIAL_NAME = "mcpgw-master-key"
VARIABLE = "MCPGW_MASTER_KEY"
FILE_VARIABLE = "MCPGW_MASTER_KEY_FILE"


class KeySource(Protocol):
    """A place for a master key. `source` and `place` are those of a KeySlot."""

    @property
    def source(self) -> str:
        """The kind of place."""

    @property
    def place(self) -> str:
        """Which of its kind."""

    @property
    def title(self) -> str:
        """The place in words."""

    def read(self) -> MasterKey | None:
        """Return the key, None when there is nothing. Raises VaultLocked."""

    def make(self) -> MasterKey | None:
        """Return the key, a new one if there was none; None where nothing can be put.

        Raises VaultLocked.
        """


class VariableKey:
    """The key in an environment variable."""

    source = "env"
    place = VARIABLE
    title = f"the variable {VARIABLE}"

    def __init__(self, value: str) -> None:
        self._value = value

    def read(self) -> MasterKey | None:
        """Return the key. Raises VaultLocked when the variable holds something else."""
        return MasterKey.parse(self._value) if self._value else None

    make = read


class CredentialKey:
    """The key as a systemd credential: a file that systemd decrypts for this service only."""

    source = "credential"
    place = CREDENTIAL_NAME
    title = f"the systemd credential {CREDENTIAL_NAME}"

    def __init__(self, directory: str) -> None:
        self._file = KeyFile(Path(directory) / CREDENTIAL_NAME, True) if directory else None

    def read(self) -> MasterKey | None:
        """Return the key, None when there is no such credential. Raises VaultLocked."""
        return self._file.read() if self._file else None

    make = read


def given_sources(config: Config) -> list[KeySource]:
    """Return the places that the settings name, most explicit first."""
    sources: list[KeySource] = []
    if config.master_key_file:
        sources.append(KeyFile(Path(config.master_key_file).expanduser().absolute(), True))
    if config.credentials_directory:
        sources.append(CredentialKey(config.credentials_directory))
    if config.master_key:
        sources.append(VariableKey(config.master_key))
    return sources


def best_places(
    config: Config, install_id: str, keyring_limit_s: float
) -> list[KeyringKey | KeyFile]:
    """Return where a new key may go when the settings name no place, best first."""
    in_keyring = KeyringKey(install_id, "", keyring_limit_s)
    in_file = _own_file(config, install_id)
    # A key that is there already, from an attempt that did not come to its end, is used first.
    return [in_file, in_keyring] if os.path.lexists(in_file.place) else [in_keyring, in_file]


def places_to_look(
    config: Config, install_id: str, slots: Sequence[KeySlot], keyring_limit_s: float
) -> list[KeySource]:
    """Return where the key of `slots` may be: named by the settings, then by the slots."""
    sources = given_sources(config)
    for slot in slots:
        match slot.source:
            case "keyring":
                sources.append(KeyringKey(install_id, slot.place, keyring_limit_s))
            case "file":
                own = _own_file(config, install_id)
                if slot.place != own.place:
                    sources.append(KeyFile(Path(slot.place), True))
                # Also when the slot names another: home directories move.
                sources.append(own)
            case "credential":
                sources.append(CredentialKey(config.credentials_directory))
            case "env":
                sources.append(VariableKey(config.master_key))
    first: dict[tuple[str, str], KeySource] = {}
    for source in sources:
        first.setdefault((source.source, source.place), source)
    return list(first.values())


def _own_file(config: Config, install_id: str) -> KeyFile:
    return KeyFile(config.key_directory / f"{install_id}.key", False)
