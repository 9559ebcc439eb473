from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mcpgw.config import Config
from mcpgw.errors import VaultLocked
from mcpgw.model.key import KeySlot
from mcpgw.vault.key import MasterKey
from mcpgw.vault.key_place import (
    CredentialKey,
    KeySource,
    VariableKey,
    best_places,
    given_sources,
    places_to_look,
)

KEY = MasterKey(bytes(range(32)))
INSTALL = "0123456789abcdef"


def slot(source: str, place: str = "") -> KeySlot:
    return KeySlot("id", source, place, KEY.id, b"", 0.0)


def titles(sources: Sequence[KeySource]) -> list[str]:
    return [source.title for source in sources]


def own_file(config: Config) -> Path:
    return config.key_directory / f"{INSTALL}.key"


def test_variable() -> None:
    assert VariableKey("").read() is None
    assert VariableKey("").make() is None
    assert VariableKey(KEY.text).read() == KEY
    assert VariableKey(f"{KEY.text}\n").make() == KEY
    with pytest.raises(VaultLocked, match="holds no master key"):
        VariableKey("swordfish").read()


def test_credential(tmp_path: Path) -> None:
    assert CredentialKey("").read() is None
    assert CredentialKey(str(tmp_path)).make() is None
    file = tmp_path / "mcpgw-master-key"
    file.write_text(KEY.text)
    file.chmod(0o400)
    assert CredentialKey(str(tmp_path)).read() == KEY
    assert CredentialKey(str(tmp_path)).make() == KEY
    file.chmod(0o644)
    with pytest.raises(VaultLocked, match="0644"):
        CredentialKey(str(tmp_path)).read()


def test_given_sources_from_the_most_explicit(config: Config, tmp_path: Path) -> None:
    assert given_sources(config) == []
    full = replace(
        config,
        master_key_file=str(tmp_path / "key"),
        credentials_directory=str(tmp_path),
        master_key=KEY.text,
    )
    assert titles(given_sources(full)) == [
        f"the key file {tmp_path / 'key'}",
        "the systemd credential mcpgw-master-key",
        "the variable MCPGW_MASTER_KEY",
    ]


def test_a_given_file_is_told_by_its_whole_path(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    relative, of_home = (
        given_sources(replace(config, master_key_file=name))[0] for name in ("key", "~/key")
    )
    assert relative.place == str(tmp_path / "key")
    assert of_home.place == str(tmp_path / "home" / "key")


def test_best_places(config: Config) -> None:
    in_file = f"the key file {own_file(config)}"
    assert titles(best_places(config, INSTALL, 1.0)) == ["the OS keyring", in_file]
    own_file(config).parent.mkdir(parents=True)
    own_file(config).write_text("anything")
    assert titles(best_places(config, INSTALL, 1.0)) == [in_file, "the OS keyring"]


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ([], []),
        ([slot("keyring", "a.Keyring")], ["the OS keyring a.Keyring"]),
        ([slot("file", "/x")], ["the key file /x", "the key file OWN"]),
        ([slot("file", "OWN")], ["the key file OWN"]),
        ([slot("credential")], ["the systemd credential mcpgw-master-key"]),
        ([slot("env")], ["the variable MCPGW_MASTER_KEY"]),
        ([slot("passphrase")], []),
        (
            [slot("env"), slot("keyring", "a.K"), slot("keyring", "b.K"), slot("keyring", "a.K")],
            ["the variable MCPGW_MASTER_KEY", "the OS keyring a.K", "the OS keyring b.K"],
        ),
    ],
)
def test_places_to_look(config: Config, slots: list[KeySlot], expected: list[str]) -> None:
    own = str(own_file(config))
    slots = [replace(each, place=each.place.replace("OWN", own)) for each in slots]
    expected = [each.replace("OWN", own) for each in expected]
    assert titles(places_to_look(config, INSTALL, slots, 1.0)) == expected


def test_looks_first_where_the_settings_say(config: Config, tmp_path: Path) -> None:
    given = replace(config, master_key_file=str(tmp_path / "key"), master_key=KEY.text)
    slots = [slot("env"), slot("keyring", "a.Keyring"), slot("file", str(tmp_path / "key"))]
    assert titles(places_to_look(given, INSTALL, slots, 1.0)) == [
        f"the key file {tmp_path / 'key'}",
        "the variable MCPGW_MASTER_KEY",
        "the OS keyring a.Keyring",
        f"the key file {own_file(config)}",
    ]


def test_our_own_file_may_be_a_link_when_it_is_named(config: Config, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text(KEY.text)
    target.chmod(0o600)
    own_file(config).parent.mkdir(parents=True)
    own_file(config).symlink_to(target)
    slots = [slot("file", str(own_file(config)))]
    given = replace(config, master_key_file=str(own_file(config)))
    with pytest.raises(VaultLocked, match="symbolic link"):
        places_to_look(config, INSTALL, slots, 1.0)[0].read()
    assert places_to_look(given, INSTALL, slots, 1.0)[0].read() == KEY
