import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mcpgw.protocol.capability import TASKS, askable, for_upstream, missing
from mcpgw.protocol.exchange import Question

EVERYTHING = b'{"elicitation":{"form":{},"url":{}},"roots":{},"sampling":{"context":{},"tools":{}}}'
DEEP = b'{"roots":' * 100_000


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (b"{}", b"{}"),
        (b'{"elicitation":{}}', b'{"elicitation":{"form":{}}}'),
        (b'{"elicitation":{"schemaValidation":true}}', b'{"elicitation":{"form":{}}}'),
        (b'{"elicitation":{"form":{"a":1}}}', b'{"elicitation":{"form":{}}}'),
        (b'{"elicitation":{"url":{}}}', b'{"elicitation":{"url":{}}}'),
        (b'{"elicitation":{"url":{},"form":{}}}', b'{"elicitation":{"form":{},"url":{}}}'),
        (b'{"elicitation":{"form":null,"url":{}}}', b'{"elicitation":{"url":{}}}'),
        (b'{"sampling":{}}', b'{"sampling":{}}'),
        (b'{"sampling":{"tools":{},"x":1}}', b'{"sampling":{"tools":{}}}'),
        (b'{"sampling":{"tools":{},"context":{}}}', b'{"sampling":{"context":{},"tools":{}}}'),
        (b'{"roots":{"listChanged":true}}', b'{"roots":{}}'),
        (b'{"sampling": {}, "roots":{}}', b'{"roots":{},"sampling":{}}'),
        (b'{"experimental":{},"extensions":{},"tasks":{}}', b"{}"),
        (b'{"elicitation":true,"sampling":null,"roots":[]}', b"{}"),
        (b"[]", b"{}"),
        (b"null", b"{}"),
        (b"{", b"{}"),
        (b"", b"{}"),
        (DEEP, b"{}"),
    ],
)
def test_what_a_client_can_be_asked_for(capabilities: bytes, expected: bytes) -> None:
    assert askable(capabilities) == expected
    assert askable(Raw(capabilities)) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["elicitation", "sampling", "roots", "form", "url", "tools", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_the_canonical_form_is_its_own(value: object) -> None:
    found = askable(json.dumps(value).encode())
    assert askable(found) == found
    assert for_upstream(found, found, False) == found


def question(method: str, params: object) -> Question:
    return Question(method, Raw(json.dumps(params).encode()))


FORM = question("elicitation/create", {"message": "m", "requestedSchema": {}})
URL = question("elicitation/create", {"mode": "url", "url": "u", "message": "m"})
SAMPLING = question("sampling/createMessage", {"messages": [], "tools": None})
SAMPLING_TOOLS = question("sampling/createMessage", {"messages": [], "tools": []})
SAMPLING_CHOICE = question("sampling/createMessage", {"toolChoice": {"mode": "auto"}})
ROOTS = question("roots/list", {})


@pytest.mark.parametrize(
    ("questions", "offered", "expected"),
    [
        ([], b"{}", None),
        ([FORM, URL, SAMPLING, SAMPLING_TOOLS, SAMPLING_CHOICE, ROOTS], EVERYTHING, None),
        ([FORM], b'{"elicitation":{"form":{}}}', None),
        ([question("elicitation/create", {"mode": "form"})], b'{"elicitation":{"form":{}}}', None),
        ([FORM], b"{}", b'{"elicitation":{"form":{}}}'),
        ([FORM], b'{"elicitation":{"url":{}}}', b'{"elicitation":{"form":{}}}'),
        ([URL], b'{"elicitation":{"form":{}}}', b'{"elicitation":{"url":{}}}'),
        ([URL, FORM], b"{}", b'{"elicitation":{"form":{},"url":{}}}'),
        ([SAMPLING], b"{}", b'{"sampling":{}}'),
        ([SAMPLING], b'{"sampling":{}}', None),
        ([SAMPLING, SAMPLING_TOOLS], b"{}", b'{"sampling":{"tools":{}}}'),
        ([SAMPLING_CHOICE], b'{"sampling":{}}', b'{"sampling":{"tools":{}}}'),
        ([ROOTS, SAMPLING], b'{"sampling":{}}', b'{"roots":{}}'),
        ([question("tools/call", {})], EVERYTHING, b'{"experimental":{}}'),
        ([question("elicitation/create", {"mode": "voice"})], EVERYTHING, b'{"experimental":{}}'),
        ([question("elicitation/create", {"mode": 5})], EVERYTHING, b'{"experimental":{}}'),
        ([question("elicitation/create", [])], EVERYTHING, b'{"experimental":{}}'),
        (
            [Question("sampling/createMessage", Raw(DEEP))],
            EVERYTHING,
            b'{"experimental":{}}',
        ),
    ],
)
def test_what_questions_need_beyond_that(
    questions: list[Question], offered: bytes, expected: bytes | None
) -> None:
    assert missing(questions, offered) == expected


WITH_TASKS = b'{"extensions":{"' + TASKS.encode() + b'":{}}}'


@pytest.mark.parametrize(
    ("client", "offered", "with_tasks", "expected"),
    [
        (b"{}", b"{}", False, b"{}"),
        (b'{ "sampling":{}}', b'{"sampling":{}}', False, b'{ "sampling":{}}'),
        (b'{"experimental":{ "a":1.0}}', b"{}", False, b'{"experimental":{ "a":1.0}}'),
        (
            b'{"a":1.0,"roots":{"listChanged":true},"b":[ ]}',
            b'{"roots":{}}',
            False,
            b'{"a":1.0,"roots":{},"b":[ ]}',
        ),
        (b'{"elicitation":{}}', b'{"elicitation":{"form":{}}}', False, None),
        (b'{"sampling":{},"elicitation":5}', b"{}", False, b"{}"),
        (b"{}", EVERYTHING, False, EVERYTHING),
        (b"[]", EVERYTHING, False, EVERYTHING),
        (DEEP, b"{}", False, b"{}"),
        (b"{}", b"{}", True, WITH_TASKS),
        (WITH_TASKS, b"{}", True, WITH_TASKS),
        (WITH_TASKS, b"{}", False, b'{"extensions":{}}'),
        (b'{"extensions":{"x":{ }}}', b"{}", False, b'{"extensions":{"x":{ }}}'),
        (b'{"extensions":5}', b"{}", False, b'{"extensions":5}'),
        (b'{"extensions":5}', b"{}", True, WITH_TASKS),
        (
            b'{"extensions":{"x":{ }}}',
            b"{}",
            True,
            b'{"extensions":{"x":{ },"' + TASKS.encode() + b'":{}}}',
        ),
    ],
)
def test_what_a_modern_server_is_told(
    client: bytes, offered: bytes, with_tasks: bool, expected: bytes | None
) -> None:
    assert for_upstream(client, offered, with_tasks) == (offered if expected is None else expected)
