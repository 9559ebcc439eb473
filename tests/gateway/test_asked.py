"""What is known of who sent a request."""

from collections.abc import Mapping

import msgspec
import pytest
from msgspec import Raw

from mcpgw.gateway.asked import NOTHING
from mcpgw.model.audit import Outcome
from tests.world import World

DECLARED = b'{"roots":{"listChanged":true},"elicitation":{},"tasks":{}}'
ASKABLE = b'{"elicitation":{"form":{}},"roots":{}}'


@pytest.mark.parametrize("can_stream", [True, False])
async def test_a_modern_client_declares_with_every_request_and_needs_no_stream_to_be_asked(
    world: World, can_stream: bool
) -> None:
    one = await world.modern(DECLARED)
    one.can_stream = can_stream
    asked = one.asked("tools/list")
    assert (asked.capabilities, asked.askable) == (DECLARED, ASKABLE)
    assert asked.client == one.admission.principal.token_id


async def test_a_legacy_client_declared_when_its_session_began(world: World) -> None:
    one = await world.legacy(DECLARED)
    asked = one.asked("tools/list")
    assert (asked.capabilities, asked.askable) == (DECLARED, ASKABLE)
    assert asked.client == f"{one.admission.principal.token_id}:{one.session.id}"


async def test_a_legacy_client_without_a_stream_can_be_asked_nothing(world: World) -> None:
    one = await world.legacy(DECLARED)
    one.can_stream = False
    assert one.asked("tools/list").askable == NOTHING


async def test_two_sessions_of_one_token_are_two_clients(world: World) -> None:
    one = await world.legacy()
    other = await world.legacy(admission=one.admission)
    assert one.asked("ping").client != other.asked("ping").client


async def test_a_client_that_declares_nothing(world: World) -> None:
    asked = (await world.modern()).asked("ping")
    assert (asked.capabilities, asked.askable) == (NOTHING, NOTHING)


class Doubling:
    """An errand that says its arguments twice."""

    def fit(self, item: Mapping[str, Raw], params: Mapping[str, Raw]) -> dict[str, Raw]:
        return {**params, "arguments": Raw(bytes(item["inputSchema"]) + bytes(params["arguments"]))}

    def ended(self, server: str, outcome: Outcome, error_class: str) -> None:
        raise AssertionError("nothing was called")


async def test_parameters_are_fitted_to_the_tool_only_on_an_errand(world: World) -> None:
    item = {"inputSchema": Raw(b"1")}
    plain = (await world.modern()).asked(name=b'"t"', arguments=b"2")
    assert plain.fitted(item) is plain
    fitted = msgspec.structs.replace(plain, errand=Doubling()).fitted(item)
    assert {name: bytes(raw) for name, raw in fitted.call.params.items()} == {
        "name": b'"t"',
        "arguments": b"12",
    }
