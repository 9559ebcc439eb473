"""Admins' rulings on tools, as far as they are genuine."""

import hmac
import logging
from collections.abc import Mapping

from mcpgw.gateway.keys import Keys
from mcpgw.gateway.ports import Vault
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import KeyKind
from mcpgw.model.ruling import Ruling
from mcpgw.model.server import Server
from mcpgw.model.tool_class import ToolClass

logger = logging.getLogger(__name__)

PURPOSE = "mcpgw/ruling/v1"


class Rulings:
    """Signs rulings, and reads those that are signed."""

    def __init__(self, keys: Keys, vault: Vault) -> None:
        self._keys = keys
        self._vault = vault

    def signed(self, configuration: Configuration, ruling: Ruling) -> Ruling:
        """Return the ruling with the MAC that makes it count.

        Raises:
            VaultLocked: the master key is not here.
        """
        return ruling.with_mac(self._mac(configuration, ruling))

    def of(self, configuration: Configuration, server: Server) -> Mapping[str, ToolClass]:
        """Return what admins ruled on a server's tools, by the server's own names of them.

        A ruling that somebody wrote past us makes its tool a writing one.

        Raises:
            VaultLocked: the master key is not here.
        """
        return {
            tool: ruling.kind if self._is_genuine(configuration, ruling) else ToolClass.WRITE
            for tool, ruling in configuration.rulings.get(server.id, {}).items()
        }

    def _is_genuine(self, configuration: Configuration, ruling: Ruling) -> bool:
        if hmac.compare_digest(self._mac(configuration, ruling), ruling.row_mac):
            return True
        logger.warning("a ruling on a tool was changed past mcpgw: the tool counts as writing")
        return False

    def _mac(self, configuration: Configuration, ruling: Ruling) -> bytes:
        key = self._keys.newest(configuration, KeyKind.TOKEN)
        return self._vault.digest(key, PURPOSE, ruling.decisive_fields())
