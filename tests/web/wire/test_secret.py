"""Of secrets only names, versions and fingerprints travel; values only one way."""

from dataclasses import replace

import msgspec

from mcpgw.gateway.secret import SecretSeen
from mcpgw.model.secret import SealedSecret
from mcpgw.web.wire.secret import Secret, SecretValue

SEALED = SealedSecret("id", "ws", "srv", "KEY", 3, "dek", b"blob", "0123456789ab", 1.8e9)


def test_a_record_there_and_back() -> None:
    sent = msgspec.json.encode(Secret.of(SecretSeen("git", "KEY", SEALED)))
    assert b"blob" not in sent
    public = replace(SEALED, id="", workspace_id="", server_id="", datakey_id="", blob=b"")
    assert msgspec.json.decode(sent, type=Secret).seen() == SecretSeen("git", "KEY", public)


def test_one_that_is_not_set() -> None:
    seen = SecretSeen("git", "KEY", None)
    assert Secret.of(seen).seen() == seen


def test_a_value_does_not_show_itself() -> None:
    assert "canary" not in repr(SecretValue(value="canary"))
