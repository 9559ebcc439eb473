"""Reads the query and the body of a request into structs, and says what does not fit.

Never quotes what was sent: a token or secret in the wrong place would come back in the answer.
"""

import re
import typing
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from mcpgw.errors import InvalidInput
from mcpgw.web.body import read_body

_UNKNOWN = "Object contains unknown field"
_SHOWN = re.compile(r"`([A-Za-z_]{1,32})`")
"""The name of an unknown field that can be shown: a token does not look so."""

_ENUM = "Invalid enum value"
"""What msgspec says before it quotes; other words of it hold names of types and fields alone."""

_PLACE = re.compile(r" - at `[^`]*`$")

S = TypeVar("S", bound=Struct)


def read_query(request: web.BaseRequest, kind: type[S]) -> S:
    """Return the query as a struct of that kind.

    Raises:
        InvalidInput: it does not fit, or says something twice.
    """
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    given: dict[str, Any] = {}
    for name in request.query:
        values = request.query.getall(name)
        if _is_list(fields.get(name)):
            given[name] = values
        elif len(values) > 1:
            raise InvalidInput("the query says something twice", "give each parameter once")
        else:
            given[name] = values[0]
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _misfit("query", error, tuple(fields)) from None


async def read_struct(request: web.BaseRequest, kind: type[S], max_body_bytes: int) -> S:
    """Return the body as a struct of that kind.

    Raises:
        InvalidInput: it is no JSON, or does not fit.
    """
    body = await read_body(request, max_body_bytes)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        names = tuple(field.encode_name for field in msgspec.structs.fields(kind))
        raise _misfit("body", error, names) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidInput("the body is no JSON", "see /api/v1/openapi.json") from None


def refuse_body(request: web.BaseRequest) -> None:
    """Refuse a body where none is taken.

    Raises:
        InvalidInput: there is one.
    """
    if request.body_exists:
        raise InvalidInput("this request takes no body", "see /api/v1/openapi.json")


def _is_list(kind: Any) -> bool:
    return typing.get_origin(kind) is tuple


def _misfit(where: str, error: Exception, names: tuple[str, ...]) -> InvalidInput:
    """Return what does not fit, by the names of fields and types alone."""
    text = str(error)
    if text.startswith(_UNKNOWN):
        field = _SHOWN.search(text)
        name = f" {field[1]}" if field else ""
        takes = ", ".join(names) or "nothing"
        return InvalidInput(f"the {where} has an unknown field{name}", f"it takes: {takes}")
    place = _PLACE.search(text)
    if text.startswith(_ENUM):
        text = _ENUM + (place[0] if place else "")
    return InvalidInput(f"the {where} does not fit: {text}", "see /api/v1/openapi.json")
