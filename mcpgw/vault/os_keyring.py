"""The keyring of the operating system, which is asked in a thread with a limit; the key in it.

Never uses a backend that stores nothing or stores it readable. The only importer of keyring.
"""

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from mcpgw.errors import VaultLocked
from mcpgw.vault.key import MasterKey

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

Answer = TypeVar("Answer")

KEYRING_SERVICE = "mcpgw"
KEYRING_LIMIT_S = 5.0
"""A Secret Service whose prompt nobody can see never answers (jaraco/keyring#735)."""

REFUSED_BACKENDS = (
    "keyring.backends.fail.",
    "keyring.backends.null.",
    "keyring.backends.chainer.",
    "keyrings.alt.",
    "plaintext",
)
"""Parts of class names, in lower case. A chainer is refused, those that it chains are looked at."""

PYTHON_ERRORS = (AttributeError, ImportError, LookupError, OSError, RuntimeError, ValueError)
"""Raised while a backend is chosen from the user's keyring settings, and by D-Bus connections."""

BACKEND_ERRORS = (
    ("keyring.errors", "KeyringError"),
    ("secretstorage.exceptions", "SecretStorageException"),
    ("jeepney.wrappers", "DBusErrorResponse"),
    ("dbus.exceptions", "DBusException"),
)
"""Errors of libraries that only some systems have: keyring lets them through."""


class KeyringKey:
    """The key in the keyring of the operating system, under the name of this installation.

    `place` is the backend's class name. When it is given, no other backend is asked: a package
    installed later cannot put itself in between.
    """

    source = "keyring"

    def __init__(self, install_id: str, place: str, limit_s: float) -> None:
        self._install_id = install_id
        self._keyring = OsKeyring(place, limit_s)

    @property
    def place(self) -> str:
        """The backend, empty before one was chosen."""
        return self._keyring.place

    @property
    def title(self) -> str:
        """The keyring, with its backend once that is known."""
        return f"the OS keyring {self.place}".rstrip()

    def read(self) -> MasterKey | None:
        """Return the key, None when the keyring has none. Raises VaultLocked."""
        text = self._keyring.read(self._install_id)
        return MasterKey.parse(text) if text else None

    def make(self) -> MasterKey:
        """Return the key of the keyring, put there if it has none. Raises VaultLocked."""
        found = self.read()
        if found is None:
            found = MasterKey.new()
            self._keyring.write(self._install_id, found.text)
        return found


class OsKeyring:
    """Texts in the keyring, each under the name of an account.

    `place` is the backend's class name: the only one that is asked, or empty until one is chosen.
    """

    def __init__(self, place: str = "", limit_s: float = KEYRING_LIMIT_S) -> None:
        self.place = place
        self._limit_s = limit_s

    def read(self, account: str) -> str | None:
        """Return the text, None when there is none. Raises VaultLocked."""
        return self._within_limit(lambda: self._backend().get_password(KEYRING_SERVICE, account))

    def write(self, account: str, text: str) -> None:
        """Put a text there, instead of the one before. Raises VaultLocked."""
        self._within_limit(lambda: self._write(account, text))

    def _write(self, account: str, text: str) -> None:
        self._backend().set_password(KEYRING_SERVICE, account, text)
        if self._backend().get_password(KEYRING_SERVICE, account) != text:
            raise VaultLocked("does not give back what was put in")

    def _backend(self) -> "KeyringBackend":
        """Choose the pinned backend, or else the best that is not refused."""
        # Imported here: it costs over 0.1 s and talks to D-Bus, and most installations on servers
        # have their key in a file.
        import keyring
        from keyring.backends.chainer import ChainerBackend

        best = keyring.get_keyring()
        backends = best.backends if isinstance(best, ChainerBackend) else [best]
        found = {_class_name(type(backend)): backend for backend in backends}
        usable = {
            name: backend for name, backend in found.items() if not _is_refused(type(backend))
        }
        name = self.place or next(iter(usable), "")
        if name not in usable:
            raise VaultLocked(f"is not usable; this machine offers {', '.join(found) or 'none'}")
        self.place = name
        return usable[name]

    def _within_limit(self, ask: Callable[[], Answer]) -> Answer:
        answers: list[Answer] = []
        refusals: list[VaultLocked] = []

        def run() -> None:
            try:
                answers.append(ask())
            except VaultLocked as refusal:
                refusals.append(refusal)
            except _backend_errors() as error:
                # Only its name: what the message of a backend contains is not ours to know.
                refusals.append(VaultLocked(f"failed ({type(error).__name__})"))

        # A daemon: one that hangs must not keep the process from ending.
        thread = threading.Thread(target=run, name="mcpgw-keyring", daemon=True)
        thread.start()
        thread.join(self._limit_s)
        if thread.is_alive():
            raise VaultLocked(
                f"did not answer within {self._limit_s:g} s: locked, or asking where nobody sees it"
            )
        if answers:
            return answers[0]
        # Neither: an error that nobody expected, which Python has shown when the thread ended.
        raise refusals[0] if refusals else VaultLocked("failed unexpectedly")


def _backend_errors() -> tuple[type[Exception], ...]:
    """Return what backends are known to raise. What is not loaded, no backend can have raised."""
    known = [getattr(sys.modules.get(module), name, None) for module, name in BACKEND_ERRORS]
    return (*PYTHON_ERRORS, *(kind for kind in known if kind is not None))


def _class_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_refused(kind: type) -> bool:
    """Tell whether a backend, or one that it is derived from, is of the refused ones."""
    names = [_class_name(each).lower() for each in kind.__mro__]
    return any(part in name for part in REFUSED_BACKENDS for name in names)
