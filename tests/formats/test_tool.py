import json
from typing import Any

import pytest

from mcpgw.formats.tool import UnreadableTool, read_tool
from mcpgw.model.tool_class import ToolClass


def read(kind: ToolClass = ToolClass.WRITE, **members: Any) -> Any:
    return read_tool(json.dumps({"name": "t", **members}).encode(), "srv", kind)


def test_a_tool_is_read_as_it_is() -> None:
    tool = read(
        title="T", description="Does.", inputSchema={"type": "object"}, outputSchema={"a": 1.0}
    )
    assert (tool.name, tool.server, tool.title, tool.description) == ("t", "srv", "T", "Does.")
    assert tool.input_schema == {"type": "object"}
    assert tool.output_schema == {"a": 1.0}
    assert bytes(tool.members["outputSchema"]) == b'{"a": 1.0}'


@pytest.mark.parametrize("value", [None, 7, ["x"], {"a": 1}])
def test_members_of_any_kind_do_no_harm(value: Any) -> None:
    tool = read(title=value, description=value, annotations=value, inputSchema=value)
    assert (tool.title, tool.description) == ("", "")
    assert tool.input_schema == value
    assert tool.output_schema is None


def test_the_title_may_be_an_annotation() -> None:
    assert read(annotations={"title": "T"}).title == "T"
    assert read(title="own", annotations={"title": "T"}).title == "own"


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        (ToolClass.READ, "[read-only]"),
        (ToolClass.WRITE, ""),
        (ToolClass.DESTRUCTIVE, "[destructive]"),
    ],
)
def test_the_hint_is_what_the_gateway_classed_it(kind: ToolClass, hint: str) -> None:
    assert read(kind, annotations={"readOnlyHint": True}).hint == hint


@pytest.mark.parametrize("written", [b'{"name":"t","inputSchema":' + b"[" * 3000, b"[]", b"{"])
def test_what_cannot_be_read_says_so(written: bytes) -> None:
    with pytest.raises(UnreadableTool, match="nested too deeply"):
        read_tool(written, "srv", ToolClass.READ)
