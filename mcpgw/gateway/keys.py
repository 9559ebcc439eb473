"""The keys of the house at hand: unlocks the vault when the first use case needs it."""

from mcpgw.gateway.ports import Vault
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import DataKey, KeyKind


class Keys:
    """Hands out wrapped data keys once the vault that can use them is open."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def unlock(self, configuration: Configuration) -> None:
        """Open the vault if it is not open yet.

        Raises:
            VaultLocked: the master key is missing or wrong.
        """
        if not self._vault.is_open:
            self._vault.unlock(configuration.install_id, configuration.slots)

    def newest(
        self, configuration: Configuration, kind: KeyKind, workspace_id: str = ""
    ) -> DataKey:
        """Return the data key to seal with, the vault being open.

        Raises:
            VaultLocked: the master key is missing or wrong.
            NotFound: the data directory is not initialised.
        """
        self.unlock(configuration)
        return configuration.datakey(kind, workspace_id)
