"""The tools for fixture_mcp2.py that the official conformance suite asks for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from mcp.server.subscriptions import PromptsListChanged, ToolsListChanged

from tests.peers.fixture_call import Call, ToolFailure, state

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJg"
    "gg=="
)
SILENCE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="

Block = dict[str, Any]
Said = str | list[Block] | types.CallToolResult
Run = Callable[[Call], Awaitable[Said]]

TOOLS: dict[str, tuple[types.Tool, Run]] = {}
STRING: Block = {"type": "string"}
YES_OR_NO: Block = {"type": "boolean"}


def tool(name: str, required: dict[str, Block] | None = None, **more: Any) -> Callable[[Run], Run]:
    """Register a tool; its docstring describes it."""
    properties = required or {}
    schema = {"type": "object", "properties": properties, "required": list(properties)}

    def register(run: Run) -> Run:
        definition = {"name": name, "description": run.__doc__, "inputSchema": schema, **more}
        TOOLS[name] = (types.Tool.model_validate(definition), run)
        return run

    return register


def form(message: str, **properties: Block) -> types.ElicitRequest:
    """Return a question with a form."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    params = types.ElicitRequestFormParams(message=message, requested_schema=schema)
    return types.ElicitRequest(params=params)


def sampling(prompt: str) -> types.CreateMessageRequest:
    """Return a question to the client's model."""
    said = {"role": "user", "content": text(prompt)}
    message = types.SamplingMessage.model_validate(said)
    params = types.CreateMessageRequestParams(messages=[message], max_tokens=100)
    return types.CreateMessageRequest(params=params)


def text(said: str) -> Block:
    return {"type": "text", "text": said}


def image() -> Block:
    return {"type": "image", "data": PIXEL, "mimeType": "image/png"}


def embedded(uri: str, mime: str, said: str) -> Block:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": said}}


def answer_of(answer: dict[str, Any]) -> str:
    return f"action={answer['action']}, content={json.dumps(answer.get('content'))}"


# What the conformance suite calls


@tool("test_simple_text")
async def simple_text(call: Call) -> Said:
    """Say something. The suite calls the first tool of the list without arguments."""
    return "This is a simple text response for testing."


@tool("test_image_content")
async def image_content(call: Call) -> Said:
    """Show a pixel."""
    return [image()]


@tool("test_audio_content")
async def audio_content(call: Call) -> Said:
    """Play silence."""
    return [{"type": "audio", "data": SILENCE, "mimeType": "audio/wav"}]


@tool("test_embedded_resource")
async def embedded_resource(call: Call) -> Said:
    """Enclose a resource."""
    content = "This is an embedded resource content."
    return [embedded("test://embedded-resource", "text/plain", content)]


@tool("test_multiple_content_types")
async def multiple_content_types(call: Call) -> Said:
    """Say, show and enclose."""
    data = json.dumps({"test": "data", "value": 123})
    enclosed = embedded("test://mixed-content-resource", "application/json", data)
    return [text("Multiple content types test:"), image(), enclosed]


@tool("test_tool_with_logging")
async def tool_with_logging(call: Call) -> Said:
    """Log three lines."""
    await call.log("info", "Tool execution started")
    await asyncio.sleep(0.05)
    await call.log("info", "Tool processing data")
    await asyncio.sleep(0.05)
    await call.log("info", "Tool execution completed")
    return "Tool with logging executed successfully"


@tool("test_logging_tool")
async def logging_tool(call: Call) -> Said:
    """Log a line, if the request says that it wants any."""
    await call.log("info", "logged")
    return "logged"


@tool("test_tool_with_progress")
async def tool_with_progress(call: Call) -> Said:
    """Report progress three times."""
    for progress in (0, 50, 100):
        await call.ctx.session.report_progress(progress, 100)
        await asyncio.sleep(0.05)
    return "done"


@tool("test_error_handling")
async def error_handling(call: Call) -> Said:
    """Fail."""
    raise ToolFailure("This tool intentionally returns an error for testing")


@tool("test_reconnection")
async def reconnection(call: Call) -> Said:
    """End the stream of the call, and answer when the client has come back for the rest."""
    await asyncio.sleep(0.2)  # The SDK has written how to come back by then.
    if call.ctx.close_sse_stream is not None and not state.has_one_stream_per_call:
        await call.ctx.close_sse_stream()
    await asyncio.sleep(0.2)
    return "Reconnection test completed successfully"


@tool("test_sampling", {"prompt": STRING})
async def test_sampling(call: Call) -> Said:
    """Ask the client's model."""
    answers = await call.ask({"sample": sampling(call.arguments["prompt"])})
    return f"LLM response: {answers['sample']['content'].get('text')}"


@tool("test_elicitation", {"message": STRING})
async def test_elicitation(call: Call) -> Said:
    """Ask the user for a name and an address."""
    question = form(call.arguments["message"], username=STRING, email=STRING)
    answers = await call.ask({"user": question})
    return f"User response: {answer_of(answers['user'])}"


@tool("test_elicitation_sep1034_defaults")
async def elicitation_defaults(call: Call) -> Said:
    """Ask with a default for every kind of value."""
    question = form(
        "Please review",
        name={"type": "string", "default": "John Doe"},
        age={"type": "integer", "default": 30},
        score={"type": "number", "default": 95.5},
        status={
            "type": "string",
            "enum": ["active", "inactive", "pending"],
            "default": "active",
        },
        verified={"type": "boolean", "default": True},
    )
    answers = await call.ask({"user": question})
    return f"Elicitation completed: {answer_of(answers['user'])}"


@tool("test_elicitation_sep1330_enums")
async def elicitation_enums(call: Call) -> Said:
    """Ask with every kind of choice."""
    plain = ["option1", "option2", "option3"]
    titled = [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)]
    question = form(
        "Please choose",
        untitledSingle={"type": "string", "enum": plain},
        titledSingle={"type": "string", "oneOf": titled},
        legacyEnum={
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        untitledMulti={"type": "array", "items": {"type": "string", "enum": plain}},
        titledMulti={"type": "array", "items": {"anyOf": titled}},
    )
    answers = await call.ask({"user": question})
    return f"Elicitation completed: {answer_of(answers['user'])}"


@tool("test_missing_capability")
async def missing_capability(call: Call) -> Said:
    """Need a model on the client's side."""
    await call.ask({"sample": sampling("Say something")})
    return "the client has one"


@tool("test_streaming_elicitation")
async def streaming_elicitation(call: Call) -> Said:
    """Report progress, then ask."""
    await call.ctx.session.report_progress(0, 1)
    answers = await call.ask({"confirm": form("Go on?", ok=YES_OR_NO)})
    return answer_of(answers["confirm"])


@tool("test_trigger_tool_change")
async def trigger_tool_change(call: Call) -> Said:
    """Replace a tool by another one."""
    state.changes += 1
    state.extra_tool = f"extra_tool_{state.changes}"
    await state.publish(ToolsListChanged(), state.sessions)
    return state.extra_tool


@tool("test_trigger_prompt_change")
async def trigger_prompt_change(call: Call) -> Said:
    """Replace a prompt by another one."""
    state.changes += 1
    state.extra_prompt = f"extra_prompt_{state.changes}"
    await state.publish(PromptsListChanged(), state.sessions)
    return state.extra_prompt


@tool("test_input_required_result_elicitation")
async def input_elicitation(call: Call) -> Said:
    """Ask the user's name."""
    answers = await call.ask({"user_name": form("What is your name?", name=STRING)})
    return f"Hello, {(answers['user_name'].get('content') or {}).get('name')}!"


@tool("test_input_required_result_sampling")
async def input_sampling(call: Call) -> Said:
    """Ask the client's model."""
    question = sampling("What is the capital of France?")
    answers = await call.ask({"capital_question": question})
    return str(answers["capital_question"]["content"].get("text"))


@tool("test_input_required_result_list_roots")
async def input_roots(call: Call) -> Said:
    """Ask for the client's folders."""
    answers = await call.ask({"client_roots": types.ListRootsRequest()})
    return ", ".join(root["uri"] for root in answers["client_roots"]["roots"])


@tool("test_input_required_result_request_state")
async def input_state(call: Call) -> Said:
    """Ask, and give the client a state to bring back."""
    await call.ask({"confirm": form("Please confirm", ok=YES_OR_NO)}, has_state=True)
    return "state-ok: confirmation received"


@tool("test_input_required_result_tampered_state")
async def input_tampered(call: Call) -> Said:
    """Ask, and give the client a state that it must not change."""
    return await input_state(call)


@tool("test_input_required_result_multiple_inputs")
async def input_several(call: Call) -> Said:
    """Ask three things at once."""
    questions: dict[str, types.InputRequest] = {
        "user_name": form("What is your name?", name=STRING),
        "greeting": sampling("Generate a greeting"),
        "client_roots": types.ListRootsRequest(),
    }
    return json.dumps(await call.ask(questions, has_state=True))


@tool("test_input_required_result_multi_round")
async def input_rounds(call: Call) -> Said:
    """Ask one thing after the other."""
    first = await call.ask({"step1": form("Your name?", name=STRING)}, has_state=True)
    second = await call.ask({"step2": form("Your color?", color=STRING)}, has_state=True)
    return json.dumps({**first, **second})


@tool("test_input_required_result_capabilities")
async def input_capabilities(call: Call) -> Said:
    """Ask only what the client can answer."""
    possible: dict[str, tuple[str, types.InputRequest]] = {
        "sampling": ("sample", sampling("Say something")),
        "elicitation": ("confirm", form("Go on?", ok=YES_OR_NO)),
    }
    questions = dict(pair for capability, pair in possible.items() if call.can(capability))
    return json.dumps(await call.ask(questions))


HEADERS = {"region": {**STRING, "x-mcp-header": "Region"}}


@tool("test_header_parameters", HEADERS)
async def header_parameters(call: Call) -> Said:
    """Take an argument that stands in a header, too."""
    return str(call.arguments["region"])


ADDRESS = {
    "$anchor": "addressDef",
    "type": "object",
    "properties": {"street": STRING, "city": STRING},
}
SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": ADDRESS},
    "properties": {
        "name": STRING,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": STRING,
        "email": STRING,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


@tool("json_schema_2020_12_tool", inputSchema=SCHEMA_2020_12)
async def json_schema(call: Call) -> Said:
    """Take what a rich schema describes."""
    return json.dumps(call.arguments)
