"""Calls in: the tool calls that a model made, in whichever shape its application has them.

Takes an assistant's message or what stands around or within it, of any vendor, or this gateway's
plain form. A body of several vendors' shapes at once is refused: nobody could read the answer.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import Raw

from mcpgw.errors import InvalidInput
from mcpgw.formats.family import Family

MAX_CALLS = 128
"""Calls in one body; models make a dozen at most."""

MAX_WRAPPINGS = 4
"""A whole answer, its choice, its message, its list."""

SHAPES = (
    "send the assistant's message, its tool_calls, Responses items, Anthropic content, "
    'Gemini parts, or {"calls": [{"id", "name", "arguments"}]}'
)

_ABSENT = Raw(b"null")


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """One call. `id` is empty when the model gave none; `arguments` are what it wrote, unchecked.

    `is_custom` marks a call of another kind, which this gateway announces none of.
    """

    id: str
    name: str
    arguments: bytes
    is_custom: bool = False
    resumption: Mapping[str, Raw] = field(default_factory=dict)
    """What takes up a call that asked for input: parameters of MCP."""


@dataclass(frozen=True, slots=True)
class CallSet:
    """The calls of one body. `is_old` marks OpenAI's older form: one call, without an id."""

    family: Family
    calls: tuple[FunctionCall, ...]
    is_old: bool = False


class NoCalls(InvalidInput):
    """The body has no shape in which calls come."""


Members = dict[str, Raw]
Found = tuple[Family, FunctionCall]

_decode_object = msgspec.json.Decoder(Members).decode
_decode_list = msgspec.json.Decoder(list[Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode


def read_calls(body: bytes, wanted: Family | None = None) -> CallSet:
    """Return the calls in a body; `wanted` is the family that it must be of.

    Raises:
        NoCalls: it is not JSON, or has no shape that calls come in.
        InvalidInput: it has several shapes, too many calls, one id twice, or not the one wanted.
    """
    reader = _Reader()
    try:
        reader.read(Raw(body.strip()), MAX_WRAPPINGS)
    except (ValueError, RecursionError):
        raise NoCalls("the body is not JSON, or nothing that holds calls", SHAPES) from None
    families = {family for family, _ in reader.found} or reader.empty
    if not families:
        raise NoCalls("the body holds no calls in any shape that is known", SHAPES)
    if len(families) > 1:
        named = ", ".join(sorted(families))
        raise InvalidInput(f"the body mixes the shapes of {named}", "send one of them at a time")
    family = families.pop()
    if wanted not in (None, family):
        raise InvalidInput(
            f"the body has the shape of {family}, and format says {wanted}",
            "leave format out, or send what it says",
        )
    calls = tuple(reader.resumed(call) for _, call in reader.found)
    _check(calls)
    return CallSet(family, calls, reader.is_old)


def _check(calls: tuple[FunctionCall, ...]) -> None:
    if len(calls) > MAX_CALLS:
        raise InvalidInput(
            f"the body holds {len(calls)} calls, and {MAX_CALLS} are the most; none was run",
            "send them in parts",
        )
    times = Counter(call.id for call in calls if call.id)
    twice = [call_id[:80] for call_id, count in times.items() if count > 1]
    if twice:
        raise InvalidInput(
            f"the call id {twice[0]!r} stands twice; no call was run",
            "give every call an id of its own",
        )


class _Reader:
    """Finds the calls in one body."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.empty: set[Family] = set()
        """The families whose lists were there, with or without calls in them."""
        self.is_old = False
        self._resumptions: Mapping[str, Members] = {}

    def read(self, body: Raw, wrappings_left: int) -> None:
        """Find the calls in what may be a list, or an object around or within one.

        Raises:
            ValueError: a part is of no kind that can hold calls.
        """
        if _is(body, b"["):
            self._items(body, None)
            return
        members = _decode_object(body)
        if "jsonrpc" in members:
            return
        if "mcpgw" in members:
            self._resumptions = _resumptions(members["mcpgw"])
        for name, family in _LISTS.items():
            if _is(members.get(name, _ABSENT), b"["):
                self._items(members[name], family)
        for name in _WRAPPERS:
            inner = members.get(name, _ABSENT)
            if name in _CHOICES and _is(inner, b"["):
                inner = next(iter(_decode_list(inner)), _ABSENT)
            if _is(inner, b"{") and wrappings_left:
                self.read(inner, wrappings_left - 1)
        self.found += _item(members, None) or self._single(members)

    def resumed(self, call: FunctionCall) -> FunctionCall:
        """Return a call with what takes it up again, if the body brings that."""
        more = self._resumptions.get(call.id, {})
        if not more:
            return call
        return FunctionCall(call.id, call.name, call.arguments, call.is_custom, more)

    def _items(self, listed: Raw, family: Family | None) -> None:
        """Read a list; items of other kinds, such as text, are passed over."""
        if family is not None:
            self.empty.add(family)
        for one in _decode_list(listed):
            if _is(one, b"{"):
                self.found += _item(_decode_object(one), family or Family.MCP)

    def _single(self, members: Members) -> list[Found]:
        """Read one call that stands alone: OpenAI's older form, without an id, or the plain one."""
        call = _object(members.get("function_call", _ABSENT)) or members
        if "name" not in call or "arguments" not in call:
            return []
        if "id" in call:
            return [(Family.MCP, _call(call, call["id"], "arguments"))]
        self.is_old = True
        return [(Family.OPENAI, _call(call, _ABSENT, "arguments"))]


def _item(members: Members, around: Family | None) -> list[Found]:
    """Read one object as a call; nothing when it is none.

    `around` is the family of the list that it stands in, None when it stands alone.
    """
    kind = _text(members.get("type", _ABSENT))
    if kind in ("function_call", "custom_tool_call"):
        call = _call(members, members.get("call_id", _ABSENT), "arguments")
        return [(Family.RESPONSES, _custom(call) if kind != "function_call" else call)]
    if kind == "tool_use":
        return [(Family.ANTHROPIC, _call(members, members.get("id", _ABSENT), "input"))]
    for name in ("functionCall", "function_call"):
        inner = _object(members.get(name, _ABSENT))
        if inner and (name == "functionCall" or "arguments" not in inner):
            return [(Family.GEMINI, _call(inner, inner.get("id", _ABSENT), "args"))]
    if "function" in members or kind == "custom":
        inner = _object(members.get("function", members.get("custom", _ABSENT)))
        call = _call(inner, members.get("id", _ABSENT), "arguments")
        return [(Family.OPENAI, _custom(call) if kind == "custom" else call)]
    if "name" not in members or kind is not None:
        return []
    if "args" in members:
        return [(Family.GEMINI, _call(members, members.get("id", _ABSENT), "args"))]
    if around is Family.MCP:
        return [(Family.MCP, _call(members, members.get("id", _ABSENT), "arguments"))]
    return []


_LISTS = {
    "tool_calls": Family.OPENAI,
    "output": Family.RESPONSES,
    "content": Family.ANTHROPIC,
    "parts": Family.GEMINI,
    "calls": Family.MCP,
}
"""The members that hold lists of calls, beside other things."""

_CHOICES = ("choices", "candidates")
_WRAPPERS = (*_CHOICES, "message", "content")
"""The members that hold another object with calls in it; of choices the first one counts."""


def _call(members: Members, call_id: Raw, arguments: str) -> FunctionCall:
    """Return a call from the members that describe it.

    Raises:
        InvalidInput: its id is no text, so that it could not be answered.
    """
    known = _text(call_id)
    if known is None and call_id != _ABSENT:
        raise InvalidInput("a call id is no text; no call was run", "give ids as the model did")
    written = members.get(arguments, _ABSENT)
    text = _text(written)
    given = bytes(written) if text is None else text.encode("utf-8", "surrogatepass")
    name = _text(members.get("name", _ABSENT)) or ""
    return FunctionCall(known or "", name, b"" if written == _ABSENT else given)


def _custom(call: FunctionCall) -> FunctionCall:
    return FunctionCall(call.id, call.name, call.arguments, is_custom=True)


def _resumptions(written: Raw) -> Mapping[str, Members]:
    """Return what takes calls up again, by call id.

    Raises:
        ValueError: it is written in another way.
    """
    resume = _decode_object(written).get("resume", Raw(b"{}"))
    found: dict[str, Members] = {}
    for call_id, one in _decode_object(resume).items():
        members = _decode_object(one)
        found[call_id] = {name: members[name] for name in _RESUMING if name in members}
    return found


_RESUMING = ("inputResponses", "requestState")


def _is(raw: Raw, opening: bytes) -> bool:
    return bytes(raw)[:1] == opening


def _object(raw: Raw) -> Members:
    return _decode_object(raw) if _is(raw, b"{") else {}


def _text(raw: Raw) -> str | None:
    """Return the value of a JSON string, None when it is not one."""
    return _decode_text(raw) if _is(raw, b'"') else None
