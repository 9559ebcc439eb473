import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    PARSE_ERROR,
    Message,
    error_bytes,
    error_object,
    is_object,
    is_tool_error,
    notification_bytes,
    parse,
    raw_error_bytes,
    read_object,
    readable_id,
    repair_surrogates,
    request_bytes,
    result_bytes,
    text,
    write_object,
)

VALUES = [
    b"123456789012345678901234567890123456789",
    b"1.0e400",
    b"-0.0",
    b"1.10",
    b'"\\u0041\\/\\n\\ud83d\\ude00"',
    '"\u00e9\U0001f600"'.encode(),
    b'{"a":1,"a":2}',
    b'[ 1 ,\n\t{ "b" : null } ]',
    b'""',
    b"true",
]
"""Raw JSON that a decoder and encoder would write differently."""


def one(body: bytes) -> Message:
    message = parse(body)
    assert isinstance(message, Message)
    return message


def seen(message: Message) -> dict[str, object]:
    """Return what a message says, raw values as bytes, without what it lacks."""
    said = {
        "id": message.id,
        "method": message.method,
        "result": message.result,
        "error": message.error,
    }
    found: dict[str, object] = {
        name: bytes(value) if isinstance(value, Raw) else value
        for name, value in said.items()
        if value is not None
    }
    if message.has_params:
        found["params"] = {name: bytes(value) for name, value in message.params.items()}
    return found


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
            {"id": b"1", "method": "ping"},
        ),
        (
            b' {"id" : "a\\u0041" , "method":"x", "params":{"n": 1.0 }, "jsonrpc":"2.0"}\n',
            {"id": b'"a\\u0041"', "method": "x", "params": {"n": b"1.0"}},
        ),
        (
            b'{"jsonrpc":"2.0","id":-12345678901234567890123,"method":"ping","params":null}',
            {"id": b"-12345678901234567890123", "method": "ping"},
        ),
        (
            b'{"jsonrpc":"2.0","method":"notifications/initialized","params":{}}',
            {"method": "notifications/initialized", "params": {}},
        ),
        (
            b'{"jsonrpc":"2.0","id":7,"result":{"a": 1}}',
            {"id": b"7", "result": b'{"a": 1}'},
        ),
        (
            b'{"jsonrpc":"2.0","id":7,"result":null}',
            {"id": b"7", "result": b"null"},
        ),
        (
            b'{"jsonrpc":"2.0","id":"7","error":{"code":-1,"message":"m"}}',
            {"id": b'"7"', "error": b'{"code":-1,"message":"m"}'},
        ),
        (
            b'{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"m"}}',
            {"error": b'{"code":-1,"message":"m"}'},
        ),
        (
            b'{"jsonrpc":"2.0","error":{"code":-1,"message":"m"}}',
            {"error": b'{"code":-1,"message":"m"}'},
        ),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"x","extra":[1]}',
            {"id": b"1", "method": "x"},
        ),
        (
            '{"jsonrpc":"2.0","id":"\u00e9","method":"x"}'.encode(),
            {"id": '"\u00e9"'.encode(), "method": "x"},
        ),
    ],
)
def test_parse_reads_an_envelope(body: bytes, expected: dict[str, object]) -> None:
    assert seen(one(body)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'"cut \\ud83d"', b'"cut \\ufffd"'),
        (b'"\\ude00\\ud83d\\ude00\\uD83D\\uD83D"', b'"\\ufffd\\ud83d\\ude00\\ufffd\\ufffd"'),
        (b'"\\ud83d\\u0041"', b'"\\ufffd\\u0041"'),
        (b'"\\ud83d and a literal \\\\ud83d"', b'"\\ufffd and a literal \\\\ud83d"'),
    ],
)
def test_parse_repairs_a_surrogate_without_its_pair(value: bytes, expected: bytes) -> None:
    assert repair_surrogates(value) == expected
    body = b'{"jsonrpc":"2.0","id":1,"result":{"text":%b}}' % value
    assert seen(one(body))["result"] == b'{"text":%b}' % expected


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", PARSE_ERROR),
        (b"{", PARSE_ERROR),
        (b"nonsense", PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"x"} {}', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":NaN}}', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":5,"params":[1,]}', PARSE_ERROR),
        (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"x"}', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\xff"}}', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\xed\xa0\x80"}}', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","params":' + b'{"a":' * 100_000, PARSE_ERROR),
        (b'{"jsonrpc":"2.0","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", PARSE_ERROR),
        (b"[" * 100_000 + b"]" * 100_000, PARSE_ERROR),
        (b"5", INVALID_REQUEST),
        (b"null", INVALID_REQUEST),
        (b'"text"', INVALID_REQUEST),
        (b"{}", INVALID_REQUEST),
        (b"[]", INVALID_REQUEST),
        (b"[1]", INVALID_REQUEST),
        (b'[{"jsonrpc":"2.0","method":"x"},[]]', INVALID_REQUEST),
        (b'{"id":1,"method":"x"}', INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","id":1,"method":"x"}', INVALID_REQUEST),
        (b'{"jsonrpc":2.0,"id":1,"method":"x"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":null,"method":"x"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1.0,"method":"x"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1e3,"method":"x"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":true,"method":"x"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":{},"method":"x"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":[1],"method":"x"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":"a"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","result":{}}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":null,"result":{}}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1.5,"error":{}}', INVALID_REQUEST),
    ],
)
def test_parse_refuses(body: bytes, code: int) -> None:
    with pytest.raises(ProtocolError) as refusal:
        parse(body)
    assert refusal.value.rpc_code == code


def test_parse_reads_a_batch() -> None:
    batch = parse(b' [{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"}] ')
    assert isinstance(batch, list)
    assert [seen(message) for message in batch] == [{"id": b"1", "method": "a"}, {"method": "b"}]


@given(st.binary())
def test_parse_raises_nothing_but_protocol_errors(body: bytes) -> None:
    try:
        parse(body)
    except ProtocolError as error:
        assert error.rpc_code in (PARSE_ERROR, INVALID_REQUEST)
    readable_id(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
members = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | json_values,
        "id": json_values,
        "method": st.text() | json_values,
        "params": st.dictionaries(st.text(), json_values) | json_values,
        "result": json_values,
        "error": json_values,
    },
)


@settings(max_examples=30)
@given(members | st.lists(members) | json_values, st.booleans())
def test_parse_takes_or_refuses_whatever_looks_like_json(value: object, is_ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=is_ascii).encode(errors="surrogatepass")
    try:
        parsed = parse(body)
    except ProtocolError:
        return
    for message in parsed if isinstance(parsed, list) else [parsed]:
        assert message.method is not None or message.result or message.error


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"id":1,"method":5}', b"1"),
        (b'{"id":"a","params":[]}', b'"a"'),
        (b'{"id":null}', None),
        (b'{"id":1.5}', None),
        (b"{}", None),
        (b"[]", None),
        (b'{"id":1', None),
        (b"[" * 100_000, None),
    ],
)
def test_readable_id(body: bytes, expected: bytes | None) -> None:
    assert readable_id(body) == expected


@pytest.mark.parametrize("value", VALUES)
def test_values_pass_verbatim_through_an_object(value: bytes) -> None:
    raw = b'{"key":' + value + b"}"
    assert write_object(read_object(raw)) == raw
    assert write_object({"key": value}) == raw


raw_json = st.one_of(
    st.sampled_from(VALUES),
    st.integers().map(lambda number: str(number).encode()),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: repr(number).encode()),
    st.text(st.characters(exclude_categories=["Cs"])).map(lambda said: json.dumps(said).encode()),
)


@given(st.dictionaries(st.text(), raw_json))
def test_objects_are_read_and_written_byte_for_byte(given_members: dict[str, bytes]) -> None:
    read = read_object(write_object(given_members))
    assert {name: bytes(value) for name, value in read.items()} == given_members
    assert list(read) == list(given_members)


@pytest.mark.parametrize("raw", [b"[]", b"1", b"null", b"", b"{", b'{"a":' * 100_000])
def test_read_object_refuses(raw: bytes) -> None:
    with pytest.raises(ProtocolError) as refusal:
        read_object(raw)
    assert refusal.value.rpc_code == INVALID_REQUEST


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'"a\\u0041"', "aA"),
        (Raw(b'""'), ""),
        (b"1", None),
        (b"null", None),
        (b"{}", None),
        (b"", None),
        (b'"\\ud800"', None),
    ],
)
def test_text(raw: bytes | Raw, expected: str | None) -> None:
    assert text(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(b"{}", True), (Raw(b'{"a":1}'), True), (b"[]", False), (b"", False), (Raw(b"1"), False)],
)
def test_is_object(raw: bytes | Raw, expected: bool) -> None:
    assert is_object(raw) is expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (b'{"content":[],"isError":true}', True),
        (b'{"isError" : true,"content":[]}', True),
        (b'{"content":[],"isError":false}', False),
        (b'{"isError":false,"content":[]}', False),
        (b'{"content":[]}', False),
        (b"{}", False),
        (b'{"isError":"true"}', False),
        (b'{"content":[{"isError":true}]}', False),
        (b'{"isError":true,"structuredContent":{"a":1,"isError":false}}', True),
        (b'{"isError":true,"x\\",\\"isError":false}', True),
    ],
)
def test_is_tool_error(result: bytes, expected: bool) -> None:
    assert is_tool_error(Raw(result)) is expected
    assert is_tool_error(result) is expected


@pytest.mark.parametrize("result", [b"[]", b"null", b"5", b"", b'{"a":' * 100_000])
def test_is_tool_error_refuses_what_is_no_object(result: bytes) -> None:
    with pytest.raises(ProtocolError) as refusal:
        is_tool_error(result)
    assert refusal.value.rpc_code == INTERNAL_ERROR


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (result_bytes(b'"a"', b'{"x":1.0}'), b'{"jsonrpc":"2.0","id":"a","result":{"x":1.0}}'),
        (
            error_bytes(b"1", -32601, 'no "x"'),
            b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no \\"x\\""}}',
        ),
        (
            error_bytes(None, -32700, "m", b'{"a":1}'),
            b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m","data":{"a":1}}}',
        ),
        (raw_error_bytes(b"2", b'{"code":1}'), b'{"jsonrpc":"2.0","id":2,"error":{"code":1}}'),
        (error_object(5, "m"), b'{"code":5,"message":"m"}'),
        (
            request_bytes(b"3", "tools/list", b"{}"),
            b'{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{}}',
        ),
        (notification_bytes("n", b'{"a":1}'), b'{"jsonrpc":"2.0","method":"n","params":{"a":1}}'),
    ],
)
def test_messages_are_written(written: bytes, expected: bytes) -> None:
    assert written == expected
