"""A path means one thing only."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from mcpgw.errors import InvalidInput, NotFound
from mcpgw.gateway.access import Admission
from mcpgw.model.policy import Action
from mcpgw.web.routing import (
    MAX_REMEMBERED,
    MethodNotAllowed,
    OfToken,
    Public,
    Route,
    Routes,
    values_of,
)


async def handler(request: web.BaseRequest, admission: Admission | None) -> web.StreamResponse:
    return web.Response()


THING = "/api/v1/workspaces/{slug}/things/{thing}"

ROUTES = Routes(
    [
        Route("GET", "/healthz", Public("tells nothing"), handler),
        Route("POST", "/ws/{slug}", Action.USE, handler),
        Route("POST", "/ws/{slug}/mcp", Action.USE, handler),
        Route("GET", "/api/v1/workspaces/{slug}/calls", Action.READ_OWN_CALLS, handler),
        Route("GET", THING, Action.USE, handler),
        Route("GET", f"{THING}/parts/{{part}}", Action.USE, handler),
        Route("GET", "/api/v1/workspaces/{slug}/things/all", Action.USE, handler),
        Route("POST", "/api/v1/workspaces/{slug}/things/all/clear", Action.USE, handler),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "template", "slug"),
    [
        ("GET", "/healthz", "/healthz", ""),
        ("GET", "/healthz?x=%2f", "/healthz", ""),
        ("POST", "/ws/demo", "/ws/{slug}", "demo"),
        ("POST", "/ws/demo/mcp", "/ws/{slug}/mcp", "demo"),
        ("GET", "/api/v1/workspaces/a/calls", "/api/v1/workspaces/{slug}/calls", "a"),
        ("GET", "/api/v1/workspaces/a/things/b_1-C", THING, "a"),
        ("GET", "/api/v1/workspaces/a/things/b/parts/c", f"{THING}/parts/{{part}}", "a"),
        ("GET", "/api/v1/workspaces/a/things/all", "/api/v1/workspaces/{slug}/things/all", "a"),
        ("GET", "/api/v1/workspaces/a/things/all/parts/c", f"{THING}/parts/{{part}}", "a"),
    ],
)
def test_matched(method: str, path: str, template: str, slug: str) -> None:
    route, found = ROUTES.match(method, path)
    assert (route.path, found) == (template, slug)


@pytest.mark.parametrize(
    "path",
    [
        "/ws/a%2fb",
        "/ws/%2e%2e",
        "//ws/demo",
        "/ws//demo",
        "/x/../ws/demo",
        "/ws/./demo",
        "/ws/demo/",
        "http://evil/ws/demo",
        "*",
        "",
        "/ws/dé",
        "/ws/a b",
        "/ws/demo/..",
    ],
)
def test_paths_that_could_mean_another_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        ROUTES.match("POST", path)


@pytest.mark.parametrize("path", ["/", "/ws", "/ws/demo/x", "/api/v1/workspaces", "/healthz/x"])
def test_unknown(path: str) -> None:
    with pytest.raises(NotFound):
        ROUTES.match("POST", path)


@pytest.mark.parametrize("value", ["a.b", "a~b", ".", "x" * 129])
def test_a_value_that_could_not_be_one(value: str) -> None:
    with pytest.raises((NotFound, InvalidInput)):
        ROUTES.match("GET", f"/api/v1/workspaces/a/things/{value}")


def test_values_are_told_by_name() -> None:
    path = "/api/v1/workspaces/a/things/b?slug=x"
    assert values_of(THING, path) == {"slug": "a", "thing": "b"}


def test_things_do_not_crowd_out_what_everybody_uses() -> None:
    routes = Routes(ROUTES.table)
    for number in range(MAX_REMEMBERED + 1):
        routes.match("GET", f"/api/v1/workspaces/a/things/t{number}")
    found = routes.match("POST", "/ws/demo")
    assert routes.match("POST", "/ws/demo") is found


def test_a_wrong_method_says_which_are_right() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        ROUTES.match("PUT", "/ws/demo")
    assert caught.value.allowed == ("POST",)


def test_a_request_may_mean_another_route_of_the_same_path() -> None:
    other = Route(
        "GET", "/ws/{slug}", Public("x"), handler, is_meant=lambda request: "X" in request.headers
    )
    plain = Route("GET", "/ws/{slug}", Action.USE, handler, instead=(other,))
    routes = Routes([plain])
    assert routes.table == (plain, other)
    assert plain.wanted_by(make_mocked_request("GET", "/ws/a", headers={"X": "1"})) is other
    assert plain.wanted_by(make_mocked_request("GET", "/ws/a")) is plain
    assert other.wanted_by(make_mocked_request("GET", "/ws/a")) is other


def test_a_route_without_a_policy_does_not_start() -> None:
    with pytest.raises(TypeError, match="no policy"):
        Routes([Route("GET", "/open", None, handler)])  # type: ignore[arg-type]  # the mistake
    lax = Route("GET", "/open", None, handler, is_meant=bool)  # type: ignore[arg-type]  # too
    with pytest.raises(TypeError, match="no policy"):
        Routes([Route("GET", "/ws/{slug}", Action.USE, handler, instead=(lax,))])
    Routes([Route("GET", "/mine", OfToken(Action.USE), handler)])
    with pytest.raises(TypeError, match="no workspace"):
        Routes([Route("GET", "/open", Action.USE, handler)])
