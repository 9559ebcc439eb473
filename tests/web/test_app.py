"""The server listens where it is told, and every route says what it asks."""

import pytest
from aiohttp import ClientConnectorError, ClientSession

from mcpgw.errors import Conflict, InvalidInput
from mcpgw.model.policy import Action
from mcpgw.web.app import build_routes, serving
from mcpgw.web.routing import OfToken, Public
from mcpgw.web.stream import Streams
from tests.e2e.conftest import free_port
from tests.web.conftest import Client, listening
from tests.world import World


async def test_every_route_declares_its_policy(world: World) -> None:
    for route in build_routes(world.gateway, 1, Streams(world.gateway.spawn)).table:
        assert isinstance(route.policy, Action | OfToken | Public)
        if isinstance(route.policy, Public):
            known = ("/healthz", "/readyz", "/api/v1/openapi.json")
            is_preflight = route.method == "OPTIONS" and route.is_shared
            assert route.path in known or route.is_meant is not None or is_preflight
            assert route.policy.reason


async def test_the_listener_of_who_monitors_tells_all_without_a_token(world: World) -> None:
    port = free_port()
    async with serving(world.gateway, listening(metrics_port=port)), ClientSession() as http:
        url = f"http://127.0.0.1:{port}"
        for path, text in (("/metrics", "mcpgw_build_info"), ("/healthz", "ok"), ("/readyz", "ok")):
            async with http.get(url + path) as response:
                assert response.status == 200
                assert text in await response.text()
        for path in ("/ws/demo", "/api/v1/openapi.json"):
            async with http.get(url + path) as response:
                assert response.status == 404
        async with http.get(f"{url}/metrics", headers={"Host": "evil.example"}) as response:
            assert response.status == 403
    with pytest.raises(ClientConnectorError):
        async with ClientSession() as http, http.get(f"{url}/metrics"):
            raise AssertionError("it listens without being asked")


async def test_a_taken_port_is_a_conflict(client: Client) -> None:
    port = int(client.url.rsplit(":", 1)[1])
    with pytest.raises(Conflict, match=str(port)):
        async with serving(client.world.gateway, listening(port=port)):
            raise AssertionError("two servers on one port")


async def test_an_address_of_another_machine_is_refused(world: World) -> None:
    with pytest.raises(InvalidInput, match="cannot listen"):
        async with serving(world.gateway, listening(host="198.51.100.1")):
            raise AssertionError("listening elsewhere")


async def test_the_public_url_is_what_clients_are_told(world: World) -> None:
    async with serving(world.gateway, listening(public_url="https://gw.example/")) as url:
        assert url == "https://gw.example"


async def test_ipv6_is_written_as_urls_want_it(world: World) -> None:
    async with serving(world.gateway, listening(host="::1")) as url:
        assert url.startswith("http://[::1]:")
