import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mcpgw.protocol.header import (
    HeaderParameter,
    argument_text,
    decode_value,
    encode_value,
    header_parameters,
    integral,
    param_headers,
)


def schema(**properties: object) -> bytes:
    return json.dumps({"type": "object", "properties": properties}).encode()


def marked(kind: object = "string", header: object = "Region") -> dict[str, object]:
    return {"type": kind, "x-mcp-header": header}


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("add", "add"),
        ("", ""),
        ("file:///a b", "file:///a b"),
        ("=?base64?", "=?base64?"),
        (" a", "=?base64?IGE=?="),
        ("a\t", "=?base64?YQk=?="),
        ("a\r\nX: y", "=?base64?YQ0KWDogeQ==?="),
        ("\u00e9", "=?base64?w6k=?="),
        ("=?base64?YQ==?=", "=?base64?PT9iYXNlNjQ/WVE9PT89?="),
        ("\x7f", "=?base64?fw==?="),
    ],
)
def test_values_travel_as_they_are_or_encoded(value: str, encoded: str) -> None:
    assert encode_value(value) == encoded
    assert decode_value(encoded) == value


@pytest.mark.parametrize(
    "broken",
    [
        "=?base64?*?=",
        "=?base64?YQ?=",
        "=?base64?YR==?=",
        "=?base64?/w==?=",
        "=?base64?Y Q==?=",
        "=?base64?\u00e9?=",
    ],
)
def test_broken_base64_means_nothing(broken: str) -> None:
    assert decode_value(broken) is None


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_survives_and_is_safe_in_a_header(value: str) -> None:
    encoded = encode_value(value)
    assert encoded.isascii()
    assert encoded.isprintable()
    assert decode_value(encoded) == value


@pytest.mark.parametrize(
    ("input_schema", "expected"),
    [
        (b"{}", ()),
        (schema(a={"type": "string"}), ()),
        (schema(a=marked()), (HeaderParameter(("a",), "Mcp-Param-Region", False),)),
        (
            schema(a={"type": "object", "properties": {"b": marked("integer", "X-1")}}),
            (HeaderParameter(("a", "b"), "Mcp-Param-X-1", True),),
        ),
        (schema(a=marked("boolean")), (HeaderParameter(("a",), "Mcp-Param-Region", False),)),
        (
            schema(**{"x-mcp-header": {"type": "string"}}),
            (),
        ),
        (schema(a={"type": "string", "default": {"x-mcp-header": ""}}), ()),
        (schema(a={"enum": [{"x-mcp-header": ""}]}), ()),
        (b'{"properties":["x-mcp-header"],"allOf":{"a":1},"$defs":[1],"items":true}', ()),
        (schema(a=marked(header="")), None),
        (schema(a=marked(header="a b")), None),
        (schema(a=marked(header="\u212a")), None),
        (schema(a=marked(header=5)), None),
        (schema(a=marked(kind="number")), None),
        (schema(a=marked(kind="object")), None),
        (schema(a=marked(kind="array")), None),
        (schema(a=marked(kind=["string", "null"])), None),
        (schema(a={"x-mcp-header": "A"}), None),
        (schema(a=marked(), b=marked(header="REGION")), None),
        (json.dumps(marked()).encode(), None),
        (schema(a={"type": "array", "items": marked()}), None),
        (schema(a={"anyOf": [marked()]}), None),
        (schema(a={"not": {"properties": {"b": marked()}}}), None),
        (json.dumps({"$defs": {"a": marked()}}).encode(), None),
        (b'{"x-mcp-header"', None),
        (b'{"x-mcp-header":' * 100_000, None),
    ],
)
def test_header_parameters(
    input_schema: bytes, expected: tuple[HeaderParameter, ...] | None
) -> None:
    assert header_parameters(Raw(input_schema)) == expected


@pytest.mark.parametrize(
    ("arguments", "path", "is_integer", "expected"),
    [
        (b'{"a":"x y"}', "a", False, "x y"),
        (b'{"a":"\\u0041"}', "a", False, "A"),
        (b'{"a":42}', "a", True, "42"),
        (b'{"a":42.0}', "a", True, "42"),
        (b'{"a":42.0}', "a", False, "42.0"),
        (b'{"a":123456789012345678901234567890}', "a", True, "123456789012345678901234567890"),
        (b'{"a":1e999999999}', "a", True, "1e999999999"),
        (b'{"a":true}', "a", False, "true"),
        (b'{"a":null}', "a", False, None),
        (b'{"a":{}}', "a", False, None),
        (b'{"a":[1]}', "a", False, None),
        (b'{"b":1}', "a", False, None),
        (b'{"a":{"b":"x"}}', "a.b", False, "x"),
        (b'{"a":5}', "a.b", False, None),
        (b"{}", "a.b", False, None),
        (b"[]", "a", False, None),
        (None, "a", False, None),
    ],
)
def test_argument_text(
    arguments: bytes | None, path: str, is_integer: bool, expected: str | None
) -> None:
    raw = None if arguments is None else Raw(arguments)
    parameter = HeaderParameter(tuple(path.split(".")), "Mcp-Param-A", is_integer)
    assert argument_text(raw, parameter) == expected


def test_param_headers_say_what_the_arguments_say() -> None:
    input_schema = schema(
        region=marked(), count=marked("integer", "Count"), dry=marked("boolean", "Dry"), other={}
    )
    arguments = Raw(b'{"region":"\xc3\xa9","count":7,"other":1}')
    assert sorted(param_headers(input_schema, arguments)) == [
        ("Mcp-Param-Count", "7"),
        ("Mcp-Param-Region", "=?base64?w6k=?="),
    ]


def test_no_param_headers_for_marks_that_break_the_rules() -> None:
    assert param_headers(schema(a=marked("number")), Raw(b'{"a":1}')) == ()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("42", "42"),
        ("42.0", "42"),
        ("042.00", "42"),
        ("-7", "-7"),
        ("-0", "0"),
        ("0.0", "0"),
        ("4.5", "4.5"),
        ("4e2", "4e2"),
        ("", ""),
        ("-", "-"),
        ("\u0662", "\u0662"),
    ],
)
def test_integral(number: str, expected: str) -> None:
    assert integral(number) == expected
