"""Stands in for the HTTP APIs of the three vendors: a model that asks for two tools at once.

As strict as the vendors about what they are strict about: every call must be answered, once, in the
place where its API wants the answer. What breaks a rule is refused with 400, as there.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Body = dict[str, Any]

WANTED: Sequence[tuple[str, str, Mapping[str, Any]]] = (
    ("call_a", "everything__get-sum", {"a": 2, "b": 3}),
    ("call_b", "everything__echo", {"message": "hello"}),
)
"""What the model asks for: the call's id, the tool and its arguments."""


class BrokenRule(Exception):
    """The request is one that the vendor would refuse."""


def demand(is_kept: bool, rule: str) -> None:
    if not is_kept:
        raise BrokenRule(rule)


@dataclass
class StandIn:
    """The three APIs. `seen` keeps the requests; `broken` the rules that they broke."""

    url: str = ""
    seen: list[Body] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def route(self, answer: Callable[[Body], Body]) -> Callable[..., Any]:
        async def handle(request: web.Request) -> web.Response:
            body = await request.json()
            self.seen.append(body)
            try:
                return web.json_response(answer(body))
            except BrokenRule as error:
                self.broken.append(str(error))
                return web.json_response({"error": {"message": str(error)}}, status=400)

        return handle


def check_names(names: Sequence[str]) -> None:
    demand(len(set(names)) == len(names), "a tool's name stands twice")
    for _, name, _ in WANTED:
        demand(name in names, f"no tool {name}")


def check_answers(answered: Sequence[str]) -> None:
    demand(sorted(answered) == [call_id for call_id, *_ in WANTED], f"answered were {answered}")


def chat(body: Body) -> Body:
    """POST /chat/completions."""
    for tool in body["tools"]:
        demand(tool["type"] == "function" and "strict" in tool["function"], "a malformed tool")
        demand(tool["function"]["parameters"]["type"] == "object", "parameters of another type")
    check_names([tool["function"]["name"] for tool in body["tools"]])
    answered = {
        one["tool_call_id"]: one["content"] for one in body["messages"] if one["role"] == "tool"
    }
    message: Body = {"role": "assistant", "content": None}
    if not answered:
        message["tool_calls"] = [
            {
                "id": call_id,
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for call_id, name, arguments in WANTED
        ]
    else:
        roles = [one["role"] for one in body["messages"]]
        demand(roles == ["user", "assistant", "tool", "tool"], f"the roles are {roles}")
        check_answers([*answered])
        message["content"] = " | ".join(answered[call_id] for call_id, *_ in WANTED)
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }


def responses(body: Body) -> Body:
    """POST /responses."""
    for tool in body["tools"]:
        demand(tool["type"] == "function" and isinstance(tool["strict"], bool), "a malformed tool")
    check_names([tool["name"] for tool in body["tools"]])
    answered = {
        one["call_id"]: one["output"]
        for one in body["input"]
        if one.get("type") == "function_call_output"
    }
    if not answered:
        output: list[Body] = [
            {
                "type": "function_call",
                "id": f"fc_{call_id}",
                "call_id": call_id,
                "name": name,
                "arguments": json.dumps(arguments),
                "status": "completed",
            }
            for call_id, name, arguments in WANTED
        ]
        output.insert(0, {"type": "reasoning", "id": "rs_1", "summary": []})
    else:
        check_answers([*answered])
        text = " | ".join(answered[call_id] for call_id, *_ in WANTED)
        part = {"type": "output_text", "text": text, "annotations": []}
        output = [
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [part],
            }
        ]
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": 1,
        "top_p": 1,
    }


def messages(body: Body) -> Body:
    """POST /v1/messages."""
    for tool in body["tools"]:
        demand(tool["input_schema"]["type"] == "object", "an input_schema of another type")
        for keyword in ("anyOf", "oneOf", "allOf"):
            demand(keyword not in tool["input_schema"], f"{keyword} at the top level")
    check_names([tool["name"] for tool in body["tools"]])
    last = body["messages"][-1]
    if len(body["messages"]) == 1:
        content: list[Body] = [
            {"type": "tool_use", "id": call_id, "name": name, "input": arguments}
            for call_id, name, arguments in WANTED
        ]
        content.insert(0, {"type": "text", "text": "I will look."})
    else:
        demand(last["role"] == "user", "the answers are not the user's")
        demand({one["type"] for one in last["content"]} == {"tool_result"}, "no tool_result")
        check_answers([one["tool_use_id"] for one in last["content"]])
        by_id = {one["tool_use_id"]: one["content"] for one in last["content"]}
        said = ["".join(part["text"] for part in by_id[call_id]) for call_id, *_ in WANTED]
        content = [{"type": "text", "text": " | ".join(said)}]
    is_over = len(body["messages"]) > 1
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": "end_turn" if is_over else "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def contents(body: Body) -> Body:
    """POST /v1/models/m:generateContent. The first call has no id, as with older models."""
    (tool,) = body["tools"]
    for one in tool["functionDeclarations"]:
        described = one.get("parametersJsonSchema") or one.get("parameters_json_schema")
        demand(isinstance(described, dict) and described["type"] == "object", "no parameters")
    check_names([one["name"] for one in tool["functionDeclarations"]])
    last = body["contents"][-1]["parts"]
    answers = [part["functionResponse"] for part in last if "functionResponse" in part]
    if not answers:
        parts: list[Body] = [
            {"functionCall": {"id": call_id, "name": name, "args": arguments}}
            for call_id, name, arguments in WANTED
        ]
        del parts[0]["functionCall"]["id"]
        parts[0]["thoughtSignature"] = "c2lnbmVk"
    else:
        demand([one.get("id") for one in answers] == [None, "call_b"], "the ids are others")
        demand([one["name"] for one in answers] == [name for _, name, _ in WANTED], "other names")
        before = body["contents"][-2]["parts"]
        demand(before[0].get("thoughtSignature") == "c2lnbmVk", "the signature is gone")
        parts = [{"text": " | ".join(one["response"]["output"] for one in answers)}]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "modelVersion": "m"}


@asynccontextmanager
async def standing_in() -> AsyncIterator[StandIn]:
    """Serve the three APIs on a free port."""
    stand_in = StandIn()
    application = web.Application(client_max_size=10 << 20)
    for path, answer in (
        ("/openai/chat/completions", chat),
        ("/openai/responses", responses),
        ("/anthropic/v1/messages", messages),
        ("/{version:v1(?:beta)?}/models/m:generateContent", contents),
    ):
        application.router.add_post(path, stand_in.route(answer))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield stand_in
    finally:
        await runner.cleanup()
