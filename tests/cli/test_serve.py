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


def test_half_a_certificate(cli: Cli) -> None:
    done = cli.finish("serve", "--tls-cert", "chain.pem", exit_code=2)
    assert "both --tls-cert and --tls-key" in done.err


@pytest.mark.parametrize(
    "option",
    [
        ("--public-url", "gateway.example.com"),
        ("--public-url", "https://user@gateway.example.com"),
        ("--trusted-proxy", "proxy.example.com"),
        ("--trusted-proxy", "10.0.0.1/8"),
    ],
)
def test_what_does_not_fit_is_refused(cli: Cli, option: tuple[str, str]) -> None:
    done = cli.finish("serve", *option, exit_code=2)
    assert "the command line gives" in done.err
    assert option[1] not in done.err
