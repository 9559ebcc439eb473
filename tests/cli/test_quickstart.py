from tests.cli.conftest import Cli


def test_help_says_what_it_keeps(bare: Cli) -> None:
    shown = bare("quickstart", "--help").out
    assert "--once" in shown
    assert "keeps what is there" in shown
    assert "mcpgw quickstart --once" in shown
