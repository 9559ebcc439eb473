"""Explanations travel whole."""

import msgspec

from mcpgw.gateway import explain as records
from mcpgw.gateway.explain import Verdict
from mcpgw.web.wire.explain import Explanation


def test_there_and_back() -> None:
    checks = (
        records.Check("token", "fine"),
        records.Check("policy", "no", Verdict.HIDDEN),
    )
    found = records.Explanation("tok_1", "git__log", Verdict.HIDDEN, "no", checks)
    sent = msgspec.json.encode(Explanation.of(found))
    assert msgspec.json.decode(sent, type=Explanation).explanation() == found
