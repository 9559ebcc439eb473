"""Records of keys: their words are stored, so they never change."""

from dataclasses import FrozenInstanceError

import pytest

from mcpgw.model.key import DataKey, KeyKind, KeySlot


def test_the_kinds_as_they_are_stored() -> None:
    assert [kind.value for kind in KeyKind] == [
        *("workspace", "token", "fingerprint", "audit", "state"),
    ]


def test_records_cannot_be_changed() -> None:
    slot = KeySlot("k1", "file", "/keys/x", "abcd", b"wrapped", 1.0)
    key = DataKey("d1", KeyKind.TOKEN, "", 1, b"wrapped", 1.0)
    with pytest.raises(FrozenInstanceError):
        slot.source = "env"  # type: ignore[misc]  # what the test is about
    with pytest.raises(FrozenInstanceError):
        key.version = 2  # type: ignore[misc]  # what the test is about
