"""The table: what each endpoint asks, and of whom."""

from pathlib import Path

from mcpgw.model.policy import Action
from mcpgw.web.api.table import build_endpoints
from tests.world import World


def test_reading_and_changing_ask_for_different_rights(world: World) -> None:
    for endpoint in build_endpoints(world.gateway):
        if endpoint.method == "GET":
            assert endpoint.action is not Action.CHANGE_CONFIGURATION, endpoint.path
        else:
            assert endpoint.action is Action.CHANGE_CONFIGURATION, endpoint.path


def test_every_endpoint_stands_in_the_documentation(world: World) -> None:
    text = (Path(__file__).parents[3] / "docs/api.md").read_text()
    for endpoint in build_endpoints(world.gateway):
        assert f"`{endpoint.method} {endpoint.path or '/'}" in text, endpoint.path


def test_nothing_asks_for_what_is_for_the_box(world: World) -> None:
    assert all(one.action is not Action.OPERATE for one in build_endpoints(world.gateway))


def test_every_change_of_a_thing_takes_a_condition(world: World) -> None:
    for endpoint in build_endpoints(world.gateway):
        if endpoint.method in ("PUT", "PATCH", "DELETE"):
            assert endpoint.match is not None, endpoint.path
