"""Tools out over HTTP: formats, filters, ETags, the OpenAPI document."""

import json
from dataclasses import replace

import pytest

from mcpgw.model.token import OPERATOR, Role
from mcpgw.web import tools
from mcpgw.web.app import serving
from tests.e2e.conftest import free_port
from tests.formats.hostile import HOSTILE
from tests.web.conftest import Answered, Client, listening


async def listed(client: Client, query: str = "", **headers: str) -> Answered:
    return await client.ask("GET", f"/ws/demo/v1/tools?{query}", headers=headers)


def names(answered: Answered) -> list[str]:
    found = answered.json if isinstance(answered.json, list) else answered.json["tools"]
    return [one["function"]["name"] for one in found]


async def two_servers(client: Client) -> None:
    await client.world.server("git", push="Push commits", log="Show the history")
    await client.world.server("jira", get_issue="Show an ISSUE")


async def test_tools_come_in_openais_shape_unless_another_is_asked_for(client: Client) -> None:
    await two_servers(client)
    answered = await listed(client)
    assert answered.status == 200
    assert answered.json["tools"][0] == {
        "type": "function",
        "function": {
            "name": "git__log",
            "description": "Show the history",
            "parameters": {"type": "object", "properties": {}},
            "strict": False,
        },
    }
    assert (answered.json["skipped"], answered.json["lax"], answered.json["notes"]) == ([], [], [])
    anthropic = await listed(client, "format=anthropic&bare=1")
    assert anthropic.json[0]["input_schema"] == {"type": "object", "properties": {}}
    gemini = await listed(client, "format=gemini&schema=openapi")
    assert [one["name"] for one in gemini.json["tools"][0]["functionDeclarations"]] == [
        *("git__log", "git__push", "jira__get_issue")
    ]
    grouped = await listed(client, "format=openai-responses&namespace=1")
    assert [one["name"] for one in grouped.json["tools"]] == ["git", "jira"]
    plain = await listed(client, "format=mcp")
    assert plain.json["tools"][2]["x-mcpgw"] == {"server": "jira", "class": "read"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["git__log", "git__push", "jira__get_issue"]),
        ("tools=jira__get_issue,git__log", ["git__log", "jira__get_issue"]),
        ("server=git", ["git__log", "git__push"]),
        ("server=git,jira&limit=1", ["git__log"]),
        ("q=show", ["git__log", "jira__get_issue"]),
        ("q=show+issue", ["jira__get_issue"]),
        ("q=Push&server=jira", []),
        ("bare=1&limit=2", ["git__log", "git__push"]),
    ],
)
async def test_filters(client: Client, query: str, found: list[str]) -> None:
    await two_servers(client)
    assert names(await listed(client, query)) == found


async def test_a_tool_that_is_asked_for_and_not_there_is_told_of(client: Client) -> None:
    await two_servers(client)
    answered = await listed(client, "tools=git__log,git__nothing")
    assert names(answered) == ["git__log"]
    assert answered.json["skipped"] == [{"name": "git__nothing", "reason": "no such tool"}]


async def test_a_token_sees_what_it_may(client: Client) -> None:
    await two_servers(client)
    issued = await client.world.gateway.tokens.issue(OPERATOR, "demo", "rex", Role.READONLY, None)
    answered = await listed(client, Authorization=f"Bearer {issued.text}")
    assert names(answered) == ["jira__get_issue"]
    document = await client.ask(
        "GET", "/ws/demo/openapi.json", headers={"Authorization": f"Bearer {issued.text}"}
    )
    assert list(document.json["paths"]) == ["/v1/tools/jira__get_issue"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("format=openapi", "format is one of openai"),
        ("fromat=openai", "'fromat' is unknown here"),
        ("strict=maybe", "strict is one of false"),
        ("limit=0", "limit is a number"),
        ("schema=xml", "schema is one of json, openapi"),
        ("hints=yes", "hints is 1 or 0"),
    ],
)
async def test_what_cannot_be_asked_for(client: Client, query: str, problem: str) -> None:
    answered = await listed(client, query)
    assert answered.status == 400
    assert problem in answered.json["message"]


async def test_strict_tools(client: Client) -> None:
    upstream = await client.world.server("git", log="x")
    loose = {"name": "loose", "inputSchema": {"type": "object", "properties": {"a": {}}}}
    tight = {"name": "tight", "inputSchema": {"type": "object"}}
    upstream.answers["tools/list"] = lambda _: {"tools": [loose, tight]}
    auto = await listed(client, "strict=auto")
    assert [one["function"]["strict"] for one in auto.json["tools"]] == [False, True]
    assert auto.json["lax"] == [{"name": "git__loose", "reason": "a: any value is allowed"}]
    refused = await listed(client, "strict=true")
    assert refused.status == 422
    assert refused.json["tools"] == auto.json["lax"]
    assert "strict=auto" in refused.json["hint"]
    assert "ETag" not in refused.headers
    assert (await listed(client, "strict=true&tools=git__tight")).status == 200


async def test_what_a_client_has_already_is_not_sent_again(client: Client) -> None:
    await two_servers(client)
    first = await listed(client)
    assert first.headers["Cache-Control"] == "private, max-age=5"
    tag = first.headers["ETag"]
    assert first.json["etag"] == tag
    again = await listed(client, **{"If-None-Match": f'"other", W/{tag}'})
    assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag)
    assert (await listed(client)).text == first.text
    others = [await listed(client, q) for q in ("format=mcp", "limit=1", "bare=1")]
    assert len({tag, *(one.headers["ETag"] for one in others)}) == 4
    await client.change("more")
    assert (await listed(client, **{"If-None-Match": tag})).status == 200


async def test_answers_that_are_kept_are_bounded(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "MAX_KEPT", 2)
    await two_servers(client)
    texts = [(await listed(client, f"limit={n}")).text for n in (1, 2, 3)]
    assert [(await listed(client, f"limit={n}")).text for n in (1, 2, 3)] == texts


async def test_the_openapi_document_leads_to_the_tools(client: Client) -> None:
    await two_servers(client)
    answered = await client.ask("GET", "/ws/demo/openapi.json")
    assert answered.json["servers"] == [{"url": f"{client.url}/ws/demo"}]
    assert answered.headers["ETag"]
    url = answered.json["servers"][0]["url"].removeprefix(client.url)
    for path in answered.json["paths"]:
        assert (await client.ask("POST", url + path, json={})).status == 200
    few = await client.ask("GET", "/ws/demo/openapi.json?tools=git__log&short=1")
    assert list(few.json["paths"]) == ["/v1/tools/git__log"]


async def test_the_openapi_document_names_the_public_url(client: Client) -> None:
    where = listening(public_url="https://gw.example/base/", port=free_port())
    async with serving(client.world.gateway, where):
        behind = replace(client, url=f"http://127.0.0.1:{where.port}")
        for host in ("gw.example", f"127.0.0.1:{where.port}"):
            answered = await behind.ask("GET", "/ws/demo/openapi.json", headers={"Host": host})
            assert answered.json["servers"] == [{"url": "https://gw.example/base/ws/demo"}]


async def test_without_a_token_nothing_is_told(client: Client) -> None:
    for path in ("/ws/demo/v1/tools", "/ws/demo/openapi.json"):
        assert (await client.ask("GET", path, headers={"Authorization": ""})).status == 401


async def test_hostile_tools_are_listed_without_harm(client: Client) -> None:
    upstream = await client.world.server("bad", x="x")
    items = [{"name": f"t{n}", "inputSchema": one} for n, one in enumerate(HOSTILE.values())]
    upstream.answers["tools/list"] = lambda _: {"tools": items}
    for query in ("format=openai", "format=gemini&schema=openapi", "format=anthropic&strict=auto"):
        answered = await listed(client, query)
        assert answered.status == 200
        json.dumps(answered.json)
    assert (await client.ask("GET", "/ws/demo/openapi.json")).status == 200
