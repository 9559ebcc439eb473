"""The keys of a gateway elsewhere are its own business."""

from mcpgw.model.token import Principal


class RemoteInstallation:
    """As `gateway.installation.Installation`, as far as commands in a workspace need it."""

    async def unlock(self, principal: Principal) -> None:
        """Do nothing: a gateway that serves is open."""
