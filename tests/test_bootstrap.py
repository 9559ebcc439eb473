"""The wiring: a gateway on a real data directory, and an orderly end."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from mcpgw.bootstrap import SystemClock, open_gateway
from mcpgw.config import Config, load_config
from mcpgw.errors import NotFound, VaultLocked
from mcpgw.model.audit import CallFilter
from mcpgw.model.token import OPERATOR, Role
from mcpgw.vault.key import MasterKey


@pytest.fixture
def config(tmp_path: Path) -> Config:
    given = load_config({"home": str(tmp_path / "data")})
    return replace(given, master_key=MasterKey.new().text, master_key_file="")


async def test_made_once_and_found_again(config: Config) -> None:
    async with open_gateway(config, is_created=True) as gateway:
        assert await gateway.installation.establish(OPERATOR)
        await gateway.workspaces.create(OPERATOR, "demo")
        issued = await gateway.tokens.issue(OPERATOR, "demo", "ana", Role.ADMIN, None)
    async with open_gateway(config, is_server=True) as gateway:
        await gateway.installation.unlock(OPERATOR)
        admission = await gateway.access.authenticate("demo", issued.text)
        assert admission.principal.member == "ana"
        assert await gateway.audit.find(OPERATOR, "demo", CallFilter()) == []


async def test_nothing_is_made_by_accident(config: Config) -> None:
    with pytest.raises(NotFound):
        async with open_gateway(config):
            raise AssertionError("opened what is not there")
    assert not config.home.exists()


async def test_another_key_opens_nothing(config: Config) -> None:
    async with open_gateway(config, is_created=True) as gateway:
        await gateway.installation.establish(OPERATOR)
    other = replace(config, master_key=MasterKey.new().text)
    async with open_gateway(other) as gateway:
        with pytest.raises(VaultLocked):
            await gateway.installation.unlock(OPERATOR)


async def test_background_work_ends_with_the_gateway(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def failing() -> None:
        raise ZeroDivisionError("canary-in-an-error")

    async with open_gateway(config, is_created=True) as gateway:
        gateway.spawn(endless())
        failed = gateway.spawn(failing())
        await asyncio.wait([failed])
        await asyncio.sleep(0)
        spawn = gateway.spawn
    assert ended.is_set()
    late = failing()
    with pytest.raises(RuntimeError, match="shutting down"):
        spawn(late)
    late.close()
    messages = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert any("ZeroDivisionError in failing" in message for message in messages)
    assert "canary" not in caplog.text


def test_the_clock_runs() -> None:
    clock = SystemClock()
    assert clock.now() > 1_700_000_000
    assert clock.monotonic_ns() <= clock.monotonic_ns()
