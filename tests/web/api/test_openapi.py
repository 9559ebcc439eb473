"""The OpenAPI document says what is served, all of it, and nothing of this installation."""

import json
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from mcpgw.model.catalog import CatalogEntry, Package
from mcpgw.model.policy import Action
from mcpgw.web.api import openapi
from mcpgw.web.api.table import build_endpoints
from mcpgw.web.app import build_routes
from mcpgw.web.stream import Streams
from tests.web.api.conftest import ApiClient
from tests.web.conftest import Client
from tests.world import World


@pytest.fixture
def document(world: World) -> Any:
    described = openapi.describe(build_endpoints(world.gateway))
    return json.loads(msgspec.json.encode(described))


def test_it_is_valid(document: Any) -> None:
    validate(document, cls=OpenAPIV31SpecValidator)


async def test_every_route_of_the_api_stands_in_it_and_nothing_else(
    world: World, document: Any
) -> None:
    routes = build_routes(world.gateway, 1, Streams(world.gateway.spawn)).table
    served = {
        (route.path, route.method.lower())
        for route in routes
        if route.path.startswith("/api/") and isinstance(route.policy, Action)
    }
    described = {(path, method) for path, one in document["paths"].items() for method in one}
    assert described == served
    assert len(served) > 25


def test_every_name_in_a_path_is_a_parameter(document: Any) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert all(f"{{{name}}}" in path for name in named)
            assert len(named) == path.count("{")


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(document: Any) -> None:
    operations = [one for path in document["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    assert all(one["summary"].endswith(".") for one in operations)


def test_what_must_match_is_required(document: Any) -> None:
    def headers(path: str, method: str) -> dict[str, bool]:
        operation = document["paths"][f"/api/v1/workspaces/{{slug}}{path}"][method]
        return {one["name"]: one["required"] for one in operation["parameters"][1:]}

    assert headers("/settings", "put") == {"If-Match": True}
    assert headers("/settings", "get") == {"If-None-Match": False}
    assert headers("/servers/{server}/secrets/{secret}", "put")["If-Match"] is False


def test_a_body_takes_no_other_fields(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]["application/json"]
                name = content["schema"]["$ref"].rpartition("/")[2]
                assert schemas[name]["additionalProperties"] is False, name


async def test_anybody_may_read_it(client: Client, document: Any) -> None:
    served = await client.ask("GET", openapi.PATH, headers={"Authorization": ""})
    assert (served.status, served.json) == (200, document)
    for secret in (client.token, client.url, "demo"):
        assert secret not in served.text
    known = {"If-None-Match": served.headers["ETag"]}
    assert (await client.ask("GET", openapi.PATH, headers=known)).status == 304


async def test_a_head_that_is_too_large_is_refused_as_it_says(
    admin: ApiClient, document: Any
) -> None:
    """Before it is known to be for the API, so not as a problem."""
    answered = await admin.ask("GET", f"/tools?cursor={'x' * 8200}")
    assert (answered.status, answered.headers["Content-Type"]) == (431, "application/json")
    told = document["components"]["responses"]["Problem"]["content"]["application/json"]
    name = told["schema"]["$ref"].rpartition("/")[2]
    assert set(document["components"]["schemas"][name]["properties"]) == set(answered.json)


async def test_answers_are_as_it_says(admin: ApiClient, document: Any) -> None:
    """What is listed and shown fits the schemas that stand for it."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

    await admin.world.server("git", get_log="x")
    await admin.ask("PUT", "/servers/git/secrets/KEY", {"value": "x"})
    admin.world.catalog.entries["x"] = CatalogEntry(
        "x", "X", "an entry", packages=(Package("npm", "x"),)
    )
    checked = 0
    for path, operations in document["paths"].items():
        values = {"slug": "demo", "server": "git", "secret": "KEY", "tool": "git__get_log"}
        values |= {"entry": "x", "act": "act_000002"}
        if "get" not in operations or "{call}" in path:
            continue
        asked = path.partition("{slug}")[2].format(**values, token=admin.token_id)
        query = {"member": "ada"} if path.endswith("/member") else {}
        query |= {"token": admin.token_id, "tool": "x"} if path.endswith("/explain") else {}
        answer = await admin.get(asked, **query)
        content = operations["get"]["responses"]["200"]["content"]["application/json"]
        schema = {**content["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(answer)
        checked += 1
    assert checked > 14
