"""One suite, two bridges: `mcpgw bridge`, and the one in JavaScript that npx starts."""

import pytest

from tests.cli.bridging import gateway

SHARED = ("test_relay", "test_session", "test_running")
"""The modules whose tests say what any bridge does, but for those that reach into ours."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_shared = metafunc.module.__name__.rpartition(".")[2] in SHARED
    names = metafunc.function.__code__.co_names
    if is_shared and "bridged" in names and "setattr" not in names:
        metafunc.parametrize("bridge", list(gateway.RUN), indirect=True)


@pytest.fixture(autouse=True)
def bridge(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "kind", getattr(request, "param", "python"))
