"""Results back: what the application appends to its conversation, in the family that called.

Every call is answered, whatever became of it: a vendor refuses the next turn for one that is not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

import msgspec
from msgspec import Raw

from mcpgw.formats.call import CallSet, FunctionCall
from mcpgw.formats.content import Content, Media, cut, read_content
from mcpgw.formats.family import Family

MAX_CHARACTERS = 100_000
"""Text of one result: what GPT Actions take, and a quarter of what larger models read at all."""

TOOL_ERROR = "tool_error"
"""The code of a call whose tool says itself that it failed; what it says is the answer."""

SILENT = "the tool failed and did not say why"

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taste:
    """How a caller wants results. `prefers_structured` is over text, where a tool returns both."""

    max_characters: int = MAX_CHARACTERS
    prefers_structured: bool = False
    has_image_message: bool = False
    """OpenAI's Chat Completions have no place for images but a message of the user."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a call. `result` is a raw `CallToolResult`, empty when there is none.

    `code` is empty for a call that succeeded, else a stable word; `problem` is a sentence for the
    model in place of a result. `questions` is a raw result that asks for input, empty for none.
    """

    call: FunctionCall
    result: bytes = b""
    code: str = ""
    problem: str = ""
    server: str = ""
    duration_ms: int = 0
    has_output: bool = False
    """Whether the tool describes what it returns."""
    questions: bytes = b""


class _Questions(msgspec.Struct, rename="camel"):
    """What is looked at in a result that asks for input."""

    input_requests: Raw = Raw(b"{}")
    request_state: Raw = Raw(b"null")


def answer(calls: CallSet, done: Sequence[Done], taste: Taste) -> Message:
    """Return the whole answer to one body of calls, in its family's shape and its order."""
    writer = _WRITERS[Family.OPENAI if calls.is_old else calls.family]
    contents = [_content(one, taste) for one in done]
    pairs = list(zip(done, contents, strict=True))
    shown = writer(calls, pairs, taste)
    if calls.family is not Family.MCP:
        shown["results"] = [report(one) for one in done]
    asked = [_asked(one) for one in done if one.questions]
    if asked:
        shown["mcpgw"] = {"input_requests": asked}
    return shown


def report(one: Done) -> Message:
    """Return what is known of one call beside its result."""
    return {
        "id": one.call.id,
        "name": one.call.name,
        "server": one.server,
        "is_error": bool(one.code),
        "code": one.code,
        "duration_ms": one.duration_ms,
    }


def operation_answer(one: Done, taste: Taste, *, has_media: bool) -> Any:
    """Return the answer to one tool as an HTTP operation: JSON for programs and for GPT Actions."""
    content = _content(one, taste)
    if one.code:
        return {"error": content.text(), "code": one.code}
    if one.has_output and _has_room(content.structured, taste):
        return content.structured
    shown: Message = {"content": content.text()}
    if has_media:
        shown["media"] = [_attachment(media) for media in content.media]
    return shown


def _content(one: Done, taste: Taste) -> Content:
    """Return what a model gets to see: what the tool said, else what it returned as JSON."""
    if not one.result:
        return Content((one.problem,))
    found = read_content(one.result, taste.max_characters)
    structured = found.structured
    if structured is not None and (taste.prefers_structured or not any(found.texts)):
        text = cut(bytes(structured).decode(), taste.max_characters)
        return replace(found, parts=(text, *found.media))
    if one.code and not found.text():
        return replace(found, parts=(SILENT, *found.media))
    return found


def _has_room(structured: Raw | None, taste: Taste) -> TypeGuard[Raw]:
    """Say whether a value is there that can be given as it is."""
    return structured is not None and len(structured) <= taste.max_characters


def _error_text(one: Done, content: Content) -> str:
    """Return why a call failed; a code of ours stands before what is ours to say."""
    return content.text() if one.code == TOOL_ERROR else f"{one.code}: {content.text()}"


Pairs = Sequence[tuple[Done, Content]]


def _openai(calls: CallSet, pairs: Pairs, taste: Taste) -> Message:
    messages: list[Message] = []
    attachments: list[Message] = []
    for one, content in pairs:
        text = _error_json(one, content) if one.code else content.text()
        if calls.is_old:
            messages.append({"role": "function", "name": one.call.name, "content": text})
        else:
            messages.append({"role": "tool", "tool_call_id": one.call.id, "content": text})
        attachments += [
            {"tool_call_id": one.call.id, **_attachment(media)} for media in content.media
        ]
    if taste.has_image_message:
        messages += _image_message(pairs)
    return {"messages": messages, "attachments": attachments}


def _image_message(pairs: Pairs) -> list[Message]:
    """Return the message that shows a model the images that its tools returned; none for none."""
    parts: list[Message] = []
    for one, content in pairs:
        images = [media for media in content.media if media.kind == "image"]
        if images:
            parts.append({"type": "text", "text": f"What {one.call.name} returned:"})
        parts += [{"type": "image_url", "image_url": {"url": _url(image)}} for image in images]
    return [{"role": "user", "content": parts}] if parts else []


def _responses(calls: CallSet, pairs: Pairs, taste: Taste) -> Message:
    items = []
    for one, content in pairs:
        kind = "custom_tool_call_output" if one.call.is_custom else "function_call_output"
        items.append({"type": kind, "call_id": one.call.id, "output": _output(one, content, taste)})
    return {"items": items}


def _output(one: Done, content: Content, taste: Taste) -> str | list[Message]:
    if one.code:
        return _error_json(one, content)
    if one.has_output and _has_room(content.structured, taste):
        # A tool that was announced with what it returns must return that, and nothing else.
        return bytes(content.structured).decode()
    if all(media.kind not in ("image", "pdf") for media in content.media):
        return content.text()
    return [
        _input_media(part) if isinstance(part, Media) else {"type": "input_text", "text": part}
        for part in content.parts
    ]


def _input_media(media: Media) -> Message:
    if media.kind == "image":
        return {"type": "input_image", "image_url": _url(media), "detail": "auto"}
    if media.kind == "pdf":
        name = media.uri.rpartition("/")[2] or "file.pdf"
        return {"type": "input_file", "filename": name, "file_data": _url(media)}
    return {"type": "input_text", "text": media.placeholder}


def _anthropic(calls: CallSet, pairs: Pairs, taste: Taste) -> Message:
    blocks = [
        {
            "type": "tool_result",
            "tool_use_id": one.call.id,
            "is_error": bool(one.code),
            "content": _blocks(one, content),
        }
        for one, content in pairs
    ]
    return {"message": {"role": "user", "content": blocks}}


def _blocks(one: Done, content: Content) -> list[Message]:
    if one.code and one.code != TOOL_ERROR:
        return [_text_block(_error_text(one, content))]
    return [
        _media_block(part) if isinstance(part, Media) else _text_block(part)
        for part in content.parts
        if part  # an empty text is refused
    ]


def _text_block(text: str) -> Message:
    return {"type": "text", "text": text}


def _media_block(media: Media) -> Message:
    if media.kind in ("image", "pdf"):
        source = {"type": "base64", "media_type": media.mime, "data": media.data}
        return {"type": "document" if media.kind == "pdf" else "image", "source": source}
    return _text_block(media.placeholder)


def _gemini(calls: CallSet, pairs: Pairs, taste: Taste) -> Message:
    return {"content": {"role": "user", "parts": [_part(*pair, taste) for pair in pairs]}}


def _part(one: Done, content: Content, taste: Taste) -> Message:
    response: Message = {"name": one.call.name}
    if one.call.id:
        response["id"] = one.call.id
    if one.code:
        return {"functionResponse": {**response, "response": {"error": _error_text(one, content)}}}
    is_shown = _has_room(content.structured, taste)
    response["response"] = {"output": content.structured if is_shown else content.text()}
    shown = [media for media in content.media if media.kind != "binary"]
    if shown:
        response["parts"] = [
            {"inlineData": {"mimeType": media.mime, "data": media.data}} for media in shown
        ]
    return {"functionResponse": response}


def _plain(calls: CallSet, pairs: Pairs, taste: Taste) -> Message:
    results = []
    for one, content in pairs:
        shown = report(one)
        if one.result:
            shown["result"] = Raw(one.result)
        if one.code:
            shown["error"] = content.text()
        results.append(shown)
    return {"results": results}


_WRITERS: Mapping[Family, Callable[[CallSet, Pairs, Taste], Message]] = {
    Family.OPENAI: _openai,
    Family.RESPONSES: _responses,
    Family.ANTHROPIC: _anthropic,
    Family.GEMINI: _gemini,
    Family.MCP: _plain,
}


def _error_json(one: Done, content: Content) -> str:
    """Return a failure as JSON: OpenAI has no flag for it."""
    said: Message = {"error": content.text()}
    if one.code != TOOL_ERROR:
        said["code"] = one.code
    return msgspec.json.encode(said).decode()


def _attachment(media: Media) -> Message:
    shown = {"mime_type": media.mime, "data": media.data}
    return {**shown, "uri": media.uri} if media.uri else shown


def _url(media: Media) -> str:
    return f"data:{media.mime};base64,{media.data}"


def _asked(one: Done) -> Message:
    """Return what a server asks for, and what takes the call up again."""
    found = msgspec.json.decode(one.questions, type=_Questions)
    return {
        "id": one.call.id,
        "name": one.call.name,
        "inputRequests": found.input_requests,
        "requestState": found.request_state,
    }
