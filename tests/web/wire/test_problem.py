"""A problem says its kind."""

import msgspec

from mcpgw.web.wire.problem import Problem


def test_the_kind_is_the_last_word_of_the_type() -> None:
    problem = Problem(type="urn:mcpgw:error:not_found", title="t", status=404, detail="d")
    assert problem.kind == "not_found"


def test_what_others_add_is_no_hindrance() -> None:
    body = b'{"type":"about:blank","title":"","status":404,"detail":"","instance":"/x"}'
    assert msgspec.json.decode(body, type=Problem).kind == "about:blank"
