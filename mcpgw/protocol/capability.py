"""What a client can be asked for by a server: elicitation, sampling, roots.

Both eras declare it alike: legacy clients once, at `initialize`; modern ones in the `_meta` of
every request. Never looks at what a server can do.
Source: MCP 2025-11-25 and 2026-07-28, schema, ClientCapabilities.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.era import META
from mcpgw.protocol.exchange import Question
from mcpgw.protocol.jsonrpc import is_object, read_object, text, write_object

TASKS = META + "tasks"
"""The extension by which a modern server may answer a call with a task."""

_KINDS: Mapping[str, tuple[str, ...]] = {
    "elicitation": ("form", "url"),
    "roots": (),
    "sampling": ("context", "tools"),
}
"""What servers ask for and the kinds of it, in the order of the canonical form."""

EVERYTHING = b'{"elicitation":{"form":{},"url":{}},"roots":{},"sampling":{"context":{},"tools":{}}}'
"""All that any client can be asked for, in the canonical form."""

_NOTHING = b"{}"
_ABSENT = Raw(b"null")
_NEVER = ("experimental", "")
"""What a question needs that no client can be asked."""

_encode = msgspec.json.Encoder(order="sorted").encode
_offer_decoder = msgspec.json.Decoder(dict[str, dict[str, Raw]])


class _Params(msgspec.Struct, rename="camel"):
    """What is looked at in a question's parameters."""

    mode: Raw = Raw(b'"form"')
    tools: Raw = _ABSENT
    tool_choice: Raw = _ABSENT


_params_decoder = msgspec.json.Decoder(_Params)


def askable(capabilities: bytes | Raw) -> bytes:
    """Return what a client with these capabilities can be asked for, as canonical JSON.

    Alike for alike clients, whatever else they declare; `{}` for nothing, or for what makes no
    sense.
    """
    if bytes(capabilities) == _NOTHING:
        return _NOTHING
    try:
        declared = read_object(capabilities)
    except ProtocolError:
        return _NOTHING
    found: dict[str, dict[str, dict[str, object]]] = {}
    for name, kinds in _KINDS.items():
        if not is_object(declared.get(name, _ABSENT)):
            continue
        members = read_object(declared[name])
        found[name] = {kind: {} for kind in kinds if is_object(members.get(kind, _ABSENT))}
        if name == "elicitation" and not found[name]:
            found[name] = {"form": {}}  # as it was declared before there were two kinds
    return _encode(found)


def missing(questions: Iterable[Question], askable: bytes) -> bytes | None:
    """Return the capabilities that these questions need beyond `askable`, None for none.

    A method that no client knows yields an object that names nothing useful.
    """
    offered = _offer_decoder.decode(askable)
    lacking: dict[str, dict[str, dict[str, object]]] = {}
    for question in questions:
        name, kind = _needed_by(question)
        if name not in offered or (kind and kind not in offered[name]):
            kinds = lacking.setdefault(name, {})
            if kind:
                kinds[kind] = {}
    return _encode(lacking) if lacking else None


def for_upstream(client: bytes | Raw, askable: bytes, with_tasks: bool) -> bytes:
    """Return the capabilities to declare to a modern server on behalf of a client.

    They are the client's own, verbatim, but that it can be asked for exactly what `askable` says,
    and that tasks are the gateway's affair: it waits for them, or declares that it cannot.
    """
    declared = bytes(client)
    if declared == askable and not with_tasks:
        return declared
    try:
        members = read_object(declared)
    except ProtocolError:
        declared, members = _NOTHING, {}
    offered = read_object(askable)
    wanted = {
        name: value for name, value in members.items() if name not in _KINDS or name in offered
    }
    wanted.update(offered)
    extensions = _extensions(wanted.get("extensions"), with_tasks)
    if extensions is not None:
        wanted["extensions"] = extensions
    return declared if wanted == members else write_object(wanted)


def _needed_by(question: Question) -> tuple[str, str]:
    """Return the capability that a question needs, and its kind where it has kinds."""
    if question.method == "roots/list":
        return "roots", ""
    try:
        params = _params_decoder.decode(question.params)
    except (ValueError, RecursionError):
        return _NEVER
    if question.method == "sampling/createMessage":
        with_tools = params.tools != _ABSENT or params.tool_choice != _ABSENT
        return "sampling", "tools" if with_tools else ""
    mode = text(params.mode)
    if question.method == "elicitation/create" and mode in _KINDS["elicitation"]:
        return "elicitation", mode
    return _NEVER


def _extensions(declared: Raw | None, with_tasks: bool) -> Raw | None:
    """Return the extensions with tasks or without; None when there is nothing to change."""
    extensions = read_object(declared) if declared is not None and is_object(declared) else {}
    if with_tasks is (TASKS in extensions):
        return None
    if with_tasks:
        extensions[TASKS] = Raw(_NOTHING)
    else:
        del extensions[TASKS]
    return Raw(write_object(extensions))
