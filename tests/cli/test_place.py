import pytest

from mcpgw.cli.place import missing, remember, remembered
from mcpgw.config import load_config
from mcpgw.errors import StorageError
from tests.cli.conftest import Cli


def test_what_is_missing() -> None:
    error = missing("server", "jria", ["jira", "github"], "in demo")
    assert error.message == "no server 'jria' in demo"
    assert error.hint == "did you mean jira? there are: jira, github"
    assert missing("tool", "x", []).hint == "add one: mcpgw tool --help"


def test_nothing_remembered(bare: Cli) -> None:
    config = load_config({"home": bare.home})
    assert remembered(config) == ""
    bare.home.mkdir()
    (bare.home / "workspace").write_bytes(b"\xff")
    assert remembered(config) == ""
    remember(config, "team")
    assert remembered(config) == "team"


def test_a_choice_that_cannot_be_remembered(bare: Cli) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        remember(load_config({"home": bare.home / "nowhere"}), "team")
