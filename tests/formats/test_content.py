import base64
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from mcpgw.formats.content import (
    MAX_BLOCKS,
    MAX_MEDIA,
    MAX_MEDIA_BYTES,
    Content,
    Media,
    cut,
    read_content,
)


def read(*blocks: Any, most: int = 1000, **more: Any) -> Content:
    return read_content(msgspec.json.encode({"content": blocks, **more}), most)


def text(said: Any) -> dict[str, Any]:
    return {"type": "text", "text": said}


def image(data: str, mime: str = "image/png") -> dict[str, Any]:
    return {"type": "image", "mimeType": mime, "data": data}


def test_parts_keep_their_order() -> None:
    found = read(text("a"), image("AAAA"), text("b"))
    assert found.parts == ("a", Media("image/png", "AAAA"), "b")
    assert found.texts == ["a", "b"]
    assert found.media == [Media("image/png", "AAAA")]
    assert found.text() == "a\n[image image/png, 1 kB]\nb"


def test_a_text_that_is_cut_says_so_once_at_the_end() -> None:
    found = read(text("a" * 6), text("b" * 6), text("c" * 6), text(""), most=10)
    assert found.parts == (
        *("a" * 6, "b" * 4, ""),
        "[mcpgw: cut after 10 of 18 characters; ask for less]",
    )
    assert read(text("a" * 10), most=10).parts == ("a" * 10,)
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "abc\n[mcpgw: cut after 3 of 4 characters; ask for less]"


def test_media_that_no_vendor_would_take_are_left_out_and_say_so() -> None:
    large = base64.b64encode(bytes(MAX_MEDIA_BYTES + 3)).decode()
    (said,) = read(image(large)).parts
    assert said == "[image image/png, 5000 kB: too large for a model, left out]"
    for damaged in ("", "no base64", "AAA", "____"):
        (said,) = read(image(damaged)).parts
        assert said == "[image image/png, 1 kB: its data is damaged, left out]"
    many = read(*[image("AAAA")] * (MAX_MEDIA + 2))
    assert len(many.media) == MAX_MEDIA
    assert many.texts == ["[image image/png, 1 kB: too many, left out]"] * 2


def test_parts_without_end_are_cut_off() -> None:
    found = read(*[text("x")] * (MAX_BLOCKS + 1500), most=10_000)
    assert len(found.parts) == MAX_BLOCKS + 1
    assert found.parts[-1] == "[mcpgw: 1,500 more parts left out]"


@pytest.mark.parametrize(
    ("mime", "kind"),
    [
        ("image/png", "image"),
        ("image/svg+xml", "binary"),
        ("audio/mpeg", "audio"),
        ("application/pdf", "pdf"),
        ("video/mp4", "binary"),
        ("", "binary"),
    ],
)
def test_kinds_of_media(mime: str, kind: str) -> None:
    assert Media(mime, "AAAA").kind == kind


def test_structured_content_may_be_anything_but_null() -> None:
    for value in ({"a": 1.0}, [1], "x", 0, False):
        found = read(structuredContent=value).structured
        assert found == Raw(msgspec.json.encode(value))
    assert read(structuredContent=None).structured is None
    assert read().structured is None


@pytest.mark.parametrize(
    "result", [b"", b"7", b'{"content": "x"}', b'{"content":' + b"[" * 3000 + b"]" * 3000 + b"}"]
)
def test_what_is_no_result_says_so(result: bytes) -> None:
    assert read_content(result, 100).parts == ("[the tool's result cannot be read]",)


def test_members_of_any_kind_do_no_harm() -> None:
    for block in (text(7), {"type": 7}, image(None), {"type": "resource", "resource": {"uri": 7}}):  # type: ignore[arg-type]  # hostile
        assert all(isinstance(part, str) for part in read(block).parts)
