"""What Prometheus reads."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mcpgw.model.token import OPERATOR, Role
from tests.web.conftest import Client


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every sample by name and labels, as Prometheus reads them."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
async def admin(client: Client) -> Client:
    await client.world.server("git", log="x")
    for name in ("git__log", "git__log", "nothing"):
        await client.modern("tools/call", name, name=name)
    issued = await client.world.gateway.tokens.issue(OPERATOR, "demo", "ada", Role.ADMIN)
    client.token = issued.text
    return client


async def test_what_an_admin_is_told(admin: Client) -> None:
    answered = await admin.ask("GET", "/metrics")
    assert answered.status == 200
    assert answered.headers["Content-Type"].startswith("text/plain; version=")
    found = samples(answered.text)
    workspace, server = ("workspace", "demo"), ("server", "git")
    labels = (server, ("status", "ok"), ("surface", "mcp"), ("tool", "git__log"), workspace)
    assert found["mcpgw_calls_total", labels] == 2
    denied = (("server", ""), ("status", "denied"), ("surface", "mcp"), ("tool", ""), workspace)
    assert found["mcpgw_calls_total", denied] == 1
    assert found["mcpgw_call_duration_seconds_count", (server, workspace)] == 2
    last = (("le", "+Inf"), server, workspace)
    assert found["mcpgw_call_duration_seconds_bucket", last] == 2
    assert found["mcpgw_gateway_duration_seconds_count", (workspace,)] == 2
    assert found["mcpgw_request_bytes_total", (server, workspace)] > 0
    assert found["mcpgw_journal_degraded", ()] == 0
    assert found["mcpgw_calls_under_way", ()] == 0
    assert not any(name.startswith("process_") for name, _ in found)
    assert "ana" not in answered.text


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.READONLY])
async def test_nobody_else_is_told(client: Client, role: Role) -> None:
    issued = await client.world.gateway.tokens.issue(OPERATOR, "demo", "x", role)
    client.token = issued.text
    assert (await client.ask("GET", "/metrics")).status == 403
    assert (await client.ask("GET", "/metrics", headers={"Authorization": ""})).status == 401


async def test_while_rows_cannot_be_written(admin: Client) -> None:
    admin.world.journal.is_broken = True
    found = samples((await admin.ask("GET", "/metrics")).text)
    assert found["mcpgw_journal_degraded", ()] == 1
