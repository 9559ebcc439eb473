"""The workspace of a token, as clients that browse registries read it."""

import json

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from mcpgw import __version__
from mcpgw.catalogs.server_json import read_entry
from mcpgw.model.token import OPERATOR
from mcpgw.web.registry import RegistryEndpoint, _namespace
from tests.web.conftest import Client

PATH = "/registry/v0.1/servers"


async def test_the_workspace_of_the_token(client: Client) -> None:
    await client.world.gateway.workspaces.create(OPERATOR, "other")
    answer = await client.ask("GET", PATH)
    assert answer.status == 200
    assert answer.json["metadata"] == {"count": 1}
    (entry,) = answer.json["servers"]
    server = entry["server"]
    assert (server["name"], server["version"]) == ("local.mcpgw/demo", __version__)
    (remote,) = server["remotes"]
    assert (remote["type"], remote["url"]) == ("streamable-http", f"{client.url}/ws/demo")
    assert remote["headers"][0]["variables"]["MCPGW_TOKEN"]["isSecret"]
    assert entry["_meta"]["io.modelcontextprotocol.registry/official"]["isLatest"]
    assert client.token not in answer.text
    assert "other" not in answer.text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("?search=dem", 1),
        ("?search=DEMO&limit=5&version=latest", 1),
        (f"?version={__version__}", 1),
        ("?search=github", 0),
        ("?version=0.0.0", 0),
    ],
)
async def test_searches(client: Client, query: str, count: int) -> None:
    assert (await client.ask("GET", PATH + query)).json["metadata"] == {"count": count}


async def test_without_a_token_nothing(client: Client) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer mgwu_wrong"}):
        answer = await client.ask("GET", PATH, headers=headers)
        assert (answer.status, "demo" in answer.text) == (401, False)
    revoked = await client.token_of("bo")
    await client.world.gateway.tokens.revoke_member(OPERATOR, "demo", "bo")
    answer = await client.ask("GET", PATH, headers={"Authorization": f"Bearer {revoked}"})
    assert answer.status == 401


async def test_behind_a_proxy_it_says_the_public_url(client: Client) -> None:
    admission = await client.world.gateway.access.identify(client.token)
    request = make_mocked_request("GET", PATH)
    answer = await RegistryEndpoint("https://gw.example.com").servers(request, admission)
    assert isinstance(answer, web.Response)
    assert isinstance(answer.body, bytes)
    (entry,) = json.loads(answer.body)["servers"]
    assert entry["server"]["name"] == "com.example.gw/demo"
    read = read_entry(json.dumps(entry).encode())
    assert read.remotes[0].url == "https://gw.example.com/ws/demo"
    assert read.remotes[0].headers == {"Authorization": "Bearer {MCPGW_TOKEN}"}
    assert read.fields["MCPGW_TOKEN"].is_secret


@pytest.mark.parametrize(
    ("base", "namespace"),
    [
        ("https://gw.example.com", "com.example.gw"),
        ("http://127.0.0.1:8080", "local.mcpgw"),
        ("http://[::1]:8080", "local.mcpgw"),
        ("http://localhost:8080", "localhost"),
    ],
)
def test_names_begin_with_the_host_in_reverse(base: str, namespace: str) -> None:
    assert _namespace(base) == namespace
    entry = {"server": {"name": f"{namespace}/demo", "description": "d", "version": "1"}}
    assert read_entry(json.dumps(entry).encode()).slug == f"{namespace}/demo"
