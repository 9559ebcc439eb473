"""A secret is found in whatever usual spelling it comes back, and what is left is JSON."""

import base64
import json
import random
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpgw.model.redaction import LEAST_BYTES, redact

VALUES = ["s3cret-for-everything-+/=", 'canary-"\\/-ünï-\n-€', "0123456789abcdef", "äöü€äöü"]

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda value: value,
    "among others": lambda value: f"KEY={value};",
    "JSON in JSON": lambda value: json.dumps({"key": value}),
    "JSON of Unicode in JSON": lambda value: json.dumps({"key": value}, ensure_ascii=False),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 behind one byte": lambda value: base64.b64encode(b"x" + value.encode()).decode(),
    "base64 behind two": lambda value: base64.b64encode(b"xy" + value.encode() + b"z").decode(),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "hexadecimal": lambda value: value.encode().hex(),
    "HEXADECIMAL": lambda value: value.encode().hex().upper(),
    "in a query": lambda value: f"https://x.example/?key={quote(value, safe='')}",
    "in a path": lambda value: f"https://x.example/{quote(value)}",
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_every_spelling(value: str, spelling: str, ensure_ascii: bool) -> None:
    told = {"content": [{"type": "text", "text": SPELLINGS[spelling](value)}], "n": 1.0}
    raw = json.dumps(told, ensure_ascii=ensure_ascii).encode()
    redacted, count = redact(raw, {"OTHER": "something else", "KEY": value})
    assert count == 1
    found = json.loads(redacted)
    assert "[redacted:KEY]" in found["content"][0]["text"]
    assert redact(redacted, {"KEY": value}) == (redacted, 0)


def test_what_holds_none_passes_verbatim() -> None:
    raw = b'{"big": 123456789012345678901234567890, "text" : "\\u0041" }'
    assert redact(raw, {"KEY": "canary-123"}) == (raw, 0)
    assert redact(raw, {}) == (raw, 0)


def test_several_and_one_that_begins_with_another() -> None:
    secrets = {"SHORT": "canary-1", "LONG": "canary-1-and-more"}
    redacted, count = redact(b'["canary-1-and-more", "canary-1", "canary-1canary-1"]', secrets)
    expected = ["[redacted:LONG]", "[redacted:SHORT]", "[redacted:SHORT][redacted:SHORT]"]
    assert (json.loads(redacted), count) == (expected, 4)


def test_a_short_value_is_no_secret() -> None:
    short = "x" * (LEAST_BYTES - 1)
    assert redact(f'["{short}"]'.encode(), {"KEY": short, "EMPTY": ""}) == (
        f'["{short}"]'.encode(),
        0,
    )


def test_a_value_with_blanks_around_it_is_found_without_them() -> None:
    assert redact(b'["canary-1"]', {"KEY": "  canary-1\n"}) == (b'["[redacted:KEY]"]', 1)
    assert redact(b'["x"]', {"KEY": "x" + " " * LEAST_BYTES}) == (b'["x"]', 0)


def test_a_number_is_left_where_it_is_one() -> None:
    raw = b'{"id": 1234567890, "text": "1234567890"}'
    redacted, count = redact(raw, {"KEY": "1234567890"})
    assert (json.loads(redacted), count) == ({"id": 1234567890, "text": "[redacted:KEY]"}, 1)


def test_an_escape_is_not_cut_in_two() -> None:
    value = "name-of-a-secret"
    raw = json.dumps(["\n" + value[1:], "\\" + value]).encode()
    redacted, count = redact(raw, {"KEY": value})
    assert (json.loads(redacted), count) == (["\n" + value[1:], "\\[redacted:KEY]"], 1)


def test_bytes_that_are_no_text() -> None:
    value = b"\xff\xfe\xfd-canary".decode("utf-8", "surrogateescape")
    told = json.dumps([base64.b64encode(b"\xff\xfe\xfd-canary").decode()]).encode()
    redacted, count = redact(told, {"KEY": value})
    assert redacted.startswith(b'["[redacted:KEY]')
    assert count == 1


def test_a_lot_of_text_holds_none() -> None:
    chance = random.Random(3)  # noqa: S311  (a test)
    raw = json.dumps(base64.b64encode(chance.randbytes(1 << 20)).decode()).encode()
    assert redact(raw, {"KEY": "canary-7f3a"}) == (raw, 0)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.text(min_size=1),
)
def test_json_stays_json(document: object, value: str) -> None:
    value = (value * LEAST_BYTES)[:64]
    raw = json.dumps([document, value, {value: document}]).encode()
    redacted, count = redact(raw, {"KEY": value})
    assert isinstance(json.loads(redacted), list)
    assert count >= 2
