import pytest

from tests.cli.conftest import Cli


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])  # noqa: S104  (what is refused)
def test_not_beyond_this_machine(cli: Cli, host: str) -> None:
    """In a process of its own: serving hardens the one it runs in."""
    done = cli.finish("serve", "--host", host, exit_code=2)
    assert "--insecure-http" in done.err
    assert "TLS proxy" in done.err
    assert len(done.err.splitlines()) == 2


def test_help_says_how_to_stop(cli: Cli) -> None:
    assert "Ctrl-C" in cli("serve", "--help").out
