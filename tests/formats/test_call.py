"""Every shape in which calls come, and everything that only looks like one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpgw.errors import InvalidInput
from mcpgw.formats.call import MAX_CALLS, CallSet, FunctionCall, NoCalls, read_calls
from mcpgw.formats.family import Family


def read(body: Any, wanted: Family | None = None) -> CallSet:
    return read_calls(json.dumps(body).encode(), wanted)


def seen(found: CallSet) -> list[tuple[str, str, str]]:
    return [(one.id, one.name, one.arguments.decode()) for one in found.calls]


CHAT = [
    {"id": "c1", "type": "function", "function": {"name": "a", "arguments": '{"x": 1.0}'}},
    {"id": "c2", "type": "function", "function": {"name": "b", "arguments": ""}},
]
CHAT_CALLS = [("c1", "a", '{"x": 1.0}'), ("c2", "b", "")]

MESSAGE = {"role": "assistant", "content": None, "refusal": None, "tool_calls": CHAT}

RESPONSES = [
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "message", "content": [{"type": "output_text", "text": "hm"}]},
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "c1",
        "name": "a",
        "arguments": '{"x":1}',
        "status": "completed",
        "namespace": "srv",
    },
    {"type": "function_call", "call_id": "c2", "name": "b", "arguments": "{}"},
]
RESPONSES_CALLS = [("c1", "a", '{"x":1}'), ("c2", "b", "{}")]

ANTHROPIC = [
    {"type": "thinking", "thinking": "hm", "signature": "s"},
    {"type": "text", "text": "I will"},
    {"type": "tool_use", "id": "t1", "name": "a", "input": {"x": 1.0}},
    {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
    {"type": "tool_use", "id": "t2", "name": "b", "input": {}},
]
ANTHROPIC_CALLS = [("t1", "a", '{"x": 1.0}'), ("t2", "b", "{}")]

GEMINI = [
    {"text": "hm", "thoughtSignature": "s"},
    {"functionCall": {"id": "g1", "name": "a", "args": {"x": 1.0}}, "thoughtSignature": "s"},
    {"functionCall": {"name": "b"}},
]
GEMINI_CALLS = [("g1", "a", '{"x": 1.0}'), ("", "b", "")]

PLAIN = [{"id": "p1", "name": "a", "arguments": {"x": 1}}, {"name": "b"}]
PLAIN_CALLS = [("p1", "a", '{"x": 1}'), ("", "b", "")]

SHAPES: list[tuple[str, Any, Family, Any]] = [
    ("an assistant message", MESSAGE, Family.OPENAI, CHAT_CALLS),
    ("tool_calls alone", {"tool_calls": CHAT}, Family.OPENAI, CHAT_CALLS),
    ("a list of tool calls", CHAT, Family.OPENAI, CHAT_CALLS),
    ("a whole completion", {"choices": [{"message": MESSAGE}]}, Family.OPENAI, CHAT_CALLS),
    ("one tool call", CHAT[0], Family.OPENAI, CHAT_CALLS[:1]),
    ("no tool calls", {"role": "assistant", "tool_calls": []}, Family.OPENAI, []),
    (
        "text in parts beside them",
        {**MESSAGE, "content": [{"type": "text"}]},
        Family.OPENAI,
        CHAT_CALLS,
    ),
    ("response items", RESPONSES, Family.RESPONSES, RESPONSES_CALLS),
    ("a whole response", {"id": "r", "output": RESPONSES}, Family.RESPONSES, RESPONSES_CALLS),
    ("one item", RESPONSES[2], Family.RESPONSES, RESPONSES_CALLS[:1]),
    ("content blocks", ANTHROPIC, Family.ANTHROPIC, ANTHROPIC_CALLS),
    ("a message", {"role": "assistant", "content": ANTHROPIC}, Family.ANTHROPIC, ANTHROPIC_CALLS),
    ("one block", ANTHROPIC[2], Family.ANTHROPIC, ANTHROPIC_CALLS[:1]),
    ("parts", GEMINI, Family.GEMINI, GEMINI_CALLS),
    ("content", {"role": "model", "parts": GEMINI}, Family.GEMINI, GEMINI_CALLS),
    ("a content around", {"content": {"parts": GEMINI}}, Family.GEMINI, GEMINI_CALLS),
    ("candidates", {"candidates": [{"content": {"parts": GEMINI}}]}, Family.GEMINI, GEMINI_CALLS),
    ("one part", GEMINI[1], Family.GEMINI, GEMINI_CALLS[:1]),
    (
        "as Python dumps it",
        {"parts": [{"function_call": {"id": None, "name": "a", "args": {"x": 1}}, "text": None}]},
        Family.GEMINI,
        [("", "a", '{"x": 1}')],
    ),
    (
        "its function_calls",
        [{"id": "g1", "name": "a", "args": None}],
        Family.GEMINI,
        [("g1", "a", "")],
    ),
    ("the plain form", {"calls": PLAIN}, Family.MCP, PLAIN_CALLS),
    ("a plain list", PLAIN, Family.MCP, PLAIN_CALLS),
    ("one plain call", PLAIN[0], Family.MCP, PLAIN_CALLS[:1]),
    (
        "plain text arguments",
        {"calls": [{"name": "a", "arguments": "{"}]},
        Family.MCP,
        [("", "a", "{")],
    ),
    ("no plain calls", {"calls": []}, Family.MCP, []),
]


@pytest.mark.parametrize(("what", "body", "family", "calls"), SHAPES)
def test_every_shape_is_read(what: str, body: Any, family: Family, calls: Any) -> None:
    for wanted in (None, family):
        found = read(body, wanted)
        assert found.family is family
        assert seen(found) == calls
        assert not found.is_old


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape[0])
def test_the_wrong_provider_is_an_error_that_says_so(shape: tuple[str, Any, Family, Any]) -> None:
    _, body, family, _ = shape
    for other in set(Family) - {family}:
        with pytest.raises(InvalidInput, match=f"{family}, and format says {other}"):
            read(body, other)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a", "arguments": '{"x": 1}'},
        {"function_call": {"name": "a", "arguments": '{"x": 1}'}},
        {
            "choices": [
                {
                    "message": {
                        "role": "assistant",
                        "function_call": {"name": "a", "arguments": '{"x": 1}'},
                    }
                }
            ]
        },
    ],
)
def test_openais_older_form_has_no_ids(body: Any) -> None:
    found = read(body)
    assert (found.family, found.is_old) == (Family.OPENAI, True)
    assert seen(found) == [("", "a", '{"x": 1}')]


@pytest.mark.parametrize(
    ("body", "family"),
    [
        (
            {
                "tool_calls": [
                    {"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
                ]
            },
            Family.OPENAI,
        ),
        (
            [{"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": "ls"}],
            Family.RESPONSES,
        ),
    ],
)
def test_calls_of_another_kind_are_known_as_such(body: Any, family: Family) -> None:
    found = read(body)
    assert found.family is family
    assert found.calls == (FunctionCall("c", "sh", b"", is_custom=True),)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"role": "assistant", "content": "no calls"},
        {"role": "assistant", "content": None, "tool_calls": None},
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "a", "arguments": {}},
        },
        [{"jsonrpc": "2.0", "id": 1, "method": "ping"}],
        [1, "x", None],
        {"choices": []},
        {"choices": [1]},
        {"function_call": "auto"},
        {"messages": [MESSAGE]},
        "text",
        7,
        None,
    ],
)
def test_what_holds_no_calls_says_which_shapes_do(body: Any) -> None:
    with pytest.raises(NoCalls) as caught:
        read(body)
    assert "tool_calls" in caught.value.hint


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 5000, b'{"tool_calls":' + b"[" * 5000])
def test_what_is_not_json_holds_none(body: bytes) -> None:
    with pytest.raises(NoCalls):
        read_calls(body)


def test_wrappings_end_somewhere() -> None:
    body: Any = MESSAGE
    for _ in range(10):
        body = {"message": body}
    with pytest.raises(NoCalls):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        [CHAT[0], ANTHROPIC[2]],
        {"tool_calls": CHAT, "content": ANTHROPIC},
        {"output": RESPONSES, "parts": GEMINI},
        [PLAIN[0], GEMINI[1]],
    ],
)
def test_mixed_shapes_are_refused(body: Any) -> None:
    with pytest.raises(InvalidInput, match="mixes the shapes of"):
        read(body)


def test_an_id_that_stands_twice_is_refused_and_nothing_run() -> None:
    with pytest.raises(InvalidInput, match="'c1' stands twice; no call was run"):
        read({"tool_calls": [CHAT[0], CHAT[0]]})
    assert len(read({"calls": [{"name": "a"}, {"name": "a"}]}).calls) == 2


def test_too_many_calls_are_refused_and_nothing_run() -> None:
    calls = [{"id": str(n), "name": "a"} for n in range(1000)]
    with pytest.raises(
        InvalidInput, match=f"1000 calls, and {MAX_CALLS} are the most; none was run"
    ):
        read({"calls": calls})
    assert len(read({"calls": calls[:MAX_CALLS]}).calls) == MAX_CALLS


@pytest.mark.parametrize("call_id", [7, ["x"], {"a": 1}, True])
def test_an_id_that_is_no_text_could_not_be_answered(call_id: Any) -> None:
    with pytest.raises(InvalidInput, match="no text"):
        read({"calls": [{"id": call_id, "name": "a"}]})


@pytest.mark.parametrize("name", [None, 7, {"a": 1}])
def test_a_name_that_is_none_is_nobodys(name: Any) -> None:
    (call,) = read(
        {"tool_calls": [{"id": "c", "function": {"name": name, "arguments": "{}"}}]}
    ).calls
    assert call.name == ""
    (call,) = read({"tool_calls": [{"id": "c", "function": None}]}).calls
    assert (call.name, call.arguments) == ("", b"")


def test_a_call_is_taken_up_with_what_it_asked_for() -> None:
    answers = {"q1": {"action": "accept", "content": {"x": 1.0}}}
    resume = {"c1": {"inputResponses": answers, "requestState": "opaque", "more": 1}}
    first, second = read({**MESSAGE, "mcpgw": {"resume": resume}}).calls
    assert {name: json.loads(bytes(raw)) for name, raw in first.resumption.items()} == {
        "inputResponses": answers,
        "requestState": "opaque",
    }
    assert second.resumption == {}
    assert read({**MESSAGE, "mcpgw": {}}).calls[0].resumption == {}
    for damaged in (7, {"resume": 7}, {"resume": {"c1": 7}}):
        with pytest.raises(NoCalls):
            read({**MESSAGE, "mcpgw": damaged})


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "tool_calls",
                        "function",
                        "name",
                        "arguments",
                        "args",
                        "parts",
                        "content",
                        "type",
                        "id",
                        "calls",
                        "mcpgw",
                        "function_call",
                        "functionCall",
                        "choices",
                        "message",
                    ]
                ),
                inner,
            )
        ),
        max_leaves=20,
    )
)
def test_nothing_but_an_error_that_says_why_comes_of_nonsense(body: Any) -> None:
    try:
        found = read(body)
    except InvalidInput as error:
        assert error.hint
    else:
        assert all(isinstance(call.name, str) for call in found.calls)
