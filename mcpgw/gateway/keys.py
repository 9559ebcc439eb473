"""The keys of the house at hand: unlocks the vault when the first use case needs it."""

from mcpgw.gateway.ports import ActStore, Vault
from mcpgw.model.chain import ACTS_PURPOSE
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import DataKey, KeyKind


class Keys:
    """Hands out wrapped data keys once the vault that can use them is open."""

    def __init__(self, vault: Vault, acts: ActStore) -> None:
        self._vault = vault
        self._acts = acts

    def unlock(self, configuration: Configuration) -> None:
        """Open the vault if it is not open yet.

        Raises:
            VaultLocked: the master key is missing or wrong.
        """
        if not self._vault.is_open:
            self._vault.unlock(configuration.install_id, configuration.slots)
            self.take_up(configuration)

    def take_up(self, configuration: Configuration) -> None:
        """Sign administrative acts from now on, the vault being open.

        Raises:
            VaultLocked: the key is not of this vault.
        """
        # An older version made none: it is made when the gateway serves next.
        if configuration.has_datakey(KeyKind.AUDIT):
            key = configuration.datakey(KeyKind.AUDIT)
            self._acts.sign_with(self._vault.signer(key, ACTS_PURPOSE))

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
