"""Problem details: on paths of the API, and only there."""

import inspect

import msgspec
import pytest

from mcpgw import errors
from mcpgw.errors import GatewayError, Limited, Unauthenticated, UpstreamTimeout
from mcpgw.web.problem import TITLE, problem_of, problem_response
from mcpgw.web.routing import MethodNotAllowed
from mcpgw.web.wire.problem import Problem
from tests.web.conftest import Client

CODES = {
    one.code
    for _, one in inspect.getmembers(errors, inspect.isclass)
    if issubclass(one, GatewayError)
}


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_a_title(code: str) -> None:
    assert TITLE[code]


def test_what_it_says() -> None:
    response = problem_response(Limited("slow down", "wait", 2.5))
    assert isinstance(response.body, bytes)
    assert msgspec.json.decode(response.body, type=Problem) == Problem(
        type="urn:mcpgw:error:limited",
        title=TITLE["limited"],
        status=429,
        detail="slow down",
        hint="wait",
    )
    assert response.content_type == "application/problem+json"
    assert response.headers["Retry-After"] == "3"
    assert "WWW-Authenticate" in problem_response(Unauthenticated("who")).headers


def test_a_status_of_its_own_has_a_type_of_its_own() -> None:
    problem = problem_of(MethodNotAllowed(["GET"]))
    assert (problem.kind, problem.status) == ("method_not_allowed", 405)


def test_a_server_that_fails_is_no_fault_of_ours() -> None:
    problem = problem_of(UpstreamTimeout("slow"))
    assert (problem.kind, problem.status) == ("upstream_timeout", 424)


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/v1/workspaces/demo/%2e", 400, "invalid"),
        ("PUT", "/api/v1/workspaces/demo/me", 405, "method_not_allowed"),
        ("GET", "/api/v1/workspaces/none/me", 401, "unauthenticated"),
        ("GET", "/api/v1/workspaces/demo/settings", 403, "forbidden"),
    ],
)
async def test_every_error_on_the_way_is_one(
    client: Client, method: str, path: str, status: int, kind: str
) -> None:
    answered = await client.ask(method, path)
    assert answered.status == answered.json["status"] == status
    assert answered.json["type"] == f"urn:mcpgw:error:{kind}"
    assert answered.headers["Content-Type"] == "application/problem+json"
    assert client.token not in answered.text
    if status == 405:
        assert answered.headers["Allow"] == "GET"


async def test_other_paths_keep_their_shape(client: Client) -> None:
    answered = await client.ask("GET", "/nothing")
    assert answered.headers["Content-Type"] == "application/json"
    assert set(answered.json) == {"error", "message", "hint"}
