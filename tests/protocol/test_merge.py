import json

import pytest
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.era import Era
from mcpgw.protocol.jsonrpc import read_object
from mcpgw.protocol.merge import (
    discover_result,
    has_valid_headers,
    list_result,
    merge_capabilities,
    merge_instructions,
    read_items,
    tool_item,
)

IDENTITY = b'{"name":"mcpgw"}'
MODERN_MEMBERS = {
    "resultType": "complete",
    "ttlMs": 5,
    "cacheScope": "private",
    "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "mcpgw"}},
}
TOOL = {"name": "a", "inputSchema": {"type": "object"}}


@pytest.mark.parametrize(
    ("key", "items", "expected"),
    [
        ("tools", [TOOL, {**TOOL, "name": "b"}], ["a", "b"]),
        ("tools", [{**TOOL, "name": ""}], [""]),
        ("tools", [5, None, [], {}, {"name": "a"}, {**TOOL, "name": 5}, TOOL], ["a"]),
        ("tools", [{"name": "a", "inputSchema": None}], []),
        ("prompts", [{"name": "p"}, {"title": "p"}], ["p"]),
        ("resources", [{"uri": "u", "name": "r"}, {"name": "r"}, {"uri": "u"}], ["r"]),
        ("resourceTemplates", [{"uriTemplate": "u", "name": "t"}, {"name": "t"}], ["t"]),
        ("tools", [], []),
    ],
)
def test_read_items_keeps_what_clients_can_use(
    key: str, items: list[object], expected: list[str]
) -> None:
    found, cursor = read_items(Raw(json.dumps({key: items}).encode()), key)
    assert [json.loads(bytes(item["name"])) for item in found] == expected
    assert cursor is None


@pytest.mark.parametrize(
    ("cursor", "expected"), [('"next"', "next"), ('""', ""), ("null", None), ("5", None)]
)
def test_read_items_returns_the_cursor(cursor: str, expected: str | None) -> None:
    assert read_items(b'{"tools":[],"nextCursor":%b}' % cursor.encode(), "tools") == ([], expected)


@pytest.mark.parametrize(
    "result", [b"{}", b"[]", b'{"tools":{}}', b'{"tools":null}', b"null", b'{"prompts":[]}']
)
def test_read_items_refuses_what_is_no_list(result: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_items(result, "tools")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (None, True),
        (b'{"type":"object"}', True),
        (b'{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}', True),
        (b'{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}', False),
    ],
)
def test_has_valid_headers(schema: bytes | None, expected: bool) -> None:
    item = {} if schema is None else {"inputSchema": Raw(schema)}
    assert has_valid_headers(item) is expected


@pytest.mark.parametrize(
    ("version", "exposed", "expected"),
    [
        ("2025-11-25", "x__a", b'{"name":"x__a","title":"\\u0041","n":1.0e400}'),
        ("2026-07-28", "x__a", b'{"name":"x__a","title":"\\u0041","n":1.0e400}'),
        ("2025-11-25", None, b'{"name":"a","title":"\\u0041","n":1.0e400}'),
    ],
)
def test_an_item_passes_verbatim_but_for_its_name_and_how_it_runs(
    version: str, exposed: str | None, expected: bytes
) -> None:
    item = read_object(b'{"name":"a","title":"\\u0041","n":1.0e400,"execution":{}}')
    assert tool_item(item, exposed, version) == expected


@pytest.mark.parametrize(
    ("version", "schema", "is_kept"),
    [
        ("2025-06-18", b'{"type":"object","$defs":{ }}', True),
        ("2025-06-18", b'{"type":"array"}', False),
        ("2024-11-05", b'{"anyOf":[]}', False),
        ("2026-07-28", b'{"type":"array"}', True),
    ],
)
def test_output_schemas_that_legacy_clients_refuse_are_left_out(
    version: str, schema: bytes, is_kept: bool
) -> None:
    item = {"name": Raw(b'"a"'), "outputSchema": Raw(schema)}
    expected = b'{"name":"a","outputSchema":' + schema + b"}" if is_kept else b'{"name":"a"}'
    assert tool_item(item, None, version) == expected


@pytest.mark.parametrize("items", [[], [b'{"name":"a"}'], [b'{"name":"a"}', b'{"name":"b"}']])
@pytest.mark.parametrize("cursor", [None, "", "YQ"])
@pytest.mark.parametrize(("era", "more"), [(Era.LEGACY, {}), (Era.MODERN, MODERN_MEMBERS)])
def test_list_result(
    items: list[bytes], cursor: str | None, era: Era, more: dict[str, object]
) -> None:
    result = json.loads(list_result("tools", items, era, IDENTITY, 5, cursor))
    assert result.pop("nextCursor", None) == cursor
    assert result == {"tools": [json.loads(item) for item in items], **more}


@pytest.mark.parametrize("era", list(Era))
@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ([], ["tools"]),
        ([["tools"], ["tools", "prompts"]], ["tools", "prompts"]),
        (
            [["completions", "resources"], ["prompts"]],
            ["tools", "prompts", "resources", "completions"],
        ),
        ([["logging", "tasks", "experimental"]], ["tools", "logging"]),
    ],
)
def test_merge_capabilities(era: Era, declared: list[list[str]], expected: list[str]) -> None:
    merged = json.loads(
        merge_capabilities([dict.fromkeys(names, Raw(b'{"x":1}')) for names in declared], era)
    )
    assert list(merged) == expected
    changing = {"tools", "prompts", "resources"}
    assert {name for name in merged if merged[name].get("listChanged")} == changing & set(expected)
    assert [name for name in merged if merged[name].get("subscribe")] == [
        name for name in expected if name == "resources"
    ]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([], ""),
        ([("jira", "jira", "Be nice.")], "# jira (names begin with jira__)\nBe nice."),
        ([("jira", "", " x\r\ny ")], "# jira\nx\ny"),
        ([("a", "a", "1"), ("b", "", "2")], "# a (names begin with a__)\n1\n\n# b\n2"),
        ([("a", "", "x\n# b\n## c\nd")], "# a\nx\n## b\n### c\nd"),
        ([("a", "", "x\x00\x1b[31m\u202e\u200b\U000e0041\ty")], "# a\nx[31m\ty"),
    ],
)
def test_merge_instructions(parts: list[tuple[str, str, str]], expected: str) -> None:
    assert merge_instructions(parts) == expected


@pytest.mark.parametrize(
    ("sizes", "cap_bytes", "expected"),
    [
        ([10, 10], 32, [10, 10]),
        ([10, 10], 30, [10, 10]),
        ([10, 1000], 60, [10, 37]),
        ([1000, 10], 60, [37, 10]),
        ([1000, 1000], 60, [22, 22]),
        ([1000], 4096, [1000]),
        ([10_000], 4096, [4089]),
    ],
)
def test_who_says_little_leaves_room_for_the_others(
    sizes: list[int], cap_bytes: int, expected: list[int]
) -> None:
    merged = merge_instructions([("s", "", "x" * size) for size in sizes], cap_bytes)
    assert len(merged.encode()) <= cap_bytes
    assert [section.count("x") for section in merged.split("\n\n")] == expected


@pytest.mark.parametrize("cap_bytes", [0, 1, 2, 3, 4, 7, 8, 9, 20])
def test_the_cap_cuts_no_character_in_two(cap_bytes: int) -> None:
    merged = merge_instructions([("s", "", "\u00e9" * 50)], cap_bytes)
    assert len(merged.encode()) <= max(cap_bytes, len("\u2026".encode()))
    assert merged.endswith("\u2026")


@pytest.mark.parametrize("instructions", ["", "Hello."])
def test_discover_result(instructions: str) -> None:
    result = json.loads(discover_result(b'{"tools":{}}', instructions, IDENTITY, 5))
    expected = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
    more = {"instructions": instructions} if instructions else {}
    assert result == {**expected, **more, **MODERN_MEMBERS}
