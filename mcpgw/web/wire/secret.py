"""Secrets as the API tells of them: names, versions, fingerprints. A value only ever goes in."""

from typing import Annotated

from msgspec import Meta, Struct

from mcpgw.gateway.secret import SecretSeen
from mcpgw.model.secret import MAX_SECRET_BYTES, SealedSecret
from mcpgw.web.wire.moment import Moment, moment, seconds_of


class SecretValue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value of a secret. No answer ever holds it."""

    value: Annotated[str, Meta(min_length=1, max_length=MAX_SECRET_BYTES)]

    def __repr__(self) -> str:
        """Hide the value."""
        return "SecretValue(***)"


class Secret(Struct, frozen=True, kw_only=True):
    """What is known of a secret. One that a server refers to but that is not set has no version.

    By `fingerprint`, a keyed digest, two people can compare values without seeing them.
    """

    server: str
    name: str
    is_set: bool
    version: int | None
    fingerprint: str | None
    set_at: Moment | None

    @classmethod
    def of(cls, seen: SecretSeen) -> "Secret":
        """Return what there is to tell of a record."""
        sealed = seen.sealed
        return cls(
            server=seen.server,
            name=seen.name,
            is_set=sealed is not None,
            version=None if sealed is None else sealed.version,
            fingerprint=None if sealed is None else sealed.fingerprint,
            set_at=None if sealed is None else moment(sealed.created_at),
        )

    def seen(self) -> SecretSeen:
        """Return the record, without what is sealed."""
        if self.version is None:
            return SecretSeen(self.server, self.name, None)
        sealed = SealedSecret(
            id="",
            workspace_id="",
            server_id="",
            name=self.name,
            version=self.version,
            datakey_id="",
            blob=b"",
            fingerprint=self.fingerprint or "",
            created_at=seconds_of(self.set_at) or 0.0,
        )
        return SecretSeen(self.server, self.name, sealed)
