"""Annotations as servers write them, and as they should not."""

import pytest
from msgspec import Raw

from mcpgw.model.tool_class import Hints
from mcpgw.protocol.annotation import read_hints


@pytest.mark.parametrize(
    ("annotations", "hints"),
    [
        (None, None),
        (b"{}", None),
        (b'{"title":"Search"}', None),
        (b'{"readOnlyHint":true}', Hints(True, None)),
        (b'{"readOnlyHint":false,"destructiveHint":false}', Hints(False, False)),
        (b'{"idempotentHint":true}', Hints(None, None)),
        (b'{"openWorldHint":false,"title":"x"}', Hints(None, None)),
        (b'{"readOnlyHint":"true"}', Hints(None, None)),
        (b'{"readOnlyHint":1}', Hints(None, None)),
        (b'{"readOnlyHint":null}', Hints(None, None)),
        (b'{"destructiveHint":true,"readOnlyHint":{}}', Hints(None, True)),
        (b"[]", Hints()),
        (b"true", Hints()),
    ],
)
def test_hints(annotations: bytes | None, hints: Hints | None) -> None:
    item = {"name": Raw(b'"x"')}
    if annotations is not None:
        item["annotations"] = Raw(annotations)
    assert read_hints(item) == hints
