"""Secrets: set, list, delete; and filling a launch with their values at the last moment.

Nothing here returns a value: it is opened inside `fill`, for the connection that sends it.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mcpgw.errors import InvalidInput, NotFound, UpstreamError
from mcpgw.gateway.current import Current
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock, Fill, SecretStore, Vault
from mcpgw.gateway.redaction import OpenSecrets
from mcpgw.model.act import Act, ActKind, done_by
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import DataKey, KeyKind
from mcpgw.model.policy import Action
from mcpgw.model.secret import MAX_SECRET_BYTES, SealedSecret, Secret, check_secret_name, fill
from mcpgw.model.server import HttpLaunch, Server
from mcpgw.model.token import Principal

SEAL_PURPOSE = "mcpgw/secret/v1"
FINGERPRINT_PURPOSE = "mcpgw/fingerprint/v1"


@dataclass(frozen=True, slots=True)
class SecretSeen:
    """What may be said of a secret. `sealed` is None when a launch refers to it but none is set."""

    server: str
    name: str
    sealed: SealedSecret | None


class Secrets:
    """What can be done with secrets."""

    def __init__(
        self, current: Current, store: SecretStore, keys: Keys, vault: Vault, clock: Clock
    ) -> None:
        self._current = current
        self._store = store
        self._keys = keys
        self._vault = vault
        self._clock = clock

    async def set(
        self, principal: Principal, slug: str, server_name: str, name: str, value: Secret
    ) -> SecretSeen:
        """Seal a value for one server. Clients notice nothing; the next call uses it.

        Raises:
            InvalidInput: the name or the value is unusable.
            NotFound: there is no such workspace or server.
            VaultLocked: the master key is not here.
        """
        check_secret_name(name)
        plain = value.reveal().encode("utf-8", "surrogateescape")
        if not 0 < len(plain) <= MAX_SECRET_BYTES:
            raise InvalidInput("the secret is empty or longer than 64 KiB", "check what was piped")
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.CHANGE_CONFIGURATION, workspace.id)
        server = configuration.server(workspace.id, server_name)
        _check_fits(server, name, value)
        key = self._keys.newest(configuration, KeyKind.WORKSPACE, workspace.id)
        print_key = self._keys.newest(configuration, KeyKind.FINGERPRINT)
        older = configuration.secrets_of(server).get(name)
        version = older.version + 1 if older else 1
        context = _context(configuration, server, name, version, key)
        digest = self._vault.digest(print_key, FINGERPRINT_PURPOSE, (plain,))
        sealed = SealedSecret(
            id=uuid.uuid4().hex,
            workspace_id=workspace.id,
            server_id=server.id,
            name=name,
            version=version,
            datakey_id=key.id,
            blob=self._vault.seal(key, context, plain),
            fingerprint=digest.hex()[:12],
            created_at=self._clock.now(),
        )
        await self._store.put(sealed, self._act(principal, ActKind.SECRET_SET, server, name))
        return SecretSeen(server.name, name, sealed)

    async def list(self, principal: Principal, slug: str) -> Sequence[SecretSeen]:
        """Return the secrets of a workspace, those that a launch refers to but lacks included.

        Raises:
            NotFound: there is no such workspace.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.READ_CONFIGURATION, workspace.id)
        seen = []
        for server in configuration.servers.get(workspace.id, ()):
            sealed = configuration.secrets_of(server)
            names = dict.fromkeys((*server.secret_names, *sorted(sealed)))
            seen += [SecretSeen(server.name, name, sealed.get(name)) for name in names]
        return seen

    async def show(
        self, principal: Principal, slug: str, server_name: str, name: str
    ) -> SecretSeen:
        """Return one secret, be it set or only referred to.

        Raises:
            NotFound: there is no such workspace, server or secret.
        """
        for seen in await self.list(principal, slug):
            if (seen.server, seen.name) == (server_name, name):
                return seen
        raise NotFound(
            f"no secret {name[:80]!r} of {server_name[:63]!r} in {slug}", "see: mcpgw secret list"
        )

    async def delete(self, principal: Principal, slug: str, server_name: str, name: str) -> None:
        """Delete a secret in all its versions.

        Raises:
            NotFound: there is no such workspace, server or secret.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.CHANGE_CONFIGURATION, workspace.id)
        server = configuration.server(workspace.id, server_name)
        if name not in configuration.secrets_of(server):
            raise NotFound(f"{server.name} has no secret {name[:80]!r}", "see: mcpgw secret list")
        act = self._act(principal, ActKind.SECRET_DELETE, server, name)
        await self._store.remove(server.id, name, act)

    def _act(self, principal: Principal, kind: ActKind, server: Server, name: str) -> Act:
        now, subject = self._clock.now(), f"{name} of {server.name}"
        return done_by(principal, now, kind, server.workspace_id, subject)


@dataclass(frozen=True, slots=True)
class Reach:
    """How a server is reached as it is configured now.

    `fingerprint` names the live connection; `fill` gives the launch's header or environment pairs
    in the clear, at the moment they are sent; `open_secrets` what secrets are in these, None for
    none.
    """

    server: Server
    fingerprint: str
    fill: Fill
    open_secrets: OpenSecrets | None = None


class Filler:
    """Makes the closures that open a launch's secrets when, and only when, they are sent."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def reach(
        self,
        configuration: Configuration,
        server: Server,
        trial: Mapping[str, Secret] = MappingProxyType({}),
    ) -> Reach:
        """Return how to reach `server`; `trial` are values that are not set yet.

        Its `fill` raises UpstreamError when a secret is not set, VaultLocked when it cannot be
        opened.

        Raises:
            InvalidInput: a value of `trial` cannot be sent.
        """
        for name, value in trial.items():
            _check_fits(server, name, value)
        sealed, names = configuration.secrets_of(server), server.secret_names
        versions = tuple((name, sealed[name].version) for name in names if name in sealed)
        value_of = self._opener(configuration, server, trial)
        launch = server.launch
        pairs = launch.headers if isinstance(launch, HttpLaunch) else launch.env

        def fill_launch() -> Sequence[tuple[str, str]]:
            return [(name, fill(value, value_of)) for name, value in pairs] if names else pairs

        def open_secrets() -> Mapping[str, str]:
            return {name: value_of(name) for name in names}

        fingerprint = server.fingerprint(versions)
        return Reach(server, fingerprint, fill_launch, open_secrets if names else None)

    def _opener(
        self, configuration: Configuration, server: Server, trial: Mapping[str, Secret]
    ) -> Callable[[str], str]:
        """Return what opens a secret of a server by its name."""
        sealed = configuration.secrets_of(server)

        def value_of(name: str) -> str:
            if name in trial:
                return trial[name].reveal()
            secret = sealed.get(name)
            if secret is None:
                raise UpstreamError(
                    f"the server {server.name} needs the secret {name}, which is not set",
                    f"run: mcpgw secret set {server.name} {name}",
                )
            key = configuration.datakeys[secret.datakey_id]
            context = _context(configuration, server, name, secret.version, key)
            return self._vault.open(key, context, secret.blob).decode("utf-8", "surrogateescape")

        return value_of


def _context(
    configuration: Configuration, server: Server, name: str, version: int, key: DataKey
) -> tuple[str, ...]:
    return (
        SEAL_PURPOSE,
        configuration.install_id,
        server.workspace_id,
        server.id,
        name,
        str(version),
        key.id,
    )


def _check_fits(server: Server, name: str, value: Secret) -> None:
    """Refuse a value that the launch could not carry, before it breaks every call."""
    text = value.reveal()
    if isinstance(server.launch, HttpLaunch):
        if any(ord(character) < 32 or ord(character) == 127 for character in text):
            raise InvalidInput(
                f"{name} holds a line break or control character, which no header can carry",
                "pipe it without a line break",
            )
    elif "\0" in text:
        raise InvalidInput(f"{name} holds a NUL byte, which no environment variable can carry")
