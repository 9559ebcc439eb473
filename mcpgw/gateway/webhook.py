"""Webhooks of alerts: their URLs are sealed, and opened only to post to them."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from mcpgw.errors import InvalidInput, VaultLocked
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.ports import Post, Vault
from mcpgw.model.alert import Alert
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import KeyKind
from mcpgw.model.secret import Secret

SEAL_PURPOSE = "mcpgw/webhook/v1"

MAX_URL = 2048

_HINT = "as in https://hooks.example.com/T0/B0"


class Webhooks:
    """Seals the URLs of webhooks, and posts to them."""

    def __init__(self, keys: Keys, vault: Vault, post: Post) -> None:
        self._keys = keys
        self._vault = vault
        self._post = post

    def seal(self, configuration: Configuration, url: Secret, alert: Alert) -> Alert:
        """Return the alert with the URL of its webhook, bound to all that the alert says.

        Raises:
            InvalidInput: nothing can be posted there.
            VaultLocked: the master key is missing or wrong.
        """
        key = self._keys.newest(configuration, KeyKind.WORKSPACE, alert.workspace_id)
        alert = replace(alert, host=host_of(url), datakey_id=key.id)
        context = _context(configuration, alert)
        return replace(alert, blob=self._vault.seal(key, context, url.reveal().encode()))

    async def send(
        self, configuration: Configuration, alert: Alert, body: Mapping[str, object]
    ) -> bool:
        """Post to the webhook of an alert; say whether that was acknowledged.

        Raises:
            VaultLocked: the master key is missing or wrong, or the alert is not as it was made.
            UpstreamError: it was certainly not taken.
        """
        self._keys.unlock(configuration)
        key = configuration.datakeys.get(alert.datakey_id)
        if key is None:
            raise VaultLocked("the key that sealed its webhook is not in the store")
        url = self._vault.open(key, _context(configuration, alert), alert.blob).decode()
        return await self._post(url, body)


def host_of(url: Secret) -> str:
    """Return the host that a URL names, and its port: all of it that may be shown.

    Raises:
        InvalidInput: nothing can be posted there.
    """
    text = url.reveal()
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if not host or scheme not in ("http", "https") or len(text) > MAX_URL:
        raise InvalidInput("the webhook is no http(s) URL with a host", _HINT)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidInput("the webhook's URL has a character that cannot stand there", _HINT)
    return host if port is None else f"{host}:{port}"


def _context(configuration: Configuration, alert: Alert) -> tuple[str, ...]:
    return (
        *(SEAL_PURPOSE, configuration.install_id, alert.workspace_id, alert.id),
        *(alert.when, repr(alert.every_s), alert.host, alert.datakey_id),
    )
