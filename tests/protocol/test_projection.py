import json

import pytest
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.projection import for_client, has_object_output, is_object_schema

LINK = {"type": "resource_link", "uri": "demo://1", "name": "one", "description": "x"}
LINK_AS_TEXT = {"type": "text", "text": "one: demo://1"}
AUDIO = {"type": "audio", "data": "AAAA", "mimeType": "audio/wav"}
AUDIO_AS_TEXT = {"type": "text", "text": "[audio, audio/wav: this client cannot play it]"}
TEXT = {"type": "text", "text": 'says "audio" and "resource_link"'}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2024-11-05", [TEXT, LINK_AS_TEXT, AUDIO_AS_TEXT, 5]),
        ("2025-03-26", [TEXT, LINK_AS_TEXT, AUDIO, 5]),
        ("2025-06-18", [TEXT, LINK, AUDIO, 5]),
        ("2025-11-25", [TEXT, LINK, AUDIO, 5]),
        ("2026-07-28", [TEXT, LINK, AUDIO, 5]),
    ],
)
def test_content_blocks_become_text_for_clients_that_do_not_know_them(
    version: str, expected: list[object]
) -> None:
    blocks: list[object] = [TEXT, LINK, AUDIO, 5]
    result = json.dumps({"content": blocks, "isError": False}).encode()
    projected = for_client(result, "tools/call", version)
    assert json.loads(projected) == {"content": expected, "isError": False}


def test_content_of_prompts_too() -> None:
    messages = [
        {"role": "user", "content": LINK},
        {"role": "assistant", "content": TEXT},
        {"role": "user"},
        "odd",
    ]
    result = json.dumps({"messages": messages}).encode()
    projected = json.loads(for_client(result, "prompts/get", "2025-03-26"))
    assert projected == {
        "messages": [{"role": "user", "content": LINK_AS_TEXT}, *messages[1:]],
    }


@pytest.mark.parametrize(
    ("method", "result"),
    [
        ("tools/call", b'{ "content": [ {"type":"text","text":"1.0e400"} ] }'),
        ("tools/call", b'{"structuredContent":{"a":"resource_link"}}'),
        ("prompts/get", b'{"description":"x","a":"audio"}'),
        ("resources/read", b'{"contents":[{"type":"audio"}]}'),
    ],
)
def test_what_needs_no_change_passes(method: str, result: bytes) -> None:
    assert for_client(result, method, "2024-11-05") == result


@pytest.mark.parametrize(
    ("method", "result"),
    [
        ("tools/call", b'{"content":{"type":"audio"}}'),
        ("prompts/get", b'{"messages":"audio","type":"audio"}'),
    ],
)
def test_content_that_is_no_list_is_refused(method: str, result: bytes) -> None:
    with pytest.raises(ProtocolError):
        for_client(result, method, "2024-11-05")


def test_names_may_be_missing() -> None:
    result = b'{"content":[{"type":"resource_link"},{"type":"audio"},{"type":7}]}'
    projected = json.loads(for_client(result, "tools/call", "2024-11-05"))
    assert projected["content"] == [
        {"type": "text", "text": "None: None"},
        {"type": "text", "text": "[audio, None: this client cannot play it]"},
        {"type": 7},
    ]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (b'{"type":"object","properties":{}}', True),
        (b'{"type":"array"}', False),
        (b'{"type":["object"]}', False),
        (b'{"anyOf":[{"type":"object"}]}', False),
        (b"{}", False),
        (b"true", False),
        (b'{"a":' * 100_000, False),
    ],
)
def test_is_object_schema(schema: bytes, expected: bool) -> None:
    assert is_object_schema(Raw(schema)) is expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [(None, True), (b'{"type":"object"}', True), (b'{"type":"array"}', False)],
)
def test_output_is_an_object_unless_it_is_declared_otherwise(
    schema: bytes | None, expected: bool
) -> None:
    assert has_object_output({} if schema is None else {"outputSchema": Raw(schema)}) is expected
