import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from multidict import CIMultiDict, CIMultiDictProxy

from mcpgw.protocol.era import METHODS, Era
from mcpgw.protocol.inbound import (
    MAX_BATCH,
    Accepted,
    Batch,
    Call,
    Initialize,
    Rejection,
    SessionEnd,
    SessionMessage,
    StreamOpen,
    check_param_headers,
    classify_message,
    classify_other,
    classify_post,
    param_headers,
)

META = "io.modelcontextprotocol/"
OLD, NEW, FUTURE = "2025-11-25", "2026-07-28", "2027-01-01"
VERSION, SESSION = "MCP-Protocol-Version", "Mcp-Session-Id"
METHOD, NAME = "Mcp-Method", "Mcp-Name"
ENVELOPE = {META + "protocolVersion": NEW, META + "clientCapabilities": {}}
IN_SESSION = {SESSION: "s1", VERSION: OLD}
CALL_HEADERS = {VERSION: NEW, METHOD: "tools/call", NAME: "add"}
LIST_HEADERS = {VERSION: NEW, METHOD: "tools/list"}
LISTEN_HEADERS = {VERSION: NEW, METHOD: "subscriptions/listen"}
EVENTS = {"Accept": "application/json, Text/Event-Stream"}


def headers(*pairs: tuple[str, str], **more: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict([*pairs, *more.items()]))


def request(
    method: str = "tools/list", request_id: object = 1, **params: object
) -> dict[str, object]:
    message: dict[str, object] = {"jsonrpc": "2.0", "id": request_id, "method": method}
    return {**message, "params": params} if params else message


def modern(
    method: str = "tools/list", meta: object = ENVELOPE, **params: object
) -> dict[str, object]:
    return request(method, _meta=meta, **params)


def classified(
    message: object, said: dict[str, str]
) -> Call | Initialize | SessionMessage | Batch | Accepted | Rejection:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return classify_post(headers(*said.items()), body)


def refusal(rejection: object) -> tuple[int, int, object]:
    """Return status, code and id of a rejection."""
    assert isinstance(rejection, Rejection)
    body = json.loads(rejection.body)
    assert body["jsonrpc"] == "2.0"
    return rejection.status, body["error"]["code"], body["id"]


NOTIFICATION = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
RESPONSE = {"jsonrpc": "2.0", "id": 1, "result": {}}


@pytest.mark.parametrize(
    ("message", "said", "expected"),
    [
        # 2: not JSON, or not JSON-RPC
        (b"{", {}, (400, -32700, None)),
        (b"\xff", {VERSION: NEW}, (400, -32700, None)),
        (b"5", {}, (400, -32600, None)),
        (b'{"jsonrpc":"2.0","id":"a","method":5}', {}, (400, -32600, "a")),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', {}, (400, -32600, None)),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}', {}, (400, -32600, 7)),
        # 3: batches
        (b"[]", IN_SESSION, (400, -32600, None)),
        ([request("ping")], IN_SESSION, (400, -32600, None)),
        ([request("ping")], {SESSION: "s1", VERSION: "2025-06-18"}, (400, -32600, None)),
        ([modern()], LIST_HEADERS, (400, -32600, None)),
        ([request("ping")], {SESSION: "s1", VERSION: FUTURE}, (400, -32600, None)),
        ([request("ping"), modern()], {SESSION: "s1"}, (400, -32600, None)),
        ([request("initialize", protocolVersion=OLD)], {SESSION: "s1"}, (400, -32600, None)),
        ([request("ping", _meta=5)], {SESSION: "s1"}, (400, -32600, None)),
        ([request("ping")] * (MAX_BATCH + 1), {SESSION: "s1"}, (400, -32600, None)),
        ([request("ping")], {}, (400, -32600, None)),
        # 4: the body names a legacy revision, the header does not
        (modern(meta={META + "protocolVersion": OLD}), LIST_HEADERS, (400, -32020, 1)),
        (
            modern(meta={META + "protocolVersion": OLD}),
            {SESSION: "s1", VERSION: FUTURE},
            (400, -32020, 1),
        ),
        # 5: the header is not legacy, the body says nothing
        (request(), LIST_HEADERS, (400, -32602, 1)),
        (request(), {VERSION: FUTURE}, (400, -32602, 1)),
        (request("initialize", protocolVersion=OLD), {VERSION: NEW}, (400, -32602, 1)),
        (request(_meta={"a": 1}), LIST_HEADERS, (400, -32602, 1)),
        (request(_meta=5), LIST_HEADERS, (400, -32602, 1)),
        (request(_meta=5), IN_SESSION, (400, -32602, 1)),
        # 8: a response to a modern server
        (RESPONSE, {VERSION: NEW}, (400, -32600, None)),
        # 7, 8, 9: legacy without a session
        (NOTIFICATION, {}, (400, -32600, None)),
        (RESPONSE, {VERSION: OLD}, (400, -32600, None)),
        (request("tools/list", "x"), {}, (400, -32600, "x")),
        (request("tools/list"), {SESSION: " "}, (400, -32600, 1)),
        (request("server/discover"), {}, (400, -32600, 1)),
        # methods that the legacy era does not have, or not yet
        (request("server/discover"), IN_SESSION, (200, -32601, 1)),
        (request("subscriptions/listen"), IN_SESSION, (200, -32601, 1)),
        (request("tasks/get"), IN_SESSION, (200, -32601, 1)),
        (request("nonsense", "x"), IN_SESSION, (200, -32601, "x")),
    ],
)
def test_what_cannot_be_served(
    message: object, said: dict[str, str], expected: tuple[int, int, object]
) -> None:
    assert refusal(classified(message, said)) == expected


@pytest.mark.parametrize(
    ("message", "said", "expected"),
    [
        # required keys
        (modern(meta={META + "protocolVersion": NEW}), LIST_HEADERS, (400, -32602)),
        (modern(meta={**ENVELOPE, META + "protocolVersion": 5}), LIST_HEADERS, (400, -32602)),
        (modern(meta={**ENVELOPE, META + "clientCapabilities": []}), LIST_HEADERS, (400, -32602)),
        (modern(meta={META + "protocolVersion": NEW}), {}, (400, -32602)),
        # headers
        (modern(), {}, (400, -32020)),
        (modern(), {METHOD: "tools/list"}, (400, -32020)),
        (modern(), {**LIST_HEADERS, VERSION: OLD}, (400, -32020)),
        (modern(), {**LIST_HEADERS, VERSION: FUTURE}, (400, -32020)),
        (modern(), {VERSION: NEW}, (400, -32020)),
        (modern(), {**LIST_HEADERS, METHOD: "tools/call"}, (400, -32020)),
        (modern(), {**LIST_HEADERS, METHOD: "TOOLS/LIST"}, (400, -32020)),
        (modern("tools/call", name="add"), {VERSION: NEW, METHOD: "tools/call"}, (400, -32020)),
        (modern("tools/call", name="ad"), CALL_HEADERS, (400, -32020)),
        (modern("tools/call", name=5), CALL_HEADERS, (400, -32020)),
        (modern("tools/call"), CALL_HEADERS, (400, -32020)),
        (
            modern("tools/call", name="add"),
            {**CALL_HEADERS, NAME: "=?base64?YWR?="},
            (400, -32020),
        ),
        (
            modern("tools/call", name="=?base64?YWRk?="),
            {**CALL_HEADERS, NAME: "=?base64?YWRk?="},
            (400, -32020),
        ),
        (
            modern("resources/read", uri="demo://1"),
            {VERSION: NEW, METHOD: "resources/read", NAME: "demo://2"},
            (400, -32020),
        ),
        # the revision
        (
            modern(meta={**ENVELOPE, META + "protocolVersion": FUTURE}),
            {**LIST_HEADERS, VERSION: FUTURE},
            (400, -32022),
        ),
        (
            modern("nonsense", meta={**ENVELOPE, META + "protocolVersion": "x"}),
            {METHOD: "nonsense", VERSION: "x"},
            (400, -32022),
        ),
        # the method
        (modern("nonsense"), {VERSION: NEW, METHOD: "nonsense"}, (404, -32601)),
        *[
            (modern(method), {VERSION: NEW, METHOD: method}, (404, -32601))
            for method in [
                "initialize",
                "ping",
                "logging/setLevel",
                "resources/subscribe",
                "resources/unsubscribe",
                "tasks/get",
                "tasks/list",
                "tasks/result",
            ]
        ],
        # an answer that only a stream can be
        (modern("subscriptions/listen"), LISTEN_HEADERS, (406, -32600)),
        (
            modern("subscriptions/listen"),
            {**LISTEN_HEADERS, "Accept": "application/json, */*"},
            (406, -32600),
        ),
    ],
)
def test_the_ladder_of_a_modern_request(
    message: object, said: dict[str, str], expected: tuple[int, int]
) -> None:
    assert refusal(classified(message, said)) == (*expected, 1)


@pytest.mark.parametrize("request_id", ["x", "\u00e9", 0, -1, 10**30])
@pytest.mark.parametrize(
    ("said", "meta", "expected"),
    [
        (LIST_HEADERS, {}, (400, -32602)),
        ({VERSION: NEW}, ENVELOPE, (400, -32020)),
        (
            {VERSION: FUTURE, METHOD: "nonsense"},
            {**ENVELOPE, META + "protocolVersion": FUTURE},
            (400, -32022),
        ),
        ({VERSION: NEW, METHOD: "nonsense"}, ENVELOPE, (404, -32601)),
    ],
)
def test_every_rung_echoes_the_id(
    request_id: object, said: dict[str, str], meta: object, expected: tuple[int, int]
) -> None:
    message = request("nonsense", request_id, _meta=meta)
    assert refusal(classified(message, said)) == (*expected, request_id)


def test_the_answer_to_an_unsupported_revision_says_which_are() -> None:
    message = modern(meta={**ENVELOPE, META + "protocolVersion": FUTURE})
    rejection = classified(message, {**LIST_HEADERS, VERSION: FUTURE})
    assert isinstance(rejection, Rejection)
    data = json.loads(rejection.body)["error"]["data"]
    assert data == {"supported": [NEW], "requested": FUTURE}


@pytest.mark.parametrize("header", [VERSION, METHOD, NAME])
@pytest.mark.parametrize("second", ["add", "tools/call", NEW, OLD])
def test_a_routing_header_sent_twice_matches_nothing(header: str, second: str) -> None:
    said = headers(*CALL_HEADERS.items(), (header.lower(), second))
    body = json.dumps(modern("tools/call", name="add")).encode()
    assert refusal(classify_post(said, body)) == (400, -32020, 1)


@pytest.mark.parametrize(
    ("message", "expected_id"),
    [(request("ping"), 1), (NOTIFICATION, None), (request("initialize"), 1)],
)
def test_a_version_header_sent_twice_is_refused_in_both_eras(
    message: object, expected_id: object
) -> None:
    said = headers((SESSION, "s1"), (VERSION, OLD), (VERSION, OLD))
    body = json.dumps(message).encode()
    assert refusal(classify_post(said, body)) == (400, -32020, expected_id)


def test_a_session_header_sent_twice_is_no_session() -> None:
    said = headers((SESSION, "s1"), (SESSION, "s2"))
    assert refusal(classify_post(said, json.dumps(request("ping")).encode())) == (400, -32600, 1)


def test_a_modern_call_in_full() -> None:
    meta = {**ENVELOPE, META + "clientInfo": {"name": "cursor"}, "progressToken": "p"}
    message = modern("tools/call", meta=meta, name="add", arguments={"a": 1.0})
    body = json.dumps(message).encode()
    said = headers(*CALL_HEADERS.items(), (SESSION, "stray"))
    call = classify_post(said, body)
    assert isinstance(call, Call)
    assert call.headers is said
    assert (call.era, call.version, call.id, call.method) == (Era.MODERN, NEW, b"1", "tools/call")
    assert (call.session_id, call.client_name, call.progress_token) == (None, "cursor", b'"p"')
    assert set(call.params) == {"_meta", "name", "arguments"}
    assert bytes(call.params["arguments"]) == b'{"a": 1.0}'
    assert set(call.meta) == set(meta)
    assert call.size == len(body)


@pytest.mark.parametrize(
    ("message", "said"), [(modern(), LIST_HEADERS), (request("tools/call"), IN_SESSION)]
)
def test_only_a_modern_tools_call_keeps_its_headers(
    message: dict[str, object], said: dict[str, str]
) -> None:
    call = classified(message, said)
    assert isinstance(call, Call)
    assert call.headers is None


def test_a_legacy_call_in_full() -> None:
    message = request("tools/call", "7", name="add", _meta={"progressToken": 4})
    body = json.dumps(message).encode()
    call = classify_post(headers(*IN_SESSION.items()), body)
    assert isinstance(call, Call)
    assert (call.era, call.version, call.id, call.method) == (Era.LEGACY, OLD, b'"7"', "tools/call")
    assert (call.session_id, call.client_name, call.progress_token) == ("s1", "", b"4")
    assert bytes(call.params["name"]) == b'"add"'
    assert call.size == len(body)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (modern(), LIST_HEADERS),
        (modern(), {name.lower(): f" {value}\t" for name, value in LIST_HEADERS.items()}),
        (modern(meta={**ENVELOPE, META + "clientInfo": "odd"}), LIST_HEADERS),
        (modern(meta={**ENVELOPE, META + "clientInfo": {"name": 5}}), LIST_HEADERS),
        (modern("tools/call", name="add"), CALL_HEADERS),
        (modern("tools/call", name="add"), {**CALL_HEADERS, NAME: "=?base64?YWRk?="}),
        (modern("tools/call", name="\u00e9"), {**CALL_HEADERS, NAME: "=?base64?w6k=?="}),
        (modern("tools/call"), {VERSION: NEW, METHOD: "tools/call"}),
        (modern("tools/call", name=5), {VERSION: NEW, METHOD: "tools/call"}),
        (
            modern("resources/read", uri="demo://1"),
            {VERSION: NEW, METHOD: "resources/read", NAME: "demo://1"},
        ),
        (modern("server/discover"), {VERSION: NEW, METHOD: "server/discover"}),
        (modern("subscriptions/listen"), {**LISTEN_HEADERS, **EVENTS}),
    ],
)
def test_well_formed_modern_requests(message: object, said: dict[str, str]) -> None:
    call = classified(message, said)
    assert isinstance(call, Call)
    assert (call.era, call.session_id) == (Era.MODERN, None)


@pytest.mark.parametrize(
    ("message", "said", "version"),
    [
        (request("ping"), {SESSION: "s1"}, ""),
        (request("ping"), IN_SESSION, OLD),
        (request("tools/list", _meta={}), IN_SESSION, OLD),
        (modern(meta={META + "protocolVersion": OLD}), {SESSION: "s1"}, ""),
        (modern(meta={META + "protocolVersion": OLD}), IN_SESSION, OLD),
    ],
)
def test_well_formed_legacy_requests(message: object, said: dict[str, str], version: str) -> None:
    call = classified(message, said)
    assert isinstance(call, Call)
    assert (call.era, call.version, call.session_id) == (Era.LEGACY, version, "s1")


@pytest.mark.parametrize("era", list(Era))
def test_every_method_of_an_era_is_taken(era: Era) -> None:
    for method in METHODS[era] - {"initialize"}:
        said = {**IN_SESSION} if era is Era.LEGACY else {VERSION: NEW, METHOD: method, **EVENTS}
        call = classified(modern(method) if era is Era.MODERN else request(method), said)
        assert isinstance(call, Call)
        assert (call.era, call.method) == (era, method)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("p", b'"p"'),
        (0, b"0"),
        (-1, b"-1"),
        (1.5, b"1.5"),
        (None, None),
        (True, None),
        ({}, None),
        ([], None),
    ],
)
def test_progress_tokens_are_strings_or_numbers(token: object, expected: bytes | None) -> None:
    call = classified(request("ping", _meta={"progressToken": token}), IN_SESSION)
    assert isinstance(call, Call)
    assert call.progress_token == expected


@pytest.mark.parametrize("said", [{}, {VERSION: OLD}, IN_SESSION])
def test_initialize(said: dict[str, str]) -> None:
    message = request("initialize", 0, protocolVersion=NEW)
    found = classified(message, said)
    assert isinstance(found, Initialize)
    assert (found.id, found.size) == (b"0", len(json.dumps(message)))
    assert bytes(found.params["protocolVersion"]) == f'"{NEW}"'.encode()


@pytest.mark.parametrize("message", [NOTIFICATION, RESPONSE])
@pytest.mark.parametrize("version", [None, OLD, FUTURE])
def test_messages_of_a_session(message: dict[str, object], version: str | None) -> None:
    found = classified(message, {SESSION: "s1"} | ({VERSION: version} if version else {}))
    assert isinstance(found, SessionMessage)
    assert (found.session_id, found.version_header) == ("s1", version)
    assert found.message.method == message.get("method")


def test_a_modern_notification_is_dropped() -> None:
    assert classified(NOTIFICATION, {VERSION: NEW}) == Accepted()


@pytest.mark.parametrize("version", [None, "2025-03-26"])
def test_a_batch(version: str | None) -> None:
    said = {SESSION: "s1"} | ({VERSION: version} if version else {})
    found = classified([request("ping"), NOTIFICATION, request("nonsense", 2), RESPONSE], said)
    assert isinstance(found, Batch)
    assert (found.session_id, found.version_header) == ("s1", version)
    assert [
        item.method if isinstance(item, Call) else item.message.method for item in found.items
    ] == ["ping", "notifications/cancelled", "nonsense", None]
    assert [type(item) for item in found.items] == [Call, SessionMessage, Call, SessionMessage]


@pytest.mark.parametrize(
    ("http_method", "said", "expected"),
    [
        ("GET", {VERSION: NEW}, Rejection(405, b"", (("Allow", "POST"),))),
        ("DELETE", {VERSION: NEW, SESSION: "s1"}, Rejection(405, b"", (("Allow", "POST"),))),
        ("PUT", IN_SESSION, Rejection(405, b"", (("Allow", "GET, POST, DELETE"),))),
        ("PUT", {VERSION: "x"}, Rejection(405, b"", (("Allow", "GET, POST, DELETE"),))),
        ("GET", {**IN_SESSION, **EVENTS}, StreamOpen("s1", "")),
        ("GET", {SESSION: "s1", **EVENTS}, StreamOpen("s1", "")),
        (
            "GET",
            {**IN_SESSION, **EVENTS, "last-event-id": "4-7"},
            StreamOpen("s1", "4-7"),
        ),
        ("DELETE", IN_SESSION, SessionEnd("s1")),
        ("DELETE", {SESSION: "s1"}, SessionEnd("s1")),
    ],
)
def test_other_http_methods(
    http_method: str, said: dict[str, str], expected: StreamOpen | SessionEnd | Rejection
) -> None:
    assert classify_other(http_method, headers(*said.items())) == expected


@pytest.mark.parametrize(
    ("http_method", "said", "status"),
    [
        ("DELETE", {}, 400),
        ("DELETE", {**IN_SESSION, VERSION: FUTURE}, 400),
        ("GET", EVENTS, 400),
        ("GET", {}, 400),
        ("GET", {**IN_SESSION, **EVENTS, VERSION: FUTURE}, 400),
        ("GET", IN_SESSION, 406),
        ("GET", {**IN_SESSION, "Accept": "*/*"}, 406),
    ],
)
def test_what_other_http_methods_need(http_method: str, said: dict[str, str], status: int) -> None:
    found = classify_other(http_method, headers(*said.items()))
    assert refusal(found) == (status, -32600, None)


def test_an_event_id_sent_twice_resumes_nothing() -> None:
    twice = (("Last-Event-ID", "1"), ("Last-Event-ID", "2"))
    said = headers(*IN_SESSION.items(), ("Accept", "text/html"), *EVENTS.items(), *twice)
    assert classify_other("GET", said) == StreamOpen("s1", "")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"{", (400, -32700, None)),
        (b"5", (400, -32600, None)),
        (b'{"jsonrpc":"2.0","id":"a","method":5}', (400, -32600, "a")),
        ([request("ping")], (400, -32600, None)),
        (request("ping", _meta=5), (400, -32602, 1)),
        (modern("tools/list"), (400, -32600, 1)),
        (modern("initialize", meta={META + "protocolVersion": FUTURE}), (400, -32600, 1)),
        (request("ping", _meta={META + "protocolVersion": 5}), (400, -32600, 1)),
        (request("server/discover"), (200, -32601, 1)),
        (request("nonsense", "x"), (200, -32601, "x")),
    ],
)
def test_what_http_sse_does_not_serve(message: object, expected: tuple[int, int, object]) -> None:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    assert refusal(classify_message(body, "s1")) == expected


@pytest.mark.parametrize("meta", [{}, {META + "protocolVersion": OLD}, {"progressToken": 4}])
def test_a_call_over_http_sse(meta: dict[str, object]) -> None:
    body = json.dumps(request("tools/call", "7", name="add", _meta=meta)).encode()
    call = classify_message(body, "s1")
    assert isinstance(call, Call)
    assert (call.era, call.version, call.id, call.method) == (Era.LEGACY, "", b'"7"', "tools/call")
    assert (call.session_id, call.size, call.headers) == ("s1", len(body), None)
    assert call.progress_token == (b"4" if "progressToken" in meta else None)


def test_the_handshake_over_http_sse() -> None:
    found = classify_message(json.dumps(request("initialize", protocolVersion=OLD)).encode(), "s1")
    assert isinstance(found, Initialize)
    assert bytes(found.params["protocolVersion"]) == f'"{OLD}"'.encode()


@pytest.mark.parametrize("message", [NOTIFICATION, RESPONSE])
def test_messages_over_http_sse(message: dict[str, object]) -> None:
    found = classify_message(json.dumps(message).encode(), "s1")
    assert isinstance(found, SessionMessage)
    assert (found.session_id, found.version_header) == ("s1", None)
    assert found.message.method == message.get("method")


SCHEMA = json.dumps(
    {
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "count": {"type": "integer", "x-mcp-header": "Count"},
        }
    }
).encode()


@pytest.mark.parametrize(
    ("said", "arguments", "agrees"),
    [
        ({}, None, True),
        ({}, {}, True),
        ({}, {"region": None, "other": 1}, True),
        ({"mcp-param-region": "eu"}, {"region": "eu"}, True),
        ({"mcp-param-region": "=?base64?w6k=?="}, {"region": "\u00e9"}, True),
        ({"mcp-param-count": "42"}, {"count": 42}, True),
        ({"mcp-param-count": "42.0"}, {"count": 42}, True),
        ({"mcp-param-count": "42"}, {"count": 42.0}, True),
        ({"mcp-param-other": "x"}, {}, True),
        ({}, {"region": "eu"}, False),
        ({"mcp-param-region": "us"}, {"region": "eu"}, False),
        ({"mcp-param-region": "EU"}, {"region": "eu"}, False),
        ({"mcp-param-region": "eu"}, {}, False),
        ({"mcp-param-region": "eu"}, None, False),
        ({"mcp-param-region": ""}, {"region": None}, False),
        ({"mcp-param-region": "=?base64?*?="}, {}, False),
        ({"mcp-param-region": "=?base64?*?="}, {"region": "eu"}, False),
        ({"mcp-param-count": "=?base64?*?="}, {"count": 1}, False),
        ({"mcp-param-count": "43"}, {"count": 42}, False),
        ({"mcp-param-count": "1"}, {"count": None}, False),
        ({"mcp-param-count": "-0.0"}, {"count": 0}, True),
        ({"mcp-param-count": "0042"}, {"count": 42}, True),
        ({"mcp-param-count": "42.5"}, {"count": 42}, False),
        ({"mcp-param-count": "=?base64?NDI=?="}, {"count": 42}, True),
        ({"mcp-param-region": "eu"}, {"region": {}}, False),
    ],
)
def test_param_headers_must_say_what_the_arguments_say(
    said: dict[str, str], arguments: object, agrees: bool
) -> None:
    raw = None if arguments is None else Raw(json.dumps(arguments).encode())
    found = check_param_headers(headers(*said.items()), SCHEMA, raw, b"9")
    if agrees:
        assert found is None
    else:
        assert refusal(found) == (400, -32020, 9)


@pytest.mark.parametrize("arguments", [None, Raw(b"{}"), Raw(b'{"region":"eu"}')])
def test_a_param_header_sent_twice_matches_nothing(arguments: Raw | None) -> None:
    said = headers(("mcp-param-region", "eu"), ("Mcp-Param-Region", "eu"))
    assert refusal(check_param_headers(said, SCHEMA, arguments)) == (400, -32020, None)


def test_what_is_sent_to_a_server_would_pass_the_check() -> None:
    arguments = Raw('{"region":"=?base64?\u00e9","count":42.0}'.encode())
    assert (
        check_param_headers(headers(*param_headers(SCHEMA, arguments)), SCHEMA, arguments) is None
    )


header_values = st.sampled_from([OLD, NEW, FUTURE, "s1", "tools/call", "add", "", "\xff"])
some_headers = st.lists(
    st.tuples(st.sampled_from([VERSION, SESSION, METHOD, NAME, "Accept"]), header_values),
    max_size=5,
)
bodies = st.one_of(
    st.binary(),
    st.builds(
        lambda base, more: json.dumps({**base, **more}).encode(),
        st.sampled_from(
            [modern("tools/call", name="add"), request("ping"), NOTIFICATION, RESPONSE]
        ),
        st.dictionaries(
            st.sampled_from(["id", "method", "params", "result", "error"]),
            st.none() | st.integers() | st.text() | st.builds(dict) | st.just(["x"]),
        ),
    ),
)


@given(some_headers, bodies)
def test_no_request_breaks_the_classification(pairs: list[tuple[str, str]], body: bytes) -> None:
    found = classify_post(headers(*pairs), body)
    if isinstance(found, Rejection):
        assert found.status in (200, 400, 404)
        assert "error" in json.loads(found.body)


@given(bodies)
def test_no_message_breaks_the_classification(body: bytes) -> None:
    found = classify_message(body, "s1")
    if isinstance(found, Rejection):
        assert found.status in (200, 400)
        assert "error" in json.loads(found.body)
