import json
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.exchange import Question
from mcpgw.protocol.input_required import (
    MAX_QUESTIONS,
    input_required_result,
    naming,
    read_input_required,
    read_questions,
    read_responses,
    to_legacy,
    to_modern,
    url_questions,
    with_responses,
)
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS

IDENTITY = b'{"name":"mcpgw"}'
DEEP = b'{"a":' * 100_000
FORM, SAMPLING, ROOTS = "elicitation/create", "sampling/createMessage", "roots/list"


def question(method: str, params: object) -> Question:
    return Question(method, Raw(json.dumps(params).encode()))


def decoded(found: Question | None) -> object:
    return None if found is None else json.loads(bytes(found.params))


@pytest.mark.parametrize(
    ("result", "questions", "state"),
    [
        (
            b'{"resultType":"input_required","requestState":"\\u0041",'
            b'"inputRequests":{"a":{"method":"roots/list"},'
            b'"b":{"method":"x","params":{ "n":1.0}}}}',
            {"a": (ROOTS, b"{}"), "b": ("x", b'{ "n":1.0}')},
            b'"\\u0041"',
        ),
        (b'{"requestState":"s","resultType":"input_required"}', {}, b'"s"'),
        (
            b'{"inputRequests":{"a":{"method":"roots/list","params":null}},'
            b'"requestState":null,"resultType":"input_required"}',
            {"a": (ROOTS, b"{}")},
            None,
        ),
        (b'{"inputRequests":{},"resultType":"input_required"}', {}, None),
    ],
)
def test_what_a_server_asks_for(
    result: bytes, questions: dict[str, tuple[str, bytes]], state: bytes | None
) -> None:
    found = read_input_required(Raw(result))
    assert found is not None
    asked = {key: (one.method, bytes(one.params)) for key, one in found.questions.items()}
    assert asked == questions
    assert (None if found.state is None else bytes(found.state)) == state


@pytest.mark.parametrize(
    "result",
    [
        b'{"content":[]}',
        b'{"resultType":"complete","content":[{"text":"\\"input_required\\""}]}',
        b'{"content":[{"type":"input_required"}]}',
        b'{"resultType":["input_required"]}',
        b'{"resultType":"task","status":"input_required"}',
    ],
)
def test_other_results_ask_for_nothing(result: bytes) -> None:
    assert read_input_required(Raw(result)) is None


@pytest.mark.parametrize(
    "members",
    [
        b"",
        b',"inputRequests":null',
        b',"requestState":5',
        b',"inputRequests":{},"requestState":{}',
        b',"inputRequests":[]',
        b',"inputRequests":{"a":5}',
        b',"inputRequests":{"a":{}}',
        b',"inputRequests":{"a":{"method":5}}',
        b',"inputRequests":{"a":{"method":"roots/list","params":[]}}',
        b',"inputRequests":' + DEEP,
    ],
)
def test_malformed_demands_are_refused(members: bytes) -> None:
    with pytest.raises(ProtocolError) as refusal:
        read_input_required(Raw(b'{"resultType":"input_required"' + members + b"}"))
    assert refusal.value.rpc_code == INTERNAL_ERROR


def test_a_list_is_no_demand() -> None:
    with pytest.raises(ProtocolError):
        read_input_required(Raw(b'["input_required"]'))


@pytest.mark.parametrize("too_many", [0, 1])
def test_the_number_of_questions_is_bounded(too_many: int) -> None:
    asked = {f"q{i}": {"method": ROOTS} for i in range(MAX_QUESTIONS + too_many)}
    raw = Raw(json.dumps(asked).encode())
    if not too_many:
        assert len(read_questions(raw)) == MAX_QUESTIONS
        return
    with pytest.raises(ProtocolError) as refusal:
        read_questions(raw)
    assert refusal.value.rpc_code == INTERNAL_ERROR


def test_nothing_deep_breaks_the_reading_of_questions() -> None:
    with pytest.raises(ProtocolError):
        read_questions(Raw(DEEP))


valid_text = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.dictionaries(valid_text, st.tuples(valid_text, st.dictionaries(valid_text, st.integers()))),
    st.none() | valid_text,
)
def test_a_demand_is_read_as_it_was_written(
    asked: dict[str, tuple[str, dict[str, int]]], state: str | None
) -> None:
    questions = {key: question(method, params) for key, (method, params) in asked.items()}
    result = input_required_result(questions, state, IDENTITY)
    assert json.loads(result)["_meta"] == {"io.modelcontextprotocol/serverInfo": {"name": "mcpgw"}}
    found = read_input_required(Raw(result))
    assert found is not None
    assert found.questions == questions
    assert (None if found.state is None else json.loads(bytes(found.state))) == state


json_values = st.recursive(
    st.none() | st.integers() | st.sampled_from(["input_required", "roots/list"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resultType", "inputRequests", "requestState", "method", "params", "code", "data"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(json_values)
def test_no_result_breaks_the_reading(value: object) -> None:
    raw = Raw(json.dumps({"resultType": "input_required", "inputRequests": value}).encode())
    try:
        found = read_input_required(raw)
    except ProtocolError as refusal:
        assert refusal.rpc_code == INTERNAL_ERROR
    else:
        assert found is not None
    assert url_questions(json.dumps(value).encode()) is None


@pytest.mark.parametrize(
    ("responses", "state", "expected"),
    [
        ({}, None, b'{"name":"a","arguments":{ "n":1.0}}'),
        ({}, b'"\\u0041"', b'{"name":"a","arguments":{ "n":1.0},"requestState":"\\u0041"}'),
        (
            {"k": b'{ "action":"accept"}'},
            b'"s"',
            b'{"name":"a","arguments":{ "n":1.0},"inputResponses":{"k":{ "action":"accept"}},'
            b'"requestState":"s"}',
        ),
    ],
)
@pytest.mark.parametrize("older", [{}, {"inputResponses": b'{"x":{}}', "requestState": b'"old"'}])
def test_a_call_is_sent_again_with_this_rounds_answers(
    responses: dict[str, bytes], state: bytes | None, expected: bytes, older: dict[str, bytes]
) -> None:
    params = {"name": b'"a"', **older, "arguments": b'{ "n":1.0}'}
    again = with_responses(
        {name: Raw(value) for name, value in params.items()},
        responses,
        None if state is None else Raw(state),
    )
    written = b",".join(b'"%b":%b' % (name.encode(), bytes(raw)) for name, raw in again.items())
    assert b"{" + written + b"}" == expected


@pytest.mark.parametrize(
    ("params", "responses", "state"),
    [
        ({}, {}, None),
        ({"requestState": b'"\\u0041"'}, {}, "A"),
        ({"inputResponses": b"{}"}, {}, None),
        (
            {"inputResponses": b'{"a":{ "n":1.0},"b":{}}', "requestState": b'"s"'},
            {"a": b'{ "n":1.0}', "b": b"{}"},
            "s",
        ),
    ],
)
def test_what_a_client_answers(
    params: dict[str, bytes], responses: dict[str, bytes], state: str | None
) -> None:
    found, said = read_responses({name: Raw(value) for name, value in params.items()})
    assert {key: bytes(raw) for key, raw in found.items()} == responses
    assert said == state


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("requestState", b"5"),
        ("requestState", b"null"),
        ("requestState", b"{}"),
        ("inputResponses", b"[]"),
        ("inputResponses", b'"a"'),
        ("inputResponses", b"null"),
        ("inputResponses", b'{"a":{},"b":5}'),
    ],
)
def test_malformed_answers_are_refused(name: str, value: bytes) -> None:
    with pytest.raises(ProtocolError) as refusal:
        read_responses({name: Raw(value)})
    assert refusal.value.rpc_code == INVALID_PARAMS


OBJECT = {"type": "object"}
TITLED = {"type": "string", "oneOf": [{"const": "r", "title": "Red"}, {"const": "g", "title": "G"}]}
PLAIN = {"type": "string", "enum": ["r", "g"], "enumNames": ["Red", "G"]}


def form(properties: object = None, **more: object) -> dict[str, object]:
    schema = {**OBJECT, "properties": {} if properties is None else properties}
    return {"message": "m", "requestedSchema": schema, **more}


@pytest.mark.parametrize(
    ("version", "method", "params", "expected"),
    [
        # forms
        ("2025-11-25", FORM, form(mode="form"), form(mode="form")),
        ("2025-11-25", FORM, form(), form()),
        ("2025-11-25", FORM, form({"a": TITLED}), form({"a": TITLED})),
        ("2025-06-18", FORM, form(mode="form"), form()),
        ("2025-06-18", FORM, form({"a": TITLED, "b": OBJECT}), form({"a": PLAIN, "b": OBJECT})),
        ("2025-06-18", FORM, form({"a": PLAIN}), form({"a": PLAIN})),
        ("2025-06-18", FORM, form({"a": {"type": "array", "items": {"enum": ["x"]}}}), None),
        ("2025-06-18", FORM, form({"a": {"oneOf": [{"const": "x"}]}}), None),
        ("2025-06-18", FORM, form({"a": 5}), None),
        ("2025-06-18", FORM, form([]), None),
        ("2025-06-18", FORM, {"message": "m", "requestedSchema": OBJECT}, None),
        ("2025-06-18", FORM, {"message": "m"}, None),
        ("2025-03-26", FORM, form(), None),
        ("2024-11-05", FORM, form(), None),
        # pages
        (
            "2025-11-25",
            FORM,
            {"mode": "url", "url": "u", "message": "m"},
            {"mode": "url", "url": "u", "message": "m", "elicitationId": "id-0"},
        ),
        (
            "2025-11-25",
            FORM,
            {"mode": "url", "elicitationId": "theirs"},
            {"mode": "url", "elicitationId": "theirs"},
        ),
        ("2025-06-18", FORM, {"mode": "url", "url": "u", "message": "m"}, None),
        ("2025-11-25", FORM, form(mode="voice"), None),
        ("2025-11-25", FORM, form(mode=None), None),
        # sampling, roots, and what nobody knows
        ("2024-11-05", SAMPLING, {"maxTokens": 5}, {"maxTokens": 5}),
        ("2024-11-05", SAMPLING, {"tools": None}, {"tools": None}),
        ("2025-06-18", SAMPLING, {"tools": []}, None),
        ("2025-06-18", SAMPLING, {"toolChoice": {}}, None),
        ("2025-11-25", SAMPLING, {"tools": []}, {"tools": []}),
        ("2024-11-05", ROOTS, {}, {}),
        ("2025-11-25", "tools/call", {}, None),
    ],
)
def test_questions_to_legacy_clients(
    version: str, method: str, params: object, expected: object
) -> None:
    ids = count()
    found = to_legacy(question(method, params), version, lambda: f"id-{next(ids)}")
    assert decoded(found) == expected
    assert found is None or found.method == method


def test_a_form_for_older_clients_keeps_its_values() -> None:
    params = (
        b'{"mode":"form","message":"\\u0041","requestedSchema":{"properties":{"a":{"minimum":1.00},'
        b'"b":{"oneOf":[{"const":"\\u0041","title":"\\u0042"}],"title":"\\u0043"}}},"_meta":{ }}'
    )
    found = to_legacy(Question(FORM, Raw(params)), "2025-06-18", lambda: "id")
    assert found is not None
    assert bytes(found.params) == (
        b'{"message":"\\u0041","requestedSchema":{"properties":{"a":{"minimum":1.00},'
        b'"b":{"title":"\\u0043","enum":["\\u0041"],"enumNames":["\\u0042"]}}},"_meta":{ }}'
    )


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        (FORM, b'{"message":"\\u0041", "n":1.0}', b'{"message":"\\u0041", "n":1.0}'),
        (
            FORM,
            b'{"mode":"url","elicitationId":"e","message":"\\u0041"}',
            b'{"mode":"url","message":"\\u0041"}',
        ),
        (SAMPLING, b'{"elicitationId":"e"}', b'{"elicitationId":"e"}'),
        (ROOTS, b"{}", b"{}"),
    ],
)
def test_questions_to_modern_clients(method: str, params: bytes, expected: bytes) -> None:
    found = to_modern(Question(method, Raw(params)))
    assert (found.method, bytes(found.params)) == (method, expected)


def visits(*entries: object) -> bytes:
    return json.dumps({"code": -32042, "message": "m", "data": {"elicitations": entries}}).encode()


def test_pages_that_a_person_must_visit_become_questions() -> None:
    first = {"mode": "url", "elicitationId": "1", "url": "https://a", "message": "A"}
    second = {"url": "https://b", "message": "B", "x": 1}
    found = url_questions(Raw(visits(first, second)))
    assert found is not None
    assert {key: (one.method, decoded(one)) for key, one in found.items()} == {
        "url-1": (FORM, {"mode": "url", "url": "https://a", "message": "A"}),
        "url-2": (FORM, {"mode": "url", "url": "https://b", "message": "B", "x": 1}),
    }


@pytest.mark.parametrize(
    "error",
    [
        b'{"code":-32603,"message":"m","data":{"elicitations":[{"url":"u","message":"m"}]}}',
        b'{"code":-32042,"message":"m"}',
        b'{"code":-32042,"message":"m","data":{}}',
        b'{"code":-32042,"message":"m","data":{"elicitations":[5]}}',
        b'{"code":"-32042"}',
        b"null",
        b"",
        DEEP,
        visits(),
        visits({"url": "u"}),
        visits({"message": "m"}),
        visits({"message": "m", "url": 5}),
        visits(*[{"url": "u", "message": "m"}] * (MAX_QUESTIONS + 1)),
    ],
)
def test_other_errors_send_nobody_anywhere(error: bytes) -> None:
    assert url_questions(error) is None


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        (
            FORM,
            b'{"n":1.0,"message":"\\u0041","x":[ ]}',
            b'{"n":1.0,"message":"[jira] \\u0041","x":[ ]}',
        ),
        (FORM, b'{"message":""}', b'{"message":"[jira] "}'),
        (FORM, b'{"message":"[github] Pay"}', b'{"message":"[jira] [github] Pay"}'),
        (FORM, b'{"message":5}', b'{"message":5}'),
        (FORM, b'{"mode":"url"}', b'{"mode":"url"}'),
        (SAMPLING, b'{"message":"m"}', b'{"message":"m"}'),
    ],
)
def test_a_person_sees_which_server_asks(method: str, params: bytes, expected: bytes) -> None:
    found = naming(Question(method, Raw(params)), "jira")
    assert (found.method, bytes(found.params)) == (method, expected)


@given(valid_text, valid_text)
def test_the_servers_name_stands_first(message: str, server: str) -> None:
    found = naming(question(FORM, {"message": message}), server)
    assert decoded(found) == {"message": f"[{server}] {message}"}
