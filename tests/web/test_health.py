"""Anybody may ask whether it lives and serves calls, and learns no more."""

from tests.web.conftest import Client

NOBODY = {"Authorization": ""}


async def test_alive(client: Client) -> None:
    answered = await client.ask("GET", "/healthz", headers=NOBODY)
    assert (answered.status, answered.json) == (200, {"status": "ok"})
    assert answered.headers["Server"] == "mcpgw"


async def test_ready_while_calls_can_be_recorded(client: Client) -> None:
    answered = await client.ask("GET", "/readyz", headers=NOBODY)
    assert (answered.status, answered.json) == (200, {"status": "ok"})
    client.world.journal.is_broken = True
    answered = await client.ask("GET", "/readyz", headers=NOBODY)
    assert (answered.status, answered.json) == (503, {"status": "degraded", "because": "journal"})
    answered = await client.ask("GET", "/healthz", headers=NOBODY)
    assert answered.status == 200
