"""A gateway that serves is open."""

from mcpgw.cli.remote.installation import RemoteInstallation
from mcpgw.model.token import OPERATOR


async def test_there_is_nothing_to_unlock() -> None:
    await RemoteInstallation().unlock(OPERATOR)
