"""Failed attempts are limited by address; a valid token is never held up."""

import logging

import pytest

from mcpgw.errors import Limited, Unauthenticated
from mcpgw.model.token import OPERATOR
from mcpgw.web import failure
from mcpgw.web.app import serving
from mcpgw.web.failure import SPAN_S, Failures
from tests.fakes import FakeClock
from tests.web.conftest import Client, listening, modern_body, modern_headers
from tests.world import World

REFUSAL = Unauthenticated("a valid token is needed")


def test_ten_a_minute_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    failures = Failures(10, clock.monotonic_s)
    with caplog.at_level(logging.WARNING):
        assert [failures.judge(REFUSAL, "192.0.2.1") for _ in range(10)] == [REFUSAL] * 10
        clock.pass_s(20)
        limited = [failures.judge(REFUSAL, "192.0.2.1") for _ in range(100)][-1]
    assert isinstance(limited, Limited)
    assert limited.retry_after_s == SPAN_S - 20
    assert len(caplog.records) == 1
    assert "192.0.2.1" in caplog.text
    assert failures.judge(REFUSAL, "192.0.2.2") is REFUSAL
    clock.pass_s(SPAN_S)
    assert failures.judge(REFUSAL, "192.0.2.1") is REFUSAL


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes with many addresses pushes others out of memory, and they begin anew."""
    monkeypatch.setattr(failure, "MAX_ADDRESSES", 3)
    failures = Failures(1, FakeClock().monotonic_s)
    for number in range(100):
        assert failures.judge(REFUSAL, f"192.0.2.{number}") is REFUSAL
    assert isinstance(failures.judge(REFUSAL, "192.0.2.99"), Limited)
    assert failures.judge(REFUSAL, "192.0.2.0") is REFUSAL


def test_a_network_of_ipv6_is_one_customer() -> None:
    failures = Failures(1, FakeClock().monotonic_s)
    assert failures.judge(REFUSAL, "2001:db8::1") is REFUSAL
    assert isinstance(failures.judge(REFUSAL, "2001:db8::2"), Limited)
    assert failures.judge(REFUSAL, "2001:db8:0:1::1") is REFUSAL


async def test_at_the_door(world: World, client: Client) -> None:
    """Whatever fails reads the same, and who has a token is served throughout."""
    await world.gateway.workspaces.create(OPERATOR, "other")
    bad = modern_headers("tools/list") | {"Authorization": "Bearer nonsense"}
    good = modern_headers("tools/list") | {"Authorization": f"Bearer {client.token}"}
    async with serving(world.gateway, listening(max_auth_failures=3)) as url:

        async def ask(path: str, headers: dict[str, str]) -> tuple[int, str, dict[str, str]]:
            asked = client.http.post(url + path, json=modern_body("tools/list"), headers=headers)
            async with asked as response:
                kept = {k: v for k, v in response.headers.items() if k not in ("Date",)}
                return response.status, await response.text(), kept

        answers = [await ask("/ws/demo", bad) for _ in range(2)] + [await ask("/ws/none", bad)]
        assert [status for status, *_ in answers] == [401, 401, 401]
        limited = [await ask(path, bad) for path in ("/ws/demo", "/ws/other", "/ws/none")]
        foreign = await ask("/ws/other", good)
        assert {status for status, *_ in (*limited, foreign)} == {429}
        assert len({text for _, text, _ in (*limited, foreign)}) == 1
        assert 0 < int(limited[0][2]["Retry-After"]) <= SPAN_S
        assert "WWW-Authenticate" not in limited[0][2]
        assert (await ask("/ws/demo", good))[0] == 200
