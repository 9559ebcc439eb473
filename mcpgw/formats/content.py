"""What a tool returned, taken apart: text for a model to read, and media.

Bounded, and what is left out says so in the text: a result may be anything that a server sends.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

MAX_MEDIA_BYTES = 5_000_000
"""One image, sound or file; Anthropic takes no larger image, and others little more."""

MAX_MEDIA = 20

MAX_BLOCKS = 1000

PDF = "application/pdf"

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""The images that models see; for any other one a vendor refuses the whole request."""


@dataclass(frozen=True, slots=True)
class Media:
    """An image, a sound or a file. `data` is base64; `uri` is empty when it has none."""

    mime: str
    data: str
    uri: str = ""

    @property
    def kind(self) -> str:
        """Return `image` (one that models can see), `audio`, `pdf` or `binary`."""
        if self.mime == PDF:
            return "pdf"
        if self.mime in IMAGES:
            return "image"
        return "audio" if self.mime.startswith("audio/") else "binary"

    @property
    def placeholder(self) -> str:
        """Return what a model reads in its place: `[binary image/x, 120 kB, uri]`."""
        size = f"{max(len(self.data) * 3 // 4000, 1)} kB"
        said = ", ".join(part for part in (self.mime or "unknown", size, self.uri) if part)
        return f"[{'file' if self.kind == 'pdf' else self.kind} {said}]"


@dataclass(frozen=True, slots=True)
class Content:
    """A tool's result. `parts` are in its order; `structured` is raw JSON, None for none."""

    parts: tuple["str | Media", ...]
    structured: Raw | None = None

    @property
    def texts(self) -> list[str]:
        """Return the texts alone."""
        return [part for part in self.parts if isinstance(part, str)]

    @property
    def media(self) -> list[Media]:
        """Return the media alone."""
        return [part for part in self.parts if isinstance(part, Media)]

    def text(self) -> str:
        """Return everything as one text, with a placeholder for each of the media."""
        return "\n".join(part if isinstance(part, str) else part.placeholder for part in self.parts)


class _Result(msgspec.Struct, rename="camel"):
    """What is looked at in a `CallToolResult`."""

    content: Raw = Raw(b"[]")
    structured_content: Raw = Raw(b"null")


_NULL = Raw(b"null")

_decode_result = msgspec.json.Decoder(_Result).decode
_decode_blocks = msgspec.json.Decoder(list[Any]).decode


def read_content(result: bytes, max_characters: int) -> Content:
    """Return what is in a `CallToolResult` (raw JSON), with as much text as that at most."""
    try:
        found = _decode_result(result)
        blocks = _decode_blocks(found.content)
    except (ValueError, RecursionError):
        return Content(("[the tool's result cannot be read]",))
    reader = _Reader(max_characters)
    for block in blocks[:MAX_BLOCKS]:
        reader.read(block if isinstance(block, dict) else {})
    parts = [*reader.parts]
    if reader.left_out:
        parts.append(_cut_note(max_characters, max_characters + reader.left_out))
    if len(blocks) > MAX_BLOCKS:
        parts.append(f"[mcpgw: {len(blocks) - MAX_BLOCKS:,} more parts left out]")
    structured = None if found.structured_content == _NULL else found.structured_content
    return Content(tuple(parts), structured)


def cut(text: str, max_characters: int) -> str:
    """Return a text, at most that long; if it is cut, it says so at its end."""
    if len(text) <= max_characters:
        return text
    return f"{text[:max_characters]}\n{_cut_note(max_characters, len(text))}"


def _cut_note(shown: int, whole: int) -> str:
    return f"[mcpgw: cut after {shown:,} of {whole:,} characters; ask for less]"


@dataclass(slots=True)
class _Reader:
    """Turns the blocks of one result into parts."""

    characters_left: int
    parts: list[str | Media] = field(default_factory=list)
    left_out: int = 0
    """Characters for which there was no room."""
    _media: int = 0

    def read(self, block: dict[str, Any]) -> None:
        """Take one block."""
        kind = _text(block, "type")
        if kind == "text":
            self.add(_text(block, "text"))
        elif kind in ("image", "audio"):
            self._add_media(Media(_text(block, "mimeType"), _text(block, "data")))
        elif kind == "resource_link":
            name = _text(block, "title") or _text(block, "name")
            self.add(f"{name}: {_text(block, 'uri')}")
        elif kind == "resource" and isinstance(block.get("resource"), dict):
            self._read_resource(block["resource"])
        else:
            self.add(f"[{kind[:40] or 'something'} that cannot be shown]")

    def _read_resource(self, resource: dict[str, Any]) -> None:
        uri = _text(resource, "uri")
        if "text" in resource:
            self.add(f"{uri}\n{_text(resource, 'text')}")
        else:
            self._add_media(Media(_text(resource, "mimeType"), _text(resource, "blob"), uri))

    def add(self, text: str) -> None:
        """Take a text, as far as there is room."""
        shown = text[: self.characters_left]
        if shown or not text:
            self.parts.append(shown)
        self.left_out += len(text) - len(shown)
        self.characters_left -= len(shown)

    def _add_media(self, media: Media) -> None:
        """Take an image, a sound or a file, if it is one that a vendor would take."""
        self._media += 1
        problem = ""
        if len(media.data) * 3 // 4 > MAX_MEDIA_BYTES:
            problem = "too large for a model"
        elif self._media > MAX_MEDIA:
            problem = "too many"
        elif not _is_base64(media.data):
            problem = "its data is damaged"
        if problem:
            self.add(f"{media.placeholder[:-1]}: {problem}, left out]")
        else:
            self.parts.append(media)


def _is_base64(data: str) -> bool:
    try:
        return bool(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return False


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""
