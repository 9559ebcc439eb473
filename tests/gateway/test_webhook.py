"""The URL of a webhook is opened for its own alert only, as it was made."""

from dataclasses import replace
from typing import Any

import pytest

from mcpgw.errors import InvalidInput, VaultLocked
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.webhook import Webhooks, host_of
from mcpgw.model.alert import Alert
from mcpgw.model.secret import Secret
from tests.store.records import alert
from tests.world import World

URL = "https://hooks.example:8443/canary-in-a-path?key=canary"


@pytest.fixture
async def webhooks(world: World) -> Webhooks:
    return Webhooks(Keys(world.vault, world.acts), world.vault, world.post)


@pytest.fixture
async def made(world: World, webhooks: Webhooks) -> Alert:
    configuration = await world.current.configuration()
    bare = alert(workspace_id=configuration.workspaces["demo"].id)
    return webhooks.seal(configuration, Secret(URL), bare)


async def test_it_is_opened_to_post(world: World, webhooks: Webhooks, made: Alert) -> None:
    configuration = await world.current.configuration()
    assert made.host == "hooks.example:8443"
    assert "canary" not in repr(made)
    assert await webhooks.send(configuration, made, {"a": 1})
    assert world.post.posted == [(URL, {"a": 1})]


@pytest.mark.parametrize(
    "change",
    [{"id": "alert_2"}, {"when": "calls(10m) > 0"}, {"every_s": 1.0}, {"host": "other"}],
)
async def test_an_alert_that_somebody_changed_is_not_sent(
    world: World, webhooks: Webhooks, made: Alert, change: dict[str, Any]
) -> None:
    configuration = await world.current.configuration()
    with pytest.raises(VaultLocked):
        await webhooks.send(configuration, replace(made, **change), {})
    with pytest.raises(VaultLocked, match="not in the store"):
        await webhooks.send(configuration, replace(made, datakey_id="other"), {})
    assert world.post.posted == []


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example", "ftp://hooks.example/x", "https://", "https://[broken/canary"),
        *("https://hooks.example:port/canary", f"https://hooks.example/canary{'x' * 2048}"),
        *(
            "https://hooks.example/ canary",
            "https://hooks.example/canary\n",
            "https://höks.example",
        ),
    ],
)
def test_nothing_to_post_to(url: str) -> None:
    with pytest.raises(InvalidInput, match="the webhook") as raised:
        host_of(Secret(url))
    assert "canary" not in f"{raised.value.message} {raised.value.hint}"


def test_the_host_is_all_that_is_shown() -> None:
    assert host_of(Secret("https://canary:canary@hooks.example/canary")) == "hooks.example"
