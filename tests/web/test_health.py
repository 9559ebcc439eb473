"""Anybody may ask whether it lives, and learns no more."""

from tests.web.conftest import Client


async def test_alive(client: Client) -> None:
    answered = await client.ask("GET", "/healthz", headers={"Authorization": ""})
    assert (answered.status, answered.json) == (200, {"status": "ok"})
    assert answered.headers["Server"] == "mcpgw"
