"""Which era a message is of, and the headers that a modern one gets."""

import json
from typing import Any

import pytest
from msgspec import Raw

from mcpgw.cli.bridging.routing import ToolSchemas, modern_meta
from mcpgw.protocol.jsonrpc import Message, parse

VERSION = "io.modelcontextprotocol/protocolVersion"
REGION = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}


def message(params: Any, method: str = "tools/call") -> Message:
    envelope = {"jsonrpc": "2.0", "id": 1, "method": method}
    found = parse(
        json.dumps(envelope if params is None else envelope | {"params": params}).encode()
    )
    assert isinstance(found, Message)
    return found


@pytest.mark.parametrize(
    ("params", "is_modern"),
    [
        (None, False),
        ({}, False),
        ({"_meta": {}}, False),
        ({"_meta": "nonsense"}, False),
        ({"_meta": {"progressToken": 1}}, False),
        ({"_meta": {VERSION: "2025-11-25"}}, False),
        ({"_meta": {VERSION: "2026-07-28"}}, True),
        ({"_meta": {VERSION: "2099-01-01"}}, True),
        ({"_meta": {VERSION: 7}}, True),
    ],
)
def test_the_version_of_the_message_tells_the_era(params: Any, is_modern: bool) -> None:
    assert (modern_meta(message(params)) is not None) == is_modern


def headers(schemas: ToolSchemas, method: str, version: Any = "2026-07-28", **params: Any) -> Any:
    one = message(params | {"_meta": {VERSION: version}}, method)
    meta = modern_meta(one)
    assert meta is not None
    return schemas.headers(method, one.params, meta)


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("tools/list", {}, {}),
        ("tools/list", {"name": "no target"}, {}),
        ("tools/call", {"name": "echo"}, {"Mcp-Name": "echo"}),
        ("tools/call", {"name": 7}, {}),
        ("tools/call", {}, {}),
        ("prompts/get", {"name": "gr\u00fc\u00df"}, {"Mcp-Name": "=?base64?Z3LDvMOf?="}),
        ("resources/read", {"uri": "a:\r\nb"}, {"Mcp-Name": "=?base64?YToNCmI=?="}),
    ],
)
def test_headers_repeat_the_body(
    method: str, params: dict[str, Any], expected: dict[str, str]
) -> None:
    always = {"Mcp-Method": method, "MCP-Protocol-Version": "2026-07-28"}
    assert headers(ToolSchemas(), method, **params) == always | expected


@pytest.mark.parametrize(
    ("version", "header"), [(7, None), ("2099", "2099"), ("a\nb", "=?base64?YQpi?=")]
)
def test_a_strange_version_breaks_no_header(version: Any, header: str | None) -> None:
    assert headers(ToolSchemas(), "x", version).get("MCP-Protocol-Version") == header


def tools(**schemas: Any) -> Raw:
    listed = [{"name": name, "inputSchema": schema} for name, schema in schemas.items()]
    return Raw(json.dumps({"tools": listed}).encode())


def param_headers(schemas: ToolSchemas, name: str) -> dict[str, str]:
    found = headers(schemas, "tools/call", name=name, arguments={"region": "eu", "other": 1})
    return {name: value for name, value in found.items() if name.startswith("Mcp-Param-")}


def test_arguments_travel_in_headers_as_the_latest_list_says() -> None:
    schemas = ToolSchemas()
    assert param_headers(schemas, "a") == {}
    schemas.learn(tools(b={}))
    schemas.learn(tools(a=REGION, b={}))
    assert param_headers(schemas, "a") == {"Mcp-Param-Region": "eu"}
    assert param_headers(schemas, "b") == {}
    for nonsense in (b"7", b'{"tools":[{"x-mcp-header":1}]}'):
        schemas.learn(Raw(nonsense))
    schemas.learn(tools(b=REGION))
    assert param_headers(schemas, "a") == {"Mcp-Param-Region": "eu"}
    schemas.learn(tools(a={}))
    assert param_headers(schemas, "a") == {}
    assert headers(schemas, "prompts/get", name="b").get("Mcp-Param-Region") is None
