"""Secrets taken out of what a server says: its own, in the spellings in which they come back. Pure.

Only the insides of strings are changed, so JSON stays JSON. What a server turns around, splits or
encrypts is not found.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

LEAST_BYTES = 8
"""Shorter values stand in too much that is no secret."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)

_ESCAPE = rb"\\."
"""Taken as one, so that nothing is cut in two: the `n` of a line break begins no secret."""


def redact(raw: bytes, secrets: Mapping[str, str]) -> tuple[bytes, int]:
    """Return JSON without the values of these secrets, by name, and how many stood in it."""
    names = {spelled: name for name, value in secrets.items() for spelled in _spellings(value)}
    if not any(spelled in raw for spelled in names):
        return raw, 0
    # The longest first: a value may begin with another.
    longest = sorted(names, key=len, reverse=True)
    wanted = re.compile(b"(" + b"|".join(map(re.escape, longest)) + b")|" + _ESCAPE, re.DOTALL)
    count = 0

    def replace(found: re.Match[bytes]) -> bytes:
        nonlocal count
        spelled: bytes | None = found[1]
        if spelled is None:
            return found[0]
        count += 1
        return f"[redacted:{names[spelled]}]".encode()

    redacted = _STRING.sub(lambda string: wanted.sub(replace, string[0]), raw)
    return redacted, count


def _spellings(value: str) -> Iterator[bytes]:
    """Return how a value can stand inside of a string of JSON; nothing for one that is short."""
    whole = _bytes(value)
    if len(whole) < LEAST_BYTES:
        return
    for text in dict.fromkeys((value, value.strip())):
        if len(_bytes(text)) >= LEAST_BYTES:
            once = _escaped((text,))
            # The second time is for JSON in a string of JSON, as tools like to answer.
            yield from map(_bytes, dict.fromkeys((*once, *_escaped(once))))
    yield from _encoded(whole)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _escaped(texts: Iterable[str]) -> list[str]:
    """Return texts as JSON escapes them, with and without what is beyond ASCII, and `/`."""
    made = [json.dumps(text, ensure_ascii=plain)[1:-1] for text in texts for plain in (True, False)]
    return list(dict.fromkeys([*made, *(one.replace("/", "\\/") for one in made)]))


def _encoded(plain: bytes) -> Iterator[bytes]:
    """Return bytes in the usual encodings, of which none needs an escape in JSON."""
    yield from (plain.hex().encode(), plain.hex().upper().encode())
    yield from (quote(plain, safe=safe).encode() for safe in ("", "/"))
    for before in range(3):
        # Of what stands around a value in base64, the first and last characters know as well.
        whole = base64.b64encode(bytes(before) + plain).rstrip(b"=")
        cut = whole[(0, 2, 3)[before] : len(whole) - bool((before + len(plain)) % 3)]
        yield from (cut, cut.replace(b"+", b"-").replace(b"/", b"_"), cut.replace(b"/", b"\\/"))
