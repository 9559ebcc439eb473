import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mcpgw.config import Config
from mcpgw.errors import VaultLocked
from mcpgw.gateway import ports
from mcpgw.model.key import DataKey, KeyKind, KeySlot
from mcpgw.vault.key import MasterKey
from mcpgw.vault.vault import Vault

INSTALL = "0123456789abcdef0123456789abcdef"
OTHER_INSTALL = "ffffffffffffffffffffffffffffffff"
NOW = 1_790_000_000.0
CONTEXT = ("mcpgw/secret/v1", INSTALL, "workspace", "server", "JIRA_TOKEN", "1")


def established(config: Config) -> tuple[Vault, KeySlot, dict[KeyKind, DataKey]]:
    vault = Vault(config)
    slot, datakeys = vault.establish(INSTALL, NOW)
    return vault, slot, {key.kind: key for key in datakeys}


def own_file(config: Config) -> Path:
    return config.key_directory / f"{INSTALL}.key"


def files_of(config: Config) -> dict[str, tuple[int, str]]:
    """Every file around the key, with its mode and the digest of its content."""
    return {
        str(path): (path.stat().st_mode, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in config.home.parent.rglob("*")
        if path.is_file()
    }


def test_matches_the_port(config: Config) -> None:
    vault: ports.Vault = Vault(config)
    assert not vault.is_open


# Where a new key goes.


def test_establish_prefers_the_keyring(
    config: Config, memory_keyring: dict[tuple[str, str], str]
) -> None:
    vault, slot, _ = established(config)
    assert MasterKey.parse(memory_keyring["mcpgw", INSTALL]).id == slot.key_id
    assert slot.source == "keyring"
    assert slot.place.endswith(".MemoryKeyring")
    assert vault.whereabouts == f"the OS keyring {slot.place}"
    assert f"keyring get mcpgw {INSTALL} > FILE" in vault.advice
    assert not config.key_directory.exists()


def test_establish_falls_back_to_a_file_and_says_why(config: Config) -> None:
    vault, slot, _ = established(config)
    assert (slot.source, slot.place) == ("file", str(own_file(config)))
    assert vault.whereabouts == f"the key file {own_file(config)}"
    assert "the OS keyring: is not usable" in vault.advice
    assert "MCPGW_MASTER_KEY_FILE" in vault.advice
    assert not own_file(config).is_relative_to(config.home)


def test_establish_does_not_wait_for_a_hanging_keyring(
    config: Config, hanging_keyring: None
) -> None:
    vault = Vault(config, keyring_limit_s=0.05)
    slot, _ = vault.establish(INSTALL, NOW)
    assert slot.source == "file"
    assert "did not answer" in vault.advice


def test_establish_puts_the_key_where_the_settings_say(
    config: Config, tmp_path: Path, memory_keyring: dict[tuple[str, str], str]
) -> None:
    path = tmp_path / "somewhere" / "master.key"
    vault, slot, _ = established(replace(config, master_key_file=str(path)))
    assert (slot.source, slot.place) == ("file", str(path))
    assert MasterKey.parse(path.read_text()).id == slot.key_id
    assert vault.whereabouts == f"the key file {path}"
    assert memory_keyring == {}


@pytest.mark.parametrize("source", ["file", "credential", "env"])
def test_establish_takes_the_key_that_is_given(
    config: Config, tmp_path: Path, source: str, memory_keyring: dict[tuple[str, str], str]
) -> None:
    key = MasterKey.new()
    path = tmp_path / "mcpgw-master-key"
    path.write_text(key.text)
    path.chmod(0o400)
    settings = {
        "file": replace(config, master_key_file=str(path)),
        "credential": replace(config, credentials_directory=str(tmp_path)),
        "env": replace(config, master_key=key.text),
    }
    vault, slot, _ = established(settings[source])
    assert (slot.source, slot.key_id) == (source, key.id)
    assert vault.advice
    assert key.text not in vault.advice + vault.whereabouts
    assert memory_keyring == {}
    Vault(settings[source]).unlock(INSTALL, [slot])


def test_establish_passes_over_a_credential_that_is_not_there(
    config: Config, tmp_path: Path
) -> None:
    _, slot, _ = established(replace(config, credentials_directory=str(tmp_path)))
    assert slot.source == "file"


@pytest.mark.parametrize("source", ["file", "credential", "env"])
def test_establish_goes_nowhere_else_when_the_given_place_fails(
    config: Config, tmp_path: Path, source: str, memory_keyring: dict[tuple[str, str], str]
) -> None:
    path = tmp_path / "mcpgw-master-key"
    path.write_text("no key")
    path.chmod(0o600)
    settings = {
        "file": replace(config, master_key_file=str(path)),
        "credential": replace(config, credentials_directory=str(tmp_path)),
        "env": replace(config, master_key="no key"),
    }
    vault = Vault(settings[source])
    with pytest.raises(VaultLocked, match=r"^the .*: holds no master key"):
        vault.establish(INSTALL, NOW)
    assert not vault.is_open
    assert memory_keyring == {}
    assert path.read_text() == "no key"
    assert not config.key_directory.exists()


def test_establish_reuses_a_key_file_that_is_there(
    config: Config, memory_keyring: dict[tuple[str, str], str]
) -> None:
    _, first, _ = established(replace(config, master_key_file=str(own_file(config))))
    content = own_file(config).read_bytes()
    _, second, _ = established(config)
    assert second.key_id == first.key_id
    assert second.wrapped != first.wrapped
    assert own_file(config).read_bytes() == content
    assert memory_keyring == {}


def test_establish_never_touches_a_key_file_that_it_cannot_use(config: Config) -> None:
    own_file(config).parent.mkdir(parents=True)
    own_file(config).write_text("precious")
    own_file(config).chmod(0o644)
    with pytest.raises(VaultLocked, match=r"no place .*mode 0644.*OS keyring") as caught:
        Vault(config).establish(INSTALL, NOW)
    assert "MCPGW_MASTER_KEY_FILE" in caught.value.hint
    assert own_file(config).read_text() == "precious"


def test_establish_makes_every_key_of_the_house_anew(config: Config) -> None:
    vault, slot, datakeys = established(config)
    assert set(datakeys) == {
        *(KeyKind.TOKEN, KeyKind.FINGERPRINT, KeyKind.AUDIT, KeyKind.STATE),
    }
    assert {(key.workspace_id, key.version, key.created_at) for key in datakeys.values()} == {
        ("", 1, NOW)
    }
    assert len({key.id for key in datakeys.values()} | {slot.id}) == 5
    assert slot.created_at == NOW
    again, other_slot, other_keys = established(config)
    assert other_slot.id != slot.id
    with pytest.raises(VaultLocked):
        again.digest(datakeys[KeyKind.TOKEN], "purpose", ())
    assert vault.digest(datakeys[KeyKind.TOKEN], "purpose", ()) != again.digest(
        other_keys[KeyKind.TOKEN], "purpose", ()
    )


# Finding the key again.


def test_unlock_opens_what_another_vault_sealed(config: Config) -> None:
    before, slot, datakeys = established(config)
    workspace_key = before.new_datakey(KeyKind.WORKSPACE, "workspace", 1, NOW)
    blob = before.seal(workspace_key, CONTEXT, b"swordfish")
    after = Vault(config)
    after.unlock(INSTALL, [slot])
    assert after.is_open
    assert after.whereabouts == before.whereabouts
    assert "the OS keyring" not in after.advice
    assert after.open(workspace_key, CONTEXT, blob) == b"swordfish"
    token_key = datakeys[KeyKind.TOKEN]
    assert after.digest(token_key, "p", (b"x",)) == before.digest(token_key, "p", (b"x",))


def test_unlock_from_the_keyring(
    config: Config, memory_keyring: dict[tuple[str, str], str]
) -> None:
    _, slot, _ = established(config)
    before = dict(memory_keyring)
    vault = Vault(config)
    vault.unlock(INSTALL, [slot])
    assert vault.whereabouts == f"the OS keyring {slot.place}"
    assert memory_keyring == before


def test_unlock_with_the_key_moved_elsewhere(config: Config, tmp_path: Path) -> None:
    _, slot, _ = established(config)
    moved = own_file(config).rename(tmp_path / "mcpgw-master-key")
    text = moved.read_text()
    for settings, whereabouts in [
        (replace(config, master_key_file=str(moved)), f"the key file {moved}"),
        (
            replace(config, credentials_directory=str(tmp_path)),
            "the systemd credential mcpgw-master-key",
        ),
        (replace(config, master_key=text), "the variable MCPGW_MASTER_KEY"),
    ]:
        vault = Vault(settings)
        vault.unlock(INSTALL, [slot])
        assert vault.whereabouts == whereabouts


def test_unlock_finds_the_own_place_when_the_settings_name_a_wrong_key(config: Config) -> None:
    _, slot, _ = established(config)
    vault = Vault(replace(config, master_key=MasterKey.new().text))
    vault.unlock(INSTALL, [slot])
    assert vault.whereabouts == f"the key file {own_file(config)}"


def damaged(slot: KeySlot) -> KeySlot:
    return replace(slot, id="damaged", wrapped=slot.wrapped[:-1])


def test_unlock_takes_the_first_valid_slot(config: Config) -> None:
    _, slot, _ = established(config)
    foreign = replace(slot, id="foreign", source="env", key_id="0" * 16)
    Vault(config).unlock(INSTALL, [foreign, damaged(slot), slot])


def locked_message(config: Config, slots: list[KeySlot], install_id: str = INSTALL) -> str:
    """Unlock in vain: nothing is changed and the vault stays locked."""
    before = files_of(config)
    vault = Vault(config, keyring_limit_s=0.05)
    with pytest.raises(VaultLocked) as caught:
        vault.unlock(install_id, slots)
    assert files_of(config) == before
    assert not vault.is_open
    assert vault.whereabouts == "not found: the vault is locked"
    assert "MCPGW_MASTER_KEY_FILE" in vault.advice
    assert "MCPGW_MASTER_KEY_FILE" in caught.value.hint
    assert "\n" not in caught.value.message
    if own_file(config).exists():
        assert own_file(config).read_text()[8:40] not in caught.value.message + caught.value.hint
    assert caught.value.message.endswith("; nothing was changed")
    return caught.value.message


def test_a_missing_key_is_never_made_anew(config: Config) -> None:
    _, slot, _ = established(config)
    own_file(config).unlink()
    assert locked_message(config, [slot]) == (
        f"the master key is missing or wrong: expected key {slot.key_id} (file); "
        f"the key file {own_file(config)}: nothing there; nothing was changed"
    )
    assert not own_file(config).exists()


def test_a_wrong_key_is_told_from_the_right_one(config: Config) -> None:
    _, slot, _ = established(config)
    wrong = MasterKey.new()
    own_file(config).write_text(wrong.text)
    message = locked_message(replace(config, master_key="swordfish"), [slot])
    assert f"expected key {slot.key_id} (file)" in message
    assert f"the key file {own_file(config)}: holds key {wrong.id}" in message
    assert "the variable MCPGW_MASTER_KEY: holds no master key" in message
    assert "swordfish" not in message


def test_an_unusable_key_file_is_told(config: Config) -> None:
    _, slot, _ = established(config)
    own_file(config).chmod(0o644)
    assert "cannot be read: mode 0644 lets others in" in locked_message(config, [slot])
    own_file(config).chmod(0o600)
    own_file(config).write_text(own_file(config).read_text()[:-4])
    assert "holds no master key" in locked_message(config, [slot])


def test_a_hanging_keyring_is_told(config: Config, hanging_keyring: None) -> None:
    slot = KeySlot("id", "keyring", "", "0" * 16, b"", NOW)
    message = locked_message(config, [slot])
    assert "the OS keyring" in message
    assert "did not answer within 0.05 s" in message


def test_a_damaged_slot_is_told(config: Config) -> None:
    _, slot, _ = established(config)
    message = locked_message(config, [damaged(slot)])
    assert f"holds the right key {slot.key_id}, but key slot damaged is damaged" in message


def test_a_slot_of_another_installation_does_not_open(config: Config) -> None:
    _, slot, _ = established(config)
    assert "holds the right key" in locked_message(config, [slot], OTHER_INSTALL)


def test_a_slot_of_a_newer_version_is_told(config: Config) -> None:
    slot = KeySlot("id", "passphrase", "", "0" * 16, b"", NOW)
    message = locked_message(config, [slot, replace(slot, id="id2", key_id="1" * 16)])
    assert "no place to look for it is known to this version" in message
    assert "expected key 0000000000000000 (passphrase) or 1111111111111111" in message


def test_unlock_without_slots_says_init(config: Config) -> None:
    with pytest.raises(VaultLocked) as caught:
        Vault(config).unlock(INSTALL, [])
    assert "mcpgw init" in caught.value.hint
    assert not config.key_directory.exists()


# Sealing and digests.


@pytest.mark.parametrize(
    "operation",
    [
        lambda vault, keys: vault.new_datakey(KeyKind.WORKSPACE, "workspace", 1, NOW),
        lambda vault, keys: vault.seal(keys[KeyKind.STATE], CONTEXT, b"x"),
        lambda vault, keys: vault.open(keys[KeyKind.STATE], CONTEXT, bytes(61)),
        lambda vault, keys: vault.digest(keys[KeyKind.TOKEN], "purpose", (b"x",)),
        lambda vault, keys: vault.signer(keys[KeyKind.AUDIT], "purpose"),
    ],
    ids=["new_datakey", "seal", "open", "digest", "signer"],
)
def test_a_locked_vault_does_nothing(
    config: Config, operation: Callable[[Vault, dict[KeyKind, DataKey]], object]
) -> None:
    _, _, keys = established(config)
    with pytest.raises(VaultLocked, match="the vault is locked"):
        operation(Vault(config), keys)


def test_a_blob_opens_with_its_key_and_context_only(config: Config) -> None:
    vault, _, _ = established(config)
    key, other = (vault.new_datakey(KeyKind.WORKSPACE, name, 1, NOW) for name in ("a", "b"))
    blob = vault.seal(key, CONTEXT, b"swordfish")
    assert vault.open(key, CONTEXT, blob) == b"swordfish"
    assert b"swordfish" not in blob
    for wrong_key, wrong_context in [(other, CONTEXT), (key, CONTEXT[:-1])]:
        with pytest.raises(VaultLocked):
            vault.open(wrong_key, wrong_context, blob)


@pytest.mark.parametrize("is_used_before", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"kind": KeyKind.STATE},
        {"workspace_id": "other"},
        {"version": 2},
        {"wrapped": b""},
        {"wrapped": bytes(93)},
    ],
    ids=str,
)
def test_a_changed_key_record_is_noticed(
    config: Config, change: dict[str, object], is_used_before: bool
) -> None:
    vault, _, _ = established(config)
    key = vault.new_datakey(KeyKind.WORKSPACE, "workspace", 1, NOW)
    if is_used_before:
        vault.seal(key, CONTEXT, b"x")
    with pytest.raises(VaultLocked, match="does not open"):
        vault.seal(replace(key, **change), CONTEXT, b"x")  # type: ignore[arg-type]  # a table of fields


def test_a_key_record_read_again_still_works(config: Config) -> None:
    vault, _, keys = established(config)
    state, token = keys[KeyKind.STATE], keys[KeyKind.TOKEN]
    blob = vault.seal(state, CONTEXT, b"x")
    digest = vault.digest(token, "purpose", (b"x",))
    assert vault.open(replace(state), CONTEXT, blob) == b"x"
    assert vault.digest(replace(token), "purpose", (b"x",)) == digest


def test_no_key_serves_two_algorithms(config: Config) -> None:
    vault, _, keys = established(config)
    keys[KeyKind.WORKSPACE] = vault.new_datakey(KeyKind.WORKSPACE, "workspace", 1, NOW)
    for kind in (KeyKind.TOKEN, KeyKind.FINGERPRINT):
        with pytest.raises(VaultLocked, match="not for sealing"):
            vault.seal(keys[kind], CONTEXT, b"x")
        with pytest.raises(VaultLocked, match="not for sealing"):
            vault.open(keys[kind], CONTEXT, bytes(61))
    for kind in (KeyKind.WORKSPACE, KeyKind.STATE):
        with pytest.raises(VaultLocked, match="not for digests"):
            vault.digest(keys[kind], "purpose", (b"x",))
        with pytest.raises(VaultLocked, match="not for digests"):
            vault.signer(keys[kind], "purpose")


def test_a_signer_tells_keys_purposes_and_messages_apart(config: Config) -> None:
    vault, _, keys = established(config)
    audit, token = keys[KeyKind.AUDIT], keys[KeyKind.TOKEN]
    macs = {
        vault.signer(audit, "a")(b"message"),
        vault.signer(audit, "a")(b"another"),
        vault.signer(audit, "b")(b"message"),
        vault.signer(token, "a")(b"message"),
        vault.signer(audit, "")(b"amessage"),
    }
    assert len(macs) == 5
    assert {len(mac) for mac in macs} == {32}
    sign = vault.signer(audit, "a")
    assert sign(b"message") == sign(b"message") in macs


def test_digest_depends_on_key_purpose_and_boundaries(config: Config) -> None:
    vault, _, keys = established(config)
    token, fingerprint = keys[KeyKind.TOKEN], keys[KeyKind.FINGERPRINT]
    digests = [
        vault.digest(token, "a", (b"b",)),
        vault.digest(fingerprint, "a", (b"b",)),
        vault.digest(token, "b", (b"a",)),
        vault.digest(token, "ab", ()),
        vault.digest(token, "", (b"ab",)),
        vault.digest(token, "a", (b"b", b"")),
        vault.digest(token, "a", (b"", b"b")),
    ]
    assert len(set(digests)) == len(digests)
    assert {len(digest) for digest in digests} == {32}
    assert vault.digest(token, "a", (b"b",)) == digests[0]


def test_nothing_shows_a_key(config: Config) -> None:
    vault, slot, _ = established(config)
    master = MasterKey.parse(own_file(config).read_text())
    shown = f"{vault!r} {vault} {slot} {vault.whereabouts} {vault.advice}"
    assert repr(vault) == "Vault(is_open=True)"
    assert repr(Vault(config)) == "Vault(is_open=False)"
    assert master.text[6:] not in shown
    assert repr(master.secret) not in shown
    assert master.secret not in slot.wrapped
