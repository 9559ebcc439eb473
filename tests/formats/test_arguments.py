import json
from typing import Any

import pytest

from mcpgw.errors import InvalidInput
from mcpgw.formats.arguments import fitted
from mcpgw.formats.property_name import told_name
from tests.formats.hostile import HOSTILE

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "n": {"type": "number"}, "e": {"enum": [1, 2]}},
    "required": ["n"],
    "additionalProperties": False,
}


def fit(schema: Any, text: str) -> str:
    return fitted(json.dumps(schema).encode(), text.encode()).decode()


def refused(schema: Any, text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        fit(schema, text)
    assert "again" in caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 1.0}',
        '{ "n":1e2,\n "a":"\\u00fc" }',
        '{"n":123456789012345678901234567890}',
        '{"n": 1, "n": 2}',
    ],
)
def test_what_fits_passes_verbatim(text: str) -> None:
    assert fit(SCHEMA, text) == text


def test_no_arguments_are_an_empty_object() -> None:
    for nothing in ("", "  \n"):
        assert fit({"type": "object"}, nothing) == "{}"


def test_what_does_not_fit_as_it_came_is_turned_into_the_servers_terms() -> None:
    assert json.loads(fit(SCHEMA, '{"n":1,"a":null,"e":"2"}')) == {"n": 1, "e": 2}


def test_other_names_are_looked_for_though_the_schema_admits_any() -> None:
    schema = {"type": "object", "properties": {"in": {"items": {"properties": {"$top": {}}}}}}
    text = json.dumps({"in": [{told_name("$top"): 1}]})
    assert json.loads(fit(schema, text)) == {"in": [{"$top": 1}]}
    own = '{"in": [{"$top":1.0}]}'
    assert fit(schema, own) == own


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "no valid JSON"),
        ("{'n': 1}", "no valid JSON"),
        ('{"n": NaN}', "no valid JSON"),
        ('{"n": 1} trailing', "no valid JSON"),
        ('{"a": "\\ud800", "n": 1}', "no valid JSON"),
        ("[" * 3000 + "]" * 3000, "nested too deeply"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        ('"{}"', "no JSON object"),
        ("{}", '"n" is a required property'),
        ('{"n": "x"}', 'n: "x" is not of type "number"'),
        ('{"n": 1, "invented": 2}', "invented"),
        ('{"n": null}', "n: null is not of type"),
    ],
)
def test_what_cannot_fit_is_refused_in_a_sentence(text: str, problem: str) -> None:
    assert problem in refused(SCHEMA, text)


def test_a_schema_that_cannot_be_checked_is_left_to_the_server() -> None:
    text = '{"root": {"value": 7}}'
    assert fit(HOSTILE["a tree"], text) == text
    assert json.loads(fit(HOSTILE["a tree"], '{"root": {"value": "x", "children": null}}')) == {
        "root": {"value": "x"}
    }
    assert fitted(b"no schema", b'{"a": 1}') == b'{"a": 1}'
    assert fitted(b"[" * 3000, b"{}") == b"{}"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_schemas_let_calls_through_or_say_why_not(name: str) -> None:
    try:
        assert json.loads(fit(HOSTILE[name], '{"a": null, "b": [null]}')).keys() <= {"a", "b"}
    except InvalidInput as error:
        assert error.message.startswith("the arguments do not fit")
