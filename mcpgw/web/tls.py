"""Our own TLS: a certificate and its key, from files, taken up anew when told."""

import os
import ssl
from pathlib import Path

from mcpgw.errors import InvalidInput
from mcpgw.model.secret_file import exposure


class Certificate:
    """What we prove with that we are who clients asked for.

    `context` serves TLS 1.2 and newer; ask for it anew for each connection.
    """

    def __init__(self, certificate: str, key: str) -> None:
        """Read both files.

        Raises:
            InvalidInput: one is missing, unusable or readable by others, or they do not match.
        """
        self._certificate = Path(certificate)
        self._key = Path(key)
        self.context = self._load()

    def reload(self) -> None:
        """Serve new connections with what the files say now.

        Raises:
            InvalidInput: as above; then everything stays as it was.
        """
        self.context = self._load()

    def _load(self) -> ssl.SSLContext:
        _check_readable(self._certificate, "certificate")
        exposed = exposure(_check_readable(self._key, "TLS key"), os.geteuid(), may_be_of_root=True)
        if exposed:
            raise InvalidInput(f"the TLS key {self._key} cannot be used: {exposed}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._certificate, self._key, password=_refuse)
        except ssl.SSLError as error:
            raise InvalidInput(
                f"{self._certificate} and {self._key} cannot be used together: {_reason(error)}",
                "give a PEM file with the certificate chain, and one with its private key",
            ) from None
        return context


def _check_readable(path: Path, what: str) -> os.stat_result:
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno())
    except OSError as error:
        raise InvalidInput(
            f"the {what} {path} cannot be read: {error.strerror}", "see: mcpgw serve --help"
        ) from None


def _refuse() -> str:
    """Be asked for a passphrase, which nobody could type when we are started again."""
    raise InvalidInput(
        "the TLS key has a passphrase", "keep it without one, in a file of mode 0600"
    )


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "no PEM").replace("_", " ").lower()
