"""Records of keys as they lie in the store: always wrapped, never usable without the master key.

master key (keyring, file, systemd credential, variable)
   └─ wraps the root key                      KeySlot
        └─ wraps every data key               DataKey: one per workspace, and four of the house
"""

from dataclasses import dataclass
from enum import StrEnum


class KeyKind(StrEnum):
    """What a data key is for."""

    WORKSPACE = "workspace"
    """Seals the secrets of one workspace."""
    TOKEN = "token"  # noqa: S105  (a kind of key, no token)
    """Keys the digests of tokens and the MACs of their rows."""
    FINGERPRINT = "fingerprint"
    """Keys the digests by which people compare secrets."""
    AUDIT = "audit"
    """Keys the MACs of the journal's rows."""
    STATE = "state"
    """Seals what clients carry for us: session ids."""


@dataclass(frozen=True, slots=True)
class KeySlot:
    """One way to the root key.

    `source` is `keyring`, `file`, `credential` or `env`; `place` says where (a backend's name, a
    path); `key_id` is a digest by which a wrong master key is recognised before it is used.
    """

    id: str
    source: str
    place: str
    key_id: str
    wrapped: bytes
    created_at: float


@dataclass(frozen=True, slots=True)
class DataKey:
    """A wrapped data key. `workspace_id` is empty for the keys of the house."""

    id: str
    kind: KeyKind
    workspace_id: str
    version: int
    wrapped: bytes
    created_at: float
