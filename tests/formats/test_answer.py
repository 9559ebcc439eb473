"""Results back. What each kind of result becomes in each family stands in tests/golden/formats."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpgw.formats.answer import Done, Taste, answer, operation_answer, report
from mcpgw.formats.call import CallSet, FunctionCall
from mcpgw.formats.family import Family
from tests.formats import golden

WRITTEN = golden.written()


@pytest.mark.parametrize("name", [name for name in WRITTEN if name.startswith("results.")])
def test_results_are_the_golden_ones(name: str) -> None:
    assert WRITTEN[name] == golden.read(name)


def outcome(call_id: str, code: str, result: bytes) -> Done:
    return Done(FunctionCall(call_id, "t", b"{}"), result, code, "why" if code else "")


def ids_of(family: Family, shown: Any) -> list[str]:
    """Return the ids that an answer answers, in its order."""
    if family is Family.OPENAI:
        return [one["tool_call_id"] for one in shown["messages"]]
    if family is Family.RESPONSES:
        return [one["call_id"] for one in shown["items"]]
    if family is Family.ANTHROPIC:
        return [one["tool_use_id"] for one in shown["message"]["content"]]
    if family is Family.GEMINI:
        return [one["functionResponse"].get("id", "") for one in shown["content"]["parts"]]
    return [one["id"] for one in shown["results"]]


RESULTS = [
    b"",
    b'{"content":[]}',
    b'{"content":[{"type":"text","text":"x"}]}',
    b'{"content":[],"structuredContent":1}',
    b'{"content":7}',
]


@given(
    st.sampled_from(Family),
    st.lists(
        st.builds(
            outcome,
            st.uuids().map(str),
            st.sampled_from(["", "tool_error", "upstream_timeout", "invalid_arguments"]),
            st.sampled_from(RESULTS),
        ),
        max_size=10,
    ),
)
def test_every_id_is_answered_in_order_whatever_became_of_its_call(
    family: Family, done: list[Done]
) -> None:
    shown = answer(CallSet(family, ()), done, Taste())
    json.loads(msgspec.json.encode(shown))
    assert ids_of(family, shown) == [one.call.id for one in done]
    assert [one["id"] for one in shown["results"]] == [one.call.id for one in done]


def test_a_report_says_what_is_known_besides() -> None:
    done = Done(FunctionCall("1", "t", b""), b"", "tool_error", "why", "srv", 12)
    assert report(done) == {
        "id": "1",
        "name": "t",
        "server": "srv",
        "is_error": True,
        "code": "tool_error",
        "duration_ms": 12,
    }


LONG = msgspec.json.encode({"content": [], "structuredContent": {"a": "x" * 200}})


def shown_by(family: Family, done: Done, taste: Taste) -> Any:
    return json.loads(msgspec.json.encode(answer(CallSet(family, ()), [done], taste)))


def test_json_beyond_the_cap_is_cut_as_text_and_says_so() -> None:
    done = Done(FunctionCall("1", "t", b""), LONG, has_output=True)
    taste = Taste(max_characters=100)
    (item,) = shown_by(Family.RESPONSES, done, taste)["items"]
    (part,) = shown_by(Family.GEMINI, done, taste)["content"]["parts"]
    output = part["functionResponse"]["response"]["output"]
    operation = operation_answer(done, taste, has_media=False)
    for said in (item["output"], output, operation["content"]):
        assert said.endswith("[mcpgw: cut after 100 of 208 characters; ask for less]")


def test_an_operation_shows_media_when_asked() -> None:
    image = {"type": "image", "mimeType": "image/png", "data": "AAAA"}
    done = Done(FunctionCall("", "t", b""), msgspec.json.encode({"content": [image]}))
    plain = operation_answer(done, Taste(), has_media=False)
    assert plain == {"content": "[image image/png, 1 kB]"}
    full = operation_answer(done, Taste(), has_media=True)
    assert full["media"] == [{"mime_type": "image/png", "data": "AAAA"}]


def test_no_images_no_message() -> None:
    done = Done(FunctionCall("1", "t", b""), RESULTS[2])
    shown = shown_by(Family.OPENAI, done, Taste(has_image_message=True))
    assert [one["role"] for one in shown["messages"]] == ["tool"]


def test_gemini_calls_without_an_id_are_answered_without_one() -> None:
    done = Done(FunctionCall("", "t", b""), RESULTS[2])
    (part,) = shown_by(Family.GEMINI, done, Taste())["content"]["parts"]
    assert part == {"functionResponse": {"name": "t", "response": {"output": "x"}}}


def test_sounds_beside_images_stay_placeholders_with_responses() -> None:
    blocks = [
        {"type": "audio", "mimeType": "audio/wav", "data": "AAAA"},
        {"type": "image", "mimeType": "image/png", "data": "AAAA"},
    ]
    done = Done(FunctionCall("1", "t", b""), msgspec.json.encode({"content": blocks}))
    (item,) = shown_by(Family.RESPONSES, done, Taste())["items"]
    assert item["output"][0] == {"type": "input_text", "text": "[audio audio/wav, 1 kB]"}
    assert item["output"][1]["type"] == "input_image"
