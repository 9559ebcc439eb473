"""`mcpgw call`: one tool call, with its row in the journal.

At the box it is made in this process, elsewhere by MCP to the workspace's URL.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import TOOL_FAILED, complain, print_text
from mcpgw.cli.place import Place, in_workspace, missing
from mcpgw.cli.prompt import STDIN, read_stdin
from mcpgw.errors import InvalidInput, UpstreamError
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.cli.remote.gateway import RemoteGateway
    from mcpgw.gateway.access import Admission
    from mcpgw.gateway.gateway import Gateway

CLIENT_NAME = "mcpgw call"

Members = dict[str, Any]

Ask = Callable[[str, Mapping[str, str], Members], Awaitable[Members]]
"""Returns the members of the answer to a method with parameters, each as JSON, and the input schema
of the tool that is called, if one is."""

EXAMPLES = [
    "call jira__search query=login limit=5",
    """call jira__search --args '{"query": "login"}'""",
    "call jira__search --args @arguments.json",
    "call jira__search - < arguments.json",
]


async def call(
    asked: Invocation,
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="Its name, as clients see it.")],
    pairs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE... | -]", help="Its arguments; - reads JSON."),
    ] = None,
    args: Annotated[
        str | None, typer.Option("--args", metavar="JSON|@FILE", help="Its arguments as JSON.")
    ] = None,
) -> None:
    """Call a tool and print what it says."""
    given = pairs or []
    arguments = _whole(given, args)
    async with in_workspace(asked) as place:
        ask = await _asking(place)
        tools = await _tools(ask)
        schema = tools.get(tool, {})
        if arguments is None:
            arguments = _from_pairs(given, schema)
        answer = await ask("tools/call", {"name": json.dumps(tool), "arguments": arguments}, schema)
        if tool not in tools:
            raise await _unknown(place, tool, tools)
    if "error" in answer:
        raise UpstreamError(_message(answer["error"]), f"see: mcpgw logs --tool {tool}")
    _print(asked, answer["result"])


async def _asking(place: Place) -> Ask:
    """Return what asks the gateway as a modern client does."""
    from mcpgw.gateway.gateway import Gateway  # late, as in place.py

    gateway = place.gateway
    if not isinstance(gateway, Gateway):
        return partial(_ask_elsewhere, gateway)
    await gateway.installation.unlock(OPERATOR)
    return partial(_ask_here, gateway, await gateway.access.admit(OPERATOR, place.slug))


async def _ask_elsewhere(
    gateway: "RemoteGateway", method: str, params: Mapping[str, str], schema: Members
) -> Members:
    from msgspec import Raw  # late, as everything that help does not need
    from msgspec.json import decode, encode

    raw = {name: Raw(value.encode()) for name, value in params.items()}
    return decode(await gateway.ask(method, raw, encode(schema)), type=dict[str, Raw])


async def _ask_here(
    gateway: "Gateway",
    admission: "Admission",
    method: str,
    params: Mapping[str, str],
    schema: Members,
) -> Members:
    from msgspec import Raw  # late, as above
    from msgspec.json import decode

    from mcpgw import __version__
    from mcpgw.gateway.asked import Asked
    from mcpgw.model.audit import Surface
    from mcpgw.protocol.era import NEWEST_MODERN, Era
    from mcpgw.protocol.inbound import Call

    request = Call(
        era=Era.MODERN,
        version=NEWEST_MODERN,
        id=b"1",
        method=method,
        params={name: Raw(value.encode()) for name, value in params.items()},
        meta={},
        session_id=None,
        client_name=CLIENT_NAME,
        progress_token=None,
        size=sum(map(len, params.values())),
    )
    asked = Asked(
        request,
        admission,
        NEWEST_MODERN,
        CLIENT_NAME,
        "",
        None,
        client_version=__version__,
        surface=Surface.BOX,
    )
    return decode(await gateway.dispatcher.answer(asked), type=dict[str, Raw])


async def _tools(ask: Ask) -> dict[str, Members]:
    """Return the input schema of every tool by name."""
    answer = await ask("tools/list", {}, {})
    listed = json.loads(bytes(answer["result"]))["tools"]
    return {tool["name"]: tool.get("inputSchema") or {} for tool in listed}


async def _unknown(place: Place, tool: str, tools: Mapping[str, Members]) -> Exception:
    """Return why there is no such tool.

    Raises:
        UpstreamError: its server is down.
    """
    from mcpgw.gateway.gateway import Gateway  # late, as above

    if not isinstance(place.gateway, Gateway):
        return missing("tool", tool, tools, f"in {place.slug}")
    for seen in await place.gateway.servers.list(OPERATOR, place.slug):
        server = seen.server
        if server.is_enabled and server.prefix and tool.startswith(f"{server.prefix}__"):
            await place.gateway.servers.test(OPERATOR, place.slug, server.name)
    return missing("tool", tool, tools, f"in {place.slug}")


def _whole(pairs: Sequence[str], args: str | None) -> str | None:
    """Return the arguments when they are given as one JSON object, verbatim; else None."""
    if STDIN in pairs:
        if len(pairs) > 1 or args is not None:
            raise InvalidInput("- takes all arguments from stdin", "give no others")
        args = STDIN
    if args is None:
        return None
    if pairs and pairs != [STDIN]:
        raise InvalidInput("arguments are given twice", "use NAME=VALUE or --args, not both")
    text = _text_of(args)
    try:
        is_object = isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise InvalidInput("the arguments are no JSON object", """as in --args '{"name": 1}'""")
    return text


def _text_of(args: str) -> str:
    try:
        if args == STDIN:
            return read_stdin().decode()
        if args.startswith("@"):
            return Path(args[1:]).expanduser().read_text("utf-8")
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidInput(f"the arguments cannot be read: {type(error).__name__}") from None
    return args


def _from_pairs(pairs: Sequence[str], schema: Members) -> str:
    """Return the arguments as a JSON object; the tool's schema says what is no text."""
    arguments = {}
    declared = schema.get("properties")
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InvalidInput(f"{pair[:80]!r} is no argument", "as in NAME=VALUE")
        property_ = declared.get(name) if isinstance(declared, dict) else None
        wanted = property_.get("type") if isinstance(property_, dict) else None
        arguments[name] = value if wanted == "string" else _value(value)
    return json.dumps(arguments)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _print(asked: Invocation, raw: bytes) -> None:
    result = json.loads(bytes(raw))
    if asked.is_json:
        print(bytes(raw).decode(), flush=True)
    else:
        blocks = result.get("content") or []
        for block in blocks:
            print_text(_shown(block))
        if not blocks and "structuredContent" in result:
            print_text(json.dumps(result["structuredContent"]))
    if result.get("isError") is True:
        complain("the tool says that it failed", "what it said is above")
        raise typer.Exit(TOOL_FAILED)


def _shown(block: Members) -> str:
    kind = block.get("type")
    if kind == "text":
        return str(block.get("text", ""))
    resource = block.get("resource")
    if isinstance(resource, dict) and "text" in resource:
        return str(resource["text"])
    place = block.get("uri") or (resource or {}).get("uri") or block.get("mimeType") or ""
    return f"[{kind} {place}]"


def _message(error: bytes) -> str:
    return str(json.loads(bytes(error)).get("message", "the server answered with an error"))
