"""Our own tools for fixture_mcp2.py, one per feature; named as in fixture_mcp1.py."""

import asyncio
import json
import os
from typing import Any

import mcp_types as types
from mcp.server.subscriptions import ResourceUpdated, ToolsListChanged
from mcp.shared.exceptions import MCPError

from tests.peers.fixture_call import Call, ToolFailure, state, wire
from tests.peers.fixture_tools import STRING, Said, form, sampling, text, tool

WATCHED = "test://watched-resource"
UNLISTED = "test://unlisted"
NUMBER = {"type": "number"}
INTEGER = {"type": "integer"}
OWN_ERROR = 1234


@tool("echo", {"text": STRING})
async def echo(call: Call) -> Said:
    """Say it again."""
    return str(call.arguments["text"])


@tool("describe_client")
async def describe_client(call: Call) -> Said:
    """Tell what this server knows of its client, and which process it is."""
    session = call.ctx.session
    about: dict[str, Any] = {
        "pid": os.getpid(),
        "protocolVersion": call.ctx.protocol_version,
        "capabilities": session.client_capabilities and wire(session.client_capabilities),
        "clientInfo": session.client_params and wire(session.client_params.client_info),
        "meta": sorted(call.ctx.meta or {}),
    }
    return types.CallToolResult.model_validate(
        {"content": [text(json.dumps(about))], "structuredContent": about}
    )


@tool("progress", {"steps": INTEGER})
async def progress(call: Call) -> Said:
    """Report progress that many times."""
    steps = call.arguments["steps"]
    for step in range(1, steps + 1):
        await call.ctx.session.report_progress(step, steps, f"step {step}")
    return "done"


@tool("log", {"level": STRING, "text": STRING})
async def log(call: Call) -> Said:
    """Log a line."""
    await call.log(call.arguments["level"], call.arguments["text"])
    return "logged"


@tool("slow", {"seconds": NUMBER})
async def slow(call: Call) -> Said:
    """Take that long, and note when it is cancelled."""
    try:
        await asyncio.sleep(call.arguments["seconds"])
    except asyncio.CancelledError:
        state.cancelled += 1
        raise
    return "at last"


@tool("cancellations")
async def cancellations(call: Call) -> Said:
    """Tell how many calls were cancelled in this process."""
    return str(state.cancelled)


@tool("ask", {"question": STRING})
async def ask(call: Call) -> Said:
    """Ask the user for a text."""
    answers = await call.ask({"answer": form(call.arguments["question"], text=STRING)})
    answer = answers["answer"]
    return f"{answer['action']}: {(answer.get('content') or {}).get('text')}"


@tool("ask_twice", {"question": STRING})
async def ask_twice(call: Call) -> Said:
    """Ask the user for a text, and then for another one."""
    question = call.arguments["question"]
    first = await call.ask({"first": form(question, text=STRING)}, has_state=True)
    second = await call.ask({"second": form(f"{question} Again?", text=STRING)}, has_state=True)
    answers = {**first, **second}
    return ", ".join(str((it.get("content") or {}).get("text")) for it in answers.values())


@tool("ask_all", {"question": STRING})
async def ask_all(call: Call) -> Said:
    """Ask the user, the model and for the folders, at once."""
    question = call.arguments["question"]
    questions: dict[str, types.InputRequest] = {
        "user": form(question, text=STRING),
        "model": sampling(question),
        "folders": types.ListRootsRequest(),
    }
    return json.dumps(await call.ask(questions))


@tool("sample", {"prompt": STRING})
async def sample(call: Call) -> Said:
    """Ask the client's model."""
    answers = await call.ask({"sample": sampling(call.arguments["prompt"])})
    return str(answers["sample"]["content"].get("text"))


@tool("roots")
async def roots(call: Call) -> Said:
    """Ask for the client's folders."""
    answers = await call.ask({"roots": types.ListRootsRequest()})
    return ", ".join(root["uri"] for root in answers["roots"]["roots"])


@tool("touch", {"text": STRING})
async def touch(call: Call) -> Said:
    """Change the resource that can be watched."""
    state.note = call.arguments["text"]
    await state.publish(ResourceUpdated(WATCHED), state.watching.get(WATCHED, []))
    return "touched"


@tool("change_tools")
async def change_tools(call: Call) -> Said:
    """Add a tool, or take it away again; name those that there are now."""
    state.extra_tool = None if state.extra_tool else "extra_tool"
    await state.publish(ToolsListChanged(), state.sessions)
    return str(state.extra_tool)


@tool("fail")
async def fail(call: Call) -> Said:
    """Fail: an error of the tool."""
    raise ToolFailure("it went wrong")


@tool("refuse")
async def refuse(call: Call) -> Said:
    """Refuse: an error of the protocol."""
    raise MCPError(OWN_ERROR, "refused", {"why": "on purpose"})


@tool("link")
async def link(call: Call) -> Said:
    """Point to a resource that no list shows."""
    return [{"type": "resource_link", "uri": UNLISTED, "name": "unlisted"}]


@tool("numbers")
async def numbers(call: Call) -> Said:
    """Give an array as structured content, which only the modern era has."""
    values = [1, 2, 3]
    content: dict[str, Any] = {"content": [text(json.dumps(values))]}
    if call.is_modern:
        content["structuredContent"] = values
    return types.CallToolResult.model_validate(content)
