import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.era import Era
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR, read_object
from mcpgw.protocol.translate import (
    error_to_client,
    lacking_capability,
    params_to_upstream,
    progress_to_client,
    result_to_client,
)

LEGACY, MODERN = Era.LEGACY, Era.MODERN
META = "io.modelcontextprotocol/"
CLIENT_META = {
    META + "protocolVersion": "2026-07-28",
    META + "clientInfo": {"name": "cursor"},
    META + "clientCapabilities": {"roots": {}},
    META + "logLevel": "info",
    "progressToken": "theirs",
    "traceparent": "00-1",
    "com.example/a": 1.5,
}
OURS = {
    META + "protocolVersion": "2026-07-28",
    META + "clientInfo": {"name": "mcpgw"},
    META + "clientCapabilities": {},
}
KEPT = {"traceparent": "00-1", "com.example/a": 1.5}
IDENTITY = b'{"name":"mcpgw"}'
SERVER_META = {META + "serverInfo": {"name": "mcpgw"}}


def sent(
    params: dict[str, Raw],
    client: Era,
    upstream: Era,
    *,
    version: str = "",
    target: tuple[str, str] | None = None,
    meta: object = None,
    token: int | None = None,
    log_level: str = "",
) -> bytes:
    raw_meta = read_object(json.dumps(meta or {}).encode())
    if meta is not None:
        params = {**params, "_meta": Raw(json.dumps(meta).encode())}
    return params_to_upstream(
        params,
        upstream_era=upstream,
        upstream_version=version or {LEGACY: "2025-11-25", MODERN: "2026-07-28"}[upstream],
        target=target,
        client_era=client,
        client_meta=raw_meta,
        client_capabilities=b"{}",
        client_info=IDENTITY,
        progress_token=token,
        log_level=log_level,
    )


def raw(members: dict[str, object]) -> dict[str, Raw]:
    return {name: Raw(json.dumps(value).encode()) for name, value in members.items()}


@pytest.mark.parametrize(
    ("client", "upstream", "meta", "token", "expected"),
    [
        (MODERN, MODERN, CLIENT_META, None, {**KEPT, **OURS, META + "logLevel": "info"}),
        (
            MODERN,
            MODERN,
            CLIENT_META,
            7,
            {**KEPT, **OURS, META + "logLevel": "info", "progressToken": 7},
        ),
        (MODERN, LEGACY, CLIENT_META, None, KEPT),
        (MODERN, LEGACY, CLIENT_META, 7, {**KEPT, "progressToken": 7}),
        (LEGACY, MODERN, None, None, OURS),
        (LEGACY, MODERN, {"progressToken": 1, "a": 2}, 7, {"a": 2, "progressToken": 7, **OURS}),
        (LEGACY, MODERN, {META + "logLevel": "debug"}, None, OURS),
        (LEGACY, LEGACY, None, None, None),
        (LEGACY, LEGACY, {"progressToken": 1}, None, None),
        (LEGACY, LEGACY, {"progressToken": 1}, 7, {"progressToken": 7}),
        (LEGACY, LEGACY, {"traceparent": "00-1"}, None, {"traceparent": "00-1"}),
        (LEGACY, LEGACY, {META + "protocolVersion": "2025-06-18"}, None, None),
    ],
)
def test_meta_to_upstream(
    client: Era, upstream: Era, meta: object, token: int | None, expected: object
) -> None:
    params = sent(raw({"name": "a"}), client, upstream, meta=meta, token=token)
    assert json.loads(params) == {"name": "a"} | ({"_meta": expected} if expected else {})


@pytest.mark.parametrize(
    ("client", "upstream", "expected"),
    [
        (LEGACY, LEGACY, None),
        (MODERN, LEGACY, None),
        (LEGACY, MODERN, "error"),
        (MODERN, MODERN, "error"),
    ],
)
def test_only_modern_servers_are_told_the_log_level(
    client: Era, upstream: Era, expected: str | None
) -> None:
    params = json.loads(sent({}, client, upstream, log_level="error"))
    assert params.get("_meta", {}).get(META + "logLevel") == expected


@pytest.mark.parametrize(
    ("client", "upstream", "version", "given_params", "expected"),
    [
        (
            MODERN,
            MODERN,
            "",
            ["inputResponses", "requestState"],
            {"inputResponses", "requestState"},
        ),
        (MODERN, LEGACY, "", ["inputResponses", "requestState"], set()),
        (
            LEGACY,
            MODERN,
            "",
            ["inputResponses", "requestState"],
            {"inputResponses", "requestState"},
        ),
        (LEGACY, LEGACY, "", ["inputResponses", "requestState"], set()),
        (MODERN, LEGACY, "2025-06-18", ["ref", "context"], {"ref", "context"}),
        (MODERN, LEGACY, "2025-03-26", ["ref", "context"], {"ref"}),
        (LEGACY, LEGACY, "2024-11-05", ["ref", "argument"], {"ref", "argument"}),
        (LEGACY, LEGACY, "2024-11-05", ["name", "context"], {"name", "context"}),
        (LEGACY, MODERN, "2026-07-28", ["ref", "context"], {"ref", "context"}),
    ],
)
def test_members_that_the_other_side_does_not_know_are_left_out(
    client: Era, upstream: Era, version: str, given_params: list[str], expected: set[str]
) -> None:
    params = sent(raw(dict.fromkeys(given_params)), client, upstream, version=version)
    assert set(json.loads(params)) - {"_meta"} == expected


raw_json = st.one_of(
    st.sampled_from(
        [
            b"123456789012345678901234567890",
            b"1.0e400",
            b"-0.0",
            b'"\\u0041\\/\\ud83d\\ude00"',
            b'{"a":1,"a":1.00}',
            b"[ 1,\t2 ]",
        ]
    ),
    st.integers().map(lambda number: str(number).encode()),
    st.text(st.characters(exclude_categories=["Cs"])).map(lambda said: json.dumps(said).encode()),
)


@given(
    st.dictionaries(st.text(), raw_json),
    st.text(),
    st.sampled_from(Era),
    st.sampled_from(Era),
)
def test_values_are_sent_byte_for_byte(
    values: dict[str, bytes], target: str, client: Era, upstream: Era
) -> None:
    special = {"name", "_meta", "ref", "inputResponses", "requestState"}
    plain = {name: value for name, value in values.items() if name not in special}
    params = {"name": Raw(b'"exposed"')} | {name: Raw(value) for name, value in plain.items()}
    target = target.encode(errors="ignore").decode()
    received = read_object(sent(params, client, upstream, target=("name", target)))
    received.pop("_meta", None)
    assert json.loads(bytes(received.pop("name"))) == target
    assert {name: bytes(value) for name, value in received.items()} == plain


@pytest.mark.parametrize("meta", [b"1.0e400", b'{"a":1.00}', b'"\\u0041"'])
def test_values_in_meta_are_sent_byte_for_byte(meta: bytes) -> None:
    params = params_to_upstream(
        {},
        upstream_era=LEGACY,
        upstream_version="2025-11-25",
        target=None,
        client_era=MODERN,
        client_meta={"x": Raw(meta)},
        client_capabilities=b"{}",
        client_info=IDENTITY,
        progress_token=None,
    )
    assert params == b'{"_meta":{"x":' + meta + b"}}"


def received(
    result: bytes,
    client: Era,
    upstream: Era,
    *,
    method: str = "tools/call",
    version: str = "",
    ttl_ms: int = 0,
    has_object_output: bool = True,
) -> bytes:
    return result_to_client(
        Raw(result),
        method=method,
        upstream_era=upstream,
        client_era=client,
        client_version=version or {LEGACY: "2025-11-25", MODERN: "2026-07-28"}[client],
        server_info=IDENTITY,
        ttl_ms=ttl_ms,
        has_object_output=has_object_output,
    )


@pytest.mark.parametrize(
    ("client", "upstream", "result"),
    [
        (LEGACY, LEGACY, b'{ "content": [ ], "x": 1.0e400, "resultType":"odd" }'),
        (LEGACY, LEGACY, b"{}"),
        (MODERN, MODERN, b'{ "content": [ ], "x": 1.0e400, "resultType":"complete" }'),
        (MODERN, MODERN, b'{"resultType":"complete","_meta":{"a":1},"structuredContent":[1.0]}'),
    ],
)
def test_results_within_an_era_pass_untouched(client: Era, upstream: Era, result: bytes) -> None:
    assert received(result, client, upstream) == result


ASKING = b'{ "resultType":"input_required","inputRequests":{ },"requestState":"\\u0041"}'


@pytest.mark.parametrize("method", ["tools/call", "prompts/get", "resources/read"])
def test_what_asks_for_input_passes_within_the_modern_era(method: str) -> None:
    assert received(ASKING, MODERN, MODERN, method=method) == ASKING


@pytest.mark.parametrize(
    ("client", "method"),
    [
        (MODERN, "tools/list"),
        (MODERN, "completion/complete"),
        (LEGACY, "tools/call"),
        (LEGACY, "resources/read"),
    ],
)
def test_nothing_else_may_ask_for_input(client: Era, method: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        received(ASKING, client, MODERN, method=method)
    assert refusal.value.rpc_code == INTERNAL_ERROR


@pytest.mark.parametrize(
    ("client", "upstream", "expected"),
    [
        (LEGACY, LEGACY, {"content": []}),
        (LEGACY, MODERN, {"content": []}),
        (MODERN, LEGACY, {"content": [], "structuredContent": {"a": 1}}),
        (MODERN, MODERN, {"content": [], "structuredContent": {"a": 1}}),
    ],
)
def test_output_whose_schema_legacy_clients_are_not_shown_is_left_out(
    client: Era, upstream: Era, expected: dict[str, object]
) -> None:
    result = b'{"content":[],"structuredContent":{"a":1}}'
    found = json.loads(received(result, client, upstream, has_object_output=False))
    assert {name: found[name] for name in ("content", "structuredContent") if name in found} == (
        expected
    )


def test_a_legacy_result_keeps_what_it_has_when_its_output_is_left_out() -> None:
    result = b'{"content":[ ],"resultType":"odd"}'
    assert received(result, LEGACY, LEGACY, has_object_output=False) == result


def test_a_modern_result_without_a_type_is_complete() -> None:
    result = received(b'{"content":[],"n":1.00}', MODERN, MODERN)
    assert result == b'{"content":[],"n":1.00,"resultType":"complete"}'


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (
            b'{"content":[ 1.0 ],"resultType":"complete","ttlMs":1,"cacheScope":"public"}',
            b'{"content":[ 1.0 ]}',
        ),
        (b'{"content":[],"_meta":{"a":1}}', b'{"content":[],"_meta":{"a":1}}'),
        (b'{"content":[],"structuredContent":[1]}', b'{"content":[]}'),
        (
            b'{"content":[],"structuredContent":{"a":1.00}}',
            b'{"content":[],"structuredContent":{"a":1.00}}',
        ),
    ],
)
def test_modern_results_to_legacy_clients(result: bytes, expected: bytes) -> None:
    assert received(result, LEGACY, MODERN) == expected


@pytest.mark.parametrize(
    ("method", "result", "expected"),
    [
        ("tools/call", {}, {"resultType": "complete", "_meta": SERVER_META}),
        (
            "tools/call",
            {"content": [], "resultType": "input_required", "_meta": {"a": 1}},
            {"content": [], "resultType": "complete", "_meta": {"a": 1} | SERVER_META},
        ),
        (
            "resources/read",
            {"contents": [], "_meta": 5},
            {
                "contents": [],
                "resultType": "complete",
                "ttlMs": 9,
                "cacheScope": "private",
                "_meta": SERVER_META,
            },
        ),
        (
            "tools/list",
            {"tools": []},
            {
                "tools": [],
                "resultType": "complete",
                "ttlMs": 9,
                "cacheScope": "private",
                "_meta": SERVER_META,
            },
        ),
    ],
)
def test_legacy_results_to_modern_clients(
    method: str, result: dict[str, object], expected: dict[str, object]
) -> None:
    translated = received(json.dumps(result).encode(), MODERN, LEGACY, method=method, ttl_ms=9)
    assert json.loads(translated) == expected


def test_legacy_values_reach_modern_clients_byte_for_byte() -> None:
    translated = read_object(received(b'{"structuredContent":{"a":1.0e400 }}', MODERN, LEGACY))
    assert bytes(translated["structuredContent"]) == b'{"a":1.0e400 }'


@pytest.mark.parametrize("upstream", list(Era))
def test_old_clients_get_content_that_they_know(upstream: Era) -> None:
    result = b'{"content":[{"type":"resource_link","uri":"u","name":"n"}]}'
    translated = received(result, LEGACY, upstream, version="2025-03-26")
    assert translated == b'{"content":[{"type":"text","text":"n: u"}]}'


@pytest.mark.parametrize(
    ("client", "upstream", "result"),
    [
        (LEGACY, LEGACY, b"[]"),
        (MODERN, LEGACY, b'{"a":' * 100_000),
        (LEGACY, MODERN, b'{"a":' * 100_000),
        (MODERN, MODERN, b'{"a":' * 100_000),
        (MODERN, LEGACY, b"null"),
        (LEGACY, MODERN, b'{"resultType":"input_required"}'),
        (MODERN, MODERN, b'{"resultType":"input\\u005frequired"}'),
        (LEGACY, MODERN, b'{"resultType":"task"}'),
        (MODERN, MODERN, b'{"resultType":"task"}'),
        (MODERN, MODERN, b'{"resultType":null}'),
    ],
)
def test_results_that_no_client_can_be_given(client: Era, upstream: Era, result: bytes) -> None:
    with pytest.raises(ProtocolError) as refusal:
        received(result, client, upstream)
    assert refusal.value.rpc_code == INTERNAL_ERROR


@pytest.mark.parametrize(
    ("code", "method", "data", "to_legacy", "to_modern"),
    [
        (-32020, "tools/call", None, -32603, -32603),
        (-32021, "tools/call", {"requiredCapabilities": {"roots": {}}}, -32603, -32021),
        (-32022, "tools/call", {"supported": []}, -32603, -32603),
        (-32002, "resources/read", {"uri": "u"}, -32002, -32602),
        (-32002, "tools/call", None, -32002, -32603),
        (-32602, "resources/read", {"uri": "u"}, -32002, -32602),
        (-32602, "resources/read", None, -32602, -32602),
        (-32602, "resources/read", {"uri": 5}, -32602, -32602),
        (-32602, "tools/call", {"uri": "u"}, -32602, -32602),
        (-32042, "tools/call", {"elicitations": []}, -32042, -32603),
        (-32001, "tools/call", None, -32001, -32603),
        (-32019, "tools/call", None, -32019, -32603),
        (-32000, "tools/call", None, -32000, -32000),
        (-32601, "tools/call", None, -32601, -32601),
        (-32603, "prompts/get", None, -32603, -32603),
        (4711, "tools/call", [1], 4711, 4711),
    ],
)
def test_error_codes(code: int, method: str, data: object, to_legacy: int, to_modern: int) -> None:
    error: dict[str, object] = {"code": code, "message": 'no "x"'}
    if data is not None:
        error["data"] = data
    error_raw = Raw(json.dumps(error).encode())
    for era, expected in ((LEGACY, to_legacy), (MODERN, to_modern)):
        translated = json.loads(error_to_client(error_raw, client_era=era, method=method))
        if code == -32021 and era is LEGACY:
            translated["message"] = error["message"]  # has a test of its own
        assert translated == error | {"code": expected}


@pytest.mark.parametrize(
    ("data", "needed"),
    [
        ({"requiredCapabilities": {"elicitation": {"form": {}, "url": {}}, "roots": {}}}, None),
        ({"requiredCapabilities": {"roots": 5}}, "roots"),
        ({"requiredCapabilities": {"a\u001b": {}}}, "a\\u001b"),
        ({"requiredCapabilities": {}}, "a capability that it does not name"),
        ({"requiredCapabilities": []}, "a capability that it does not name"),
        (None, "a capability that it does not name"),
    ],
)
def test_a_legacy_client_reads_which_capability_it_lacks(data: object, needed: str | None) -> None:
    error: dict[str, object] = {"code": -32021, "message": "m"}
    if data is not None:
        error["data"] = data
    raw_error = Raw(json.dumps(error).encode())
    translated = json.loads(error_to_client(raw_error, client_era=LEGACY, method="tools/call"))
    assert translated["code"] == INTERNAL_ERROR
    assert translated["message"].endswith(
        ": " + (needed or "elicitation.form, elicitation.url, roots")
    )
    assert translated.get("data") == data


@pytest.mark.parametrize("data", [None, b'{"requiredCapabilities":{ }}'])
def test_a_lacking_capability_can_be_raised(data: bytes | None) -> None:
    tail = b"" if data is None else b',"data":' + data
    found = lacking_capability(Raw(b'{"code":-32021,"message":"m"' + tail + b"}"))
    assert found is not None
    assert (found.message, found.rpc_code, found.data) == ("m", -32021, data)


@pytest.mark.parametrize(
    "error",
    [
        b'{"code":-32602,"message":"m"}',
        b'{"code":-32602,"message":"-32021"}',
        b'{"code":"-32021"}',
        b'{"code":-32021,"data":' + b'{"a":' * 100_000,
    ],
)
def test_other_errors_lack_no_capability(error: bytes) -> None:
    assert lacking_capability(Raw(error)) is None


def test_the_data_of_an_error_passes_verbatim() -> None:
    error = Raw(b'{"data":{ "n":1.0e400 },"message":"m","code":1}')
    translated = error_to_client(error, client_era=LEGACY, method="tools/call")
    assert translated == b'{"code":1,"message":"m","data":{ "n":1.0e400 }}'


@pytest.mark.parametrize(
    "error",
    [None, Raw(b"null"), Raw(b"{}"), Raw(b'{"code":"1","message":"m"}'), Raw(b'{"code":1}')],
)
def test_malformed_errors(error: Raw | None) -> None:
    translated = json.loads(error_to_client(error, client_era=LEGACY, method="tools/call"))
    assert translated["code"] == INTERNAL_ERROR


@pytest.mark.parametrize("token", [b"5", b'"theirs"', b"1.0"])
def test_progress_comes_under_the_clients_token(token: bytes) -> None:
    params = Raw(b'{"progressToken":17,"progress":1.0,"message":"\\u0041"}')
    expected = b'{"progressToken":' + token + b',"progress":1.0,"message":"\\u0041"}'
    assert progress_to_client(params, token) == expected


def test_progress_that_is_no_object_is_refused() -> None:
    with pytest.raises(ProtocolError):
        progress_to_client(Raw(b"[]"), b"1")
