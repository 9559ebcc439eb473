from typing import Any

import keyring
import pytest

from mcpgw.cli.connecting import keeping
from mcpgw.cli.connecting.keeping import keep_token
from mcpgw.errors import Unauthenticated
from tests.cli.test_bridge import MemoryKeyring

URL = "https://x.example/ws/t"


@pytest.fixture
def kept(no_keyring: None) -> dict[tuple[str, str], str]:
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    return backend.passwords


def asked(monkeypatch: pytest.MonkeyPatch, typed: str | None) -> None:
    """Let somebody sit at the terminal who types that, or nobody."""
    answer: Any = type("Typed", (), {"reveal": lambda self: typed})
    monkeypatch.setattr(keeping, "is_terminal", lambda: typed is not None)
    monkeypatch.setattr(keeping, "ask_secret", lambda question: answer())


def test_that_of_the_environment(kept: dict[tuple[str, str], str]) -> None:
    assert keep_token(URL, "mgwu_a") == ""
    assert kept == {("mcpgw", URL): "mgwu_a"}
    assert keep_token(URL, "mgwu_b") == ""
    assert kept == {("mcpgw", URL): "mgwu_b"}


def test_one_that_is_there_is_enough(kept: dict[tuple[str, str], str]) -> None:
    kept["mcpgw", URL] = "mgwu_a"
    assert keep_token(URL, "") == ""


@pytest.mark.parametrize("typed", [None, "", " "])
def test_left_for_later(
    kept: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch, typed: str | None
) -> None:
    asked(monkeypatch, typed)
    assert f"mcpgw bridge --url {URL} --save-token" in keep_token(URL, "")
    assert kept == {}


def test_typed(kept: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch, " mgwu_a\n")
    assert keep_token(URL, "") == ""
    assert kept == {("mcpgw", URL): "mgwu_a"}
    asked(monkeypatch, "two words")
    kept.clear()
    with pytest.raises(Unauthenticated):
        keep_token(URL, "")


def test_no_keyring() -> None:
    left = keep_token(URL, "mgwu_a")
    assert "set MCPGW_TOKEN" in left
    assert "mgwu_a" not in left
