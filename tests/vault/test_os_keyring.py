import threading

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.backends.null import Keyring as NullKeyring
from keyring.core import load_keyring
from keyring.errors import KeyringLocked
from secretstorage.exceptions import SecretServiceNotAvailableException

from mcpgw.errors import VaultLocked
from mcpgw.vault.key import MasterKey
from mcpgw.vault.os_keyring import KeyringKey

INSTALL = "0123456789abcdef"
NO_KEYRING = load_keyring("keyring.backends.fail.Keyring")
NULL_KEYRING = load_keyring("keyring.backends.null.Keyring")


class Good(KeyringBackend):
    priority = 0.1

    def __init__(self) -> None:
        self.password: str | None = None

    def get_password(self, service: str, username: str) -> str | None:
        assert (service, username) == ("mcpgw", INSTALL)
        return self.password

    def set_password(self, service: str, username: str, password: str) -> None:
        assert (service, username) == ("mcpgw", INSTALL)
        self.password = password


class Other(Good):
    pass


class Forgetful(Good):
    def set_password(self, service: str, username: str, password: str) -> None:
        self.password = None


class Altering(Good):
    def set_password(self, service: str, username: str, password: str) -> None:
        self.password = MasterKey.new().text


class Raising(Good):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def get_password(self, service: str, username: str) -> str | None:
        raise self._error


class StrangeError(Exception):
    pass


def named(name: str, parent: type[KeyringBackend] = Good) -> KeyringBackend:
    """A backend whose class has that full name."""
    module, _, class_name = name.rpartition(".")
    kind = type(class_name, (parent,), {"__module__": module})
    backend: KeyringBackend = kind()
    return backend


def chain(*backends: KeyringBackend) -> ChainerBackend:
    kind = type("Chain", (ChainerBackend,), {"backends": list(backends), "priority": 0.1})
    chainer: ChainerBackend = kind()
    return chainer


def key_in(backend: KeyringBackend, place: str = "") -> KeyringKey:
    keyring.set_keyring(backend)
    return KeyringKey(INSTALL, place, limit_s=30.0)


def name_of(backend: KeyringBackend) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def test_makes_a_key_once_and_finds_it_again() -> None:
    backend = Good()
    source = key_in(backend)
    assert source.read() is None
    made = source.make()
    assert made is not None
    assert backend.password == made.text
    assert source.make() == made
    assert key_in(backend, source.place).read() == made


def test_says_which_backend_it_uses() -> None:
    source = key_in(Good())
    assert (source.source, source.place, source.title) == ("keyring", "", "the OS keyring")
    source.make()
    assert source.place == name_of(Good())
    assert source.title == f"the OS keyring {name_of(Good())}"


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        (Forgetful(), "does not give back"),
        (Altering(), "does not give back"),
        (Raising(KeyringLocked("CANARY")), r"failed \(KeyringLocked\)"),
        (Raising(SecretServiceNotAvailableException("CANARY")), "SecretServiceNotAvailable"),
        (Raising(ConnectionRefusedError("CANARY")), "ConnectionRefusedError"),
        (Raising(RuntimeError("CANARY")), "RuntimeError"),
        (NO_KEYRING, "keyring.backends.fail.Keyring"),
        (NULL_KEYRING, "keyring.backends.null.Keyring"),
        (named("keyrings.alt.file.PlaintextKeyring"), "keyrings.alt.file.PlaintextKeyring"),
        (named("keyrings.alt.file.EncryptedKeyring"), "keyrings.alt.file.EncryptedKeyring"),
        (named("somebody.PlainTextFile"), "somebody.PlainTextFile"),
        (named("innocent.Keyring", NullKeyring), "innocent.Keyring"),
        (chain(NULL_KEYRING, NO_KEYRING), "null.Keyring, keyring.backends.fail.Keyring"),
        (chain(), "offers none"),
    ],
    ids=lambda value: name_of(value) if isinstance(value, KeyringBackend) else "",
)
def test_refuses_a_keyring_that_keeps_nothing_or_keeps_it_readable(
    backend: KeyringBackend, message: str
) -> None:
    with pytest.raises(VaultLocked, match=message) as caught:
        key_in(backend).make()
    assert "CANARY" not in caught.value.message


def test_survives_an_error_that_nobody_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", shown.append)
    with pytest.raises(VaultLocked, match="failed unexpectedly"):
        key_in(Raising(StrangeError())).make()
    assert [each.exc_type for each in shown] == [StrangeError]


@pytest.mark.parametrize("password", ["something else", "mgwk1_" + "A" * 48])
def test_never_overwrites_what_is_there(password: str) -> None:
    backend = Good()
    backend.password = password
    with pytest.raises(VaultLocked, match="master key"):
        key_in(backend).make()
    assert backend.password == password


def test_looks_at_what_is_chained_and_pins_one_of_them() -> None:
    good = Good()
    source = key_in(chain(NULL_KEYRING, good, Other()))
    made = source.make()
    assert source.place == name_of(good)
    assert key_in(chain(Other(), good), source.place).read() == made


def test_asks_no_other_backend_than_the_pinned_one() -> None:
    source = key_in(Good())
    made = source.make()
    assert made is not None
    capturing = Other()
    capturing.password = made.text
    with pytest.raises(VaultLocked, match=r"this machine offers .*Other"):
        key_in(capturing, source.place).read()


def test_a_pinned_backend_is_refused_too() -> None:
    plain = named("keyrings.alt.file.PlaintextKeyring")
    with pytest.raises(VaultLocked, match="not usable"):
        key_in(plain, name_of(plain)).read()


def test_stops_waiting_for_a_keyring_that_hangs(hanging_keyring: None) -> None:
    source = KeyringKey(INSTALL, "", limit_s=0.05)
    for ask in (source.read, source.make):
        with pytest.raises(VaultLocked, match=r"did not answer within 0.05 s"):
            ask()
