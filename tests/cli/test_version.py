from mcpgw import __version__
from tests.cli.conftest import Cli


def test_the_version(bare: Cli) -> None:
    assert bare("version").out == f"mcpgw {__version__}\n"
    assert bare("--version").out == f"mcpgw {__version__}\n"
    assert bare.json("version")["version"] == __version__
