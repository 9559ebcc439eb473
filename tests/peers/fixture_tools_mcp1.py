"""The tools of fixture_mcp1.py, and what that server remembers: needs `mcp` 1.x."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import mcp.types as types
from mcp.server.lowlevel.server import request_ctx
from mcp.server.session import ServerSession
from mcp.shared.exceptions import McpError
from mcp.shared.message import ServerMessageMetadata

WATCHED = "test://watched-resource"
UNLISTED = "test://unlisted"
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
OWN_ERROR, NEEDS_URL = 1234, -32042
STRING = {"type": "string"}
NUMBER = {"type": "number"}

Result = dict[str, Any]
Said = str | Result
Run = Callable[[dict[str, Any]], Awaitable[Said]]


@dataclass
class State:
    """What one server process remembers."""

    level: str = "info"
    cancelled: int = 0
    note: str = "untouched"
    has_extra_tool: bool = False
    sessions: list[ServerSession] = field(default_factory=list)
    watching: list[ServerSession] = field(default_factory=list)


class ToolFailure(Exception):
    """The tool failed: a result with `isError`."""


state = State()
TOOLS: dict[str, tuple[types.Tool, Run]] = {}


def tool(name: str, required: dict[str, Any] | None = None) -> Callable[[Run], Run]:
    """Register a tool; its docstring describes it."""
    schema = {"type": "object", "properties": required or {}, "required": list(required or {})}

    def register(run: Run) -> Run:
        TOOLS[name] = (types.Tool(name=name, description=run.__doc__, inputSchema=schema), run)
        return run

    return register


def here() -> Any:
    return request_ctx.get()


def text(said: str) -> Result:
    return {"type": "text", "text": said}


async def put(question: Result, kind: type[Any], is_related: bool = True) -> Result:
    """Put a question to the client: on the stream of the call, or on the session's own one."""
    request = types.ServerRequest.model_validate(question)
    related = here().request_id if is_related else None
    metadata = ServerMessageMetadata(related_request_id=related)
    answer = await here().session.send_request(request, kind, metadata=metadata)
    dumped: Result = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
    return dumped


def insist_on(capability: str) -> None:
    declared = here().session.client_params.capabilities
    if getattr(declared, capability) is None:
        raise ToolFailure(f"the client has no {capability}")


async def elicit(question: str) -> Result:
    insist_on("elicitation")
    schema = {"type": "object", "properties": {"text": STRING}, "required": ["text"]}
    params = {"mode": "form", "message": question, "requestedSchema": schema}
    return await put({"method": "elicitation/create", "params": params}, types.ElicitResult)


async def ask_model(prompt: str) -> Result:
    insist_on("sampling")
    params = {"messages": [{"role": "user", "content": text(prompt)}], "maxTokens": 100}
    question = {"method": "sampling/createMessage", "params": params}
    return await put(question, types.CreateMessageResult)


async def list_roots(is_related: bool = True) -> Result:
    insist_on("roots")
    return await put({"method": "roots/list"}, types.ListRootsResult, is_related)


async def tell(sessions: list[ServerSession], notification: Result) -> None:
    for session in tuple(sessions):
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            message = types.ServerNotification.model_validate(notification)
            await session.send_notification(message)


def text_of(answer: Result) -> Any:
    return (answer.get("content") or {}).get("text")


@tool("echo", {"text": STRING})
async def echo(given: Result) -> Said:
    """Say it again."""
    return str(given["text"])


@tool("describe_client")
async def describe_client(given: Result) -> Said:
    """Tell what this server knows of its client, and which process it is."""
    session, meta = here().session, here().meta
    client = session.client_params.model_dump(by_alias=True, mode="json", exclude_none=True)
    about = {"pid": os.getpid(), "meta": sorted(meta.model_dump(exclude_none=True)) if meta else []}
    about |= client
    return {"content": [text(json.dumps(about))], "structuredContent": about}


@tool("progress", {"steps": {"type": "integer"}})
async def progress(given: Result) -> Said:
    """Report progress that many times."""
    context = here()
    token = context.meta.progressToken if context.meta else None
    for step in range(1, given["steps"] + 1):
        if token is not None:
            related = str(context.request_id)
            await context.session.send_progress_notification(
                token, step, given["steps"], f"step {step}", related
            )
    return "done"


@tool("log", {"level": STRING, "text": STRING})
async def log(given: Result) -> Said:
    """Log a line."""
    if LEVELS.index(given["level"]) >= LEVELS.index(state.level):
        related = here().request_id
        await here().session.send_log_message(given["level"], given["text"], None, related)
    return "logged"


@tool("slow", {"seconds": NUMBER})
async def slow(given: Result) -> Said:
    """Take that long, and note when it is cancelled."""
    try:
        await asyncio.sleep(given["seconds"])
    except asyncio.CancelledError:
        state.cancelled += 1
        raise
    return "at last"


@tool("cancellations")
async def cancellations(given: Result) -> Said:
    """Tell how many calls were cancelled in this process."""
    return str(state.cancelled)


@tool("ask", {"question": STRING})
async def ask(given: Result) -> Said:
    """Ask the user for a text."""
    answer = await elicit(given["question"])
    return f"{answer['action']}: {text_of(answer)}"


@tool("ask_twice", {"question": STRING})
async def ask_twice(given: Result) -> Said:
    """Ask the user for a text, and then for another one."""
    first = await elicit(given["question"])
    second = await elicit(f"{given['question']} Again?")
    return f"{text_of(first)}, {text_of(second)}"


@tool("ask_all", {"question": STRING})
async def ask_all(given: Result) -> Said:
    """Ask the user, the model and for the folders, at once."""
    question = given["question"]
    answers = await asyncio.gather(elicit(question), ask_model(question), list_roots())
    return json.dumps(dict(zip(("user", "model", "folders"), answers, strict=True)))


@tool("sample", {"prompt": STRING})
async def sample(given: Result) -> Said:
    """Ask the client's model."""
    return str(text_of(await ask_model(given["prompt"])))


@tool("roots")
async def roots(given: Result) -> Said:
    """Ask for the client's folders."""
    return ", ".join(root["uri"] for root in (await list_roots())["roots"])


@tool("roots_unrelated")
async def roots_unrelated(given: Result) -> Said:
    """Ask for the client's folders on the session's own stream: nothing says for which call."""
    return ", ".join(root["uri"] for root in (await list_roots(is_related=False))["roots"])


@tool("visit", {"url": STRING})
async def visit(given: Result) -> Said:
    """Refuse until the user has been at a URL."""
    elicitation = {"mode": "url", "message": "Go there", "elicitationId": "1", "url": given["url"]}
    data = {"elicitations": [elicitation]}
    raise McpError(types.ErrorData(code=NEEDS_URL, message="Go there first", data=data))


@tool("touch", {"text": STRING})
async def touch(given: Result) -> Said:
    """Change the resource that can be watched."""
    state.note = given["text"]
    updated = {"method": "notifications/resources/updated", "params": {"uri": WATCHED}}
    await tell(state.watching, updated)
    return "touched"


@tool("change_tools")
async def change_tools(given: Result) -> Said:
    """Add a tool, or take it away again; name it when it is there."""
    state.has_extra_tool = not state.has_extra_tool
    await tell(state.sessions, {"method": "notifications/tools/list_changed"})
    return str("extra_tool" if state.has_extra_tool else None)


@tool("fail")
async def fail(given: Result) -> Said:
    """Fail: an error of the tool."""
    raise ToolFailure("it went wrong")


@tool("refuse")
async def refuse(given: Result) -> Said:
    """Refuse: an error of the protocol."""
    data = {"why": "on purpose"}
    raise McpError(types.ErrorData(code=OWN_ERROR, message="refused", data=data))


@tool("link")
async def link(given: Result) -> Said:
    """Point to a resource that no list shows."""
    return {"content": [{"type": "resource_link", "uri": UNLISTED, "name": "unlisted"}]}
