"""Results that ask for input: a modern server puts its questions into the result of a call.

The client answers by sending the same call again, with the answers and with the server's state,
which nobody but the server reads. Also turns single questions from one era into the other.
Source: MCP 2026-07-28, basic/utilities, Multi Round-Trip Requests; the revisions' schemas.
"""

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.era import META_SERVER_INFO, is_older
from mcpgw.protocol.exchange import Question
from mcpgw.protocol.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    URL_ELICITATION_REQUIRED,
    is_object,
    read_object,
    text,
    write_object,
)

MAX_QUESTIONS = 100
"""Questions in one result; a person would not answer as many."""

INPUT_REQUIRED = b'"input_required"'
"""The result type, as raw JSON. Spelled with escapes it is no type that we know."""

_ABSENT = Raw(b"null")
_EMPTY = Raw(b"{}")
_URL_MODE = Raw(b'"url"')

_ELICITATION_SINCE = "2025-06-18"
_MODES_SINCE = "2025-11-25"
"""The revision that gave elicitation its modes, titled choices and multiple choice."""
_SAMPLING_TOOLS_SINCE = "2025-11-25"

_items_decoder = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.Encoder().encode


class InputRequired(msgspec.Struct, frozen=True):
    """What a server asks before it goes on. `state` is a raw JSON string, to be sent back as is."""

    questions: dict[str, Question]
    state: Raw | None


class _Request(msgspec.Struct):
    """A question as it travels."""

    method: str
    params: Raw = _ABSENT


class _Choice(msgspec.Struct):
    """One choice of a titled enumeration."""

    const: Raw
    title: Raw


class _UrlElicitations(msgspec.Struct):
    """The data of the legacy error for a call that needs the person elsewhere first."""

    elicitations: list[dict[str, Raw]]


class _Error(msgspec.Struct):
    """What is looked at in an error object."""

    code: int
    data: Raw = _ABSENT


_requests_decoder = msgspec.json.Decoder(dict[str, _Request])
_choices_decoder = msgspec.json.Decoder(list[_Choice])
_error_decoder = msgspec.json.Decoder(_Error)
_url_elicitations_decoder = msgspec.json.Decoder(_UrlElicitations)


def read_input_required(result: Raw) -> InputRequired | None:
    """Return what a result asks for, None for a result of another type.

    Raises:
        ProtocolError: -32603, the questions or the state are malformed.
    """
    if INPUT_REQUIRED not in bytes(result):
        return None
    try:
        members = read_object(result)
    except ProtocolError:
        raise _malformed() from None
    if bytes(members.get("resultType", _ABSENT)) != INPUT_REQUIRED:
        return None
    state = _present(members, "requestState")
    asked = _present(members, "inputRequests")
    if (state is None and asked is None) or (state is not None and text(state) is None):
        raise _malformed()
    return InputRequired({} if asked is None else read_questions(asked), state)


def read_questions(requests: Raw) -> dict[str, Question]:
    """Return the questions of an `inputRequests`, by their keys.

    Raises:
        ProtocolError: -32603, they are malformed, or too many.
    """
    try:
        found = _requests_decoder.decode(requests)
    except (ValueError, RecursionError):
        raise _malformed() from None
    if len(found) > MAX_QUESTIONS:
        raise ProtocolError("the server asks too many questions at once", INTERNAL_ERROR)
    questions = {}
    for key, one in found.items():
        params = _EMPTY if one.params == _ABSENT else one.params
        if not is_object(params):
            raise _malformed()
        questions[key] = Question(one.method, params)
    return questions


def input_required_result(
    questions: Mapping[str, Question], state: str | None, server_info: bytes
) -> bytes:
    """Return the result that puts questions to a modern client; None when there is no state."""
    requests = {
        key: {"method": question.method, "params": question.params}
        for key, question in questions.items()
    }
    members: dict[str, object] = {
        "resultType": Raw(INPUT_REQUIRED),
        "inputRequests": requests,
        "_meta": {META_SERVER_INFO: Raw(server_info)},
    }
    if state is not None:
        members["requestState"] = state
    return _encode(members)


def with_responses(
    params: Mapping[str, Raw], responses: Mapping[str, bytes], state: Raw | None
) -> dict[str, Raw]:
    """Return the parameters to send a call again with: the same, and this round's answers."""
    again = {
        name: value
        for name, value in params.items()
        if name not in ("inputResponses", "requestState")
    }
    if responses:
        again["inputResponses"] = Raw(write_object(responses))
    if state is not None:
        again["requestState"] = state
    return again


def read_responses(params: Mapping[str, Raw]) -> tuple[dict[str, Raw], str | None]:
    """Return the answers and the state with which a client sends a call again; often neither.

    Raises:
        ProtocolError: -32602, the answers are no objects or the state is not a string.
    """
    answers, raw_state = params.get("inputResponses"), params.get("requestState")
    state = None if raw_state is None else text(raw_state)
    if raw_state is not None and state is None:
        raise ProtocolError("requestState must be a string", INVALID_PARAMS)
    if answers is None:
        return {}, state
    responses = read_object(answers) if is_object(answers) else None
    if responses is None or not all(map(is_object, responses.values())):
        raise ProtocolError("inputResponses must be an object of objects", INVALID_PARAMS)
    return responses, state


def to_legacy(question: Question, version: str, new_id: Callable[[], str]) -> Question | None:
    """Return a question as a legacy client of that revision takes it, None when it cannot."""
    if question.method == "roots/list":
        return question
    params = read_object(question.params)
    if question.method == "sampling/createMessage":
        with_tools = any(_present(params, name) is not None for name in ("tools", "toolChoice"))
        return None if with_tools and is_older(version, _SAMPLING_TOOLS_SINCE) else question
    if question.method != "elicitation/create" or is_older(version, _ELICITATION_SINCE):
        return None
    mode = text(params.get("mode", b'"form"'))
    if is_older(version, _MODES_SINCE):
        return _plain_form(question, params) if mode == "form" else None
    if mode == "url" and "elicitationId" not in params:
        params["elicitationId"] = Raw(_encode(new_id()))
        return Question(question.method, Raw(write_object(params)))
    return question if mode in ("form", "url") else None


def to_modern(question: Question) -> Question:
    """Return a legacy server's question as modern clients know it."""
    if question.method != "elicitation/create":
        return question
    params = read_object(question.params)
    if params.pop("elicitationId", None) is None:
        return question
    return Question(question.method, Raw(write_object(params)))


def url_questions(error: bytes | Raw) -> dict[str, Question] | None:
    """Return the pages that the error -32042 sends a person to, as questions; else None."""
    try:
        found = _error_decoder.decode(error)
        if found.code != URL_ELICITATION_REQUIRED:
            return None
        entries = _url_elicitations_decoder.decode(found.data).elicitations
    except (ValueError, RecursionError):
        return None
    questions = {}
    for position, entry in enumerate(entries, start=1):
        if text(entry.get("url", _ABSENT)) is None or text(entry.get("message", _ABSENT)) is None:
            return None
        entry["mode"] = _URL_MODE
        params = Raw(write_object(entry))
        questions[f"url-{position}"] = to_modern(Question("elicitation/create", params))
    return questions if 0 < len(questions) <= MAX_QUESTIONS else None


def naming(question: Question, server: str) -> Question:
    """Return the question so that the person who reads it sees which server asks."""
    if question.method != "elicitation/create":
        return question
    params = read_object(question.params)
    message = params.get("message")
    if message is None or text(message) is None:
        return question
    # In front of the closed text: what the server wrote keeps its spelling.
    params["message"] = Raw(_encode(f"[{server}] ")[:-1] + bytes(message)[1:])
    return Question(question.method, Raw(write_object(params)))


def _present(members: Mapping[str, Raw], name: str) -> Raw | None:
    """Return a member; one that is null counts as absent."""
    value = members.get(name, _ABSENT)
    return None if value == _ABSENT else value


def _malformed() -> ProtocolError:
    return ProtocolError("the server asks for input in a malformed way", INTERNAL_ERROR)


def _plain_form(question: Question, params: dict[str, Raw]) -> Question | None:
    """Return a form in the terms of the first revision that had any; None when it has none."""
    params.pop("mode", None)
    try:
        schema = read_object(params.get("requestedSchema", _ABSENT))
        properties = read_object(schema.get("properties", _ABSENT))
        plain = {name: _plain_property(found) for name, found in properties.items()}
    except (ProtocolError, ValueError):
        return None
    schema["properties"] = Raw(write_object(plain))
    params["requestedSchema"] = Raw(write_object(schema))
    return Question(question.method, Raw(write_object(params)))


def _plain_property(schema: Raw) -> Raw:
    """Return a form's field with its titled choices as `enum` and `enumNames`.

    Raises:
        ProtocolError: it is no object, or lets the person choose several.
        ValueError: the choices are malformed.
    """
    members = read_object(schema)
    if text(members.get("type", _ABSENT)) == "array":
        raise ProtocolError("several choices at once cannot be shown", INVALID_PARAMS)
    choices = members.pop("oneOf", None)
    if choices is None:
        return schema
    found = _choices_decoder.decode(choices)
    members["enum"] = Raw(_encode([choice.const for choice in found]))
    members["enumNames"] = Raw(_encode([choice.title for choice in found]))
    return Raw(write_object(members))
