"""The gateway elsewhere has the shape of the gateway here, as far as commands need it."""

import inspect
import typing

from mcpgw.cli.remote.gateway import RemoteGateway, open_remote
from mcpgw.gateway.gateway import Gateway
from mcpgw.model.token import Role
from tests.cli.remote.conftest import MOST_BYTES, target
from tests.web.conftest import Client


def test_what_it_has_is_called_and_asked_as_in_the_gateway() -> None:
    """Whatever more a use case takes at the box need not be given."""
    here, there = typing.get_type_hints(Gateway), typing.get_type_hints(RemoteGateway)
    nouns = here.keys() & there.keys()
    assert len(nouns) == 10
    for noun in nouns:
        for name, method in inspect.getmembers(there[noun], inspect.isfunction):
            if not name.startswith("_"):
                local = dict(inspect.signature(getattr(here[noun], name)).parameters)
                for parameter in inspect.signature(method).parameters.values():
                    assert local.pop(parameter.name) == parameter, (noun, name)
                assert all(one.default is not one.empty for one in local.values()), (noun, name)


async def test_who_one_is(client: Client) -> None:
    async with open_remote(await target(client, Role.READONLY), MOST_BYTES) as gateway:
        me = await gateway.me()
    assert (me.member, me.role, me.workspace) == ("ada", Role.READONLY, "demo")
