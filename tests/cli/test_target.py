"""Which gateway is meant."""

import pytest

from mcpgw.cli.invocation import Invocation
from mcpgw.cli.target import (
    Target,
    check_address,
    check_token,
    is_elsewhere,
    remote_target,
    warn_of,
)
from mcpgw.errors import InvalidInput, Unauthenticated
from tests.cli.conftest import Cli


@pytest.fixture
def named(bare: Cli) -> Cli:
    bare.monkeypatch.setenv("MCPGW_URL", "https://gw.example/")
    bare.monkeypatch.setenv("MCPGW_TOKEN", "mgwu_x")
    return bare


@pytest.mark.parametrize(
    ("url", "base", "slug"),
    [
        ("https://gw.example", "https://gw.example", "default"),
        ("https://gw.example/", "https://gw.example", "default"),
        ("https://gw.example/ws/team", "https://gw.example", "team"),
        ("https://gw.example/ws/team/mcp/", "https://gw.example", "team"),
        ("https://gw.example/tools/ws/team", "https://gw.example/tools", "team"),
        ("http://[::1]:8080/ws/a", "http://[::1]:8080", "a"),
        ("https://gw.example/mcpgw", "https://gw.example/mcpgw", "default"),
    ],
)
def test_a_gateway_or_a_workspace_of_it(named: Cli, url: str, base: str, slug: str) -> None:
    named.monkeypatch.setenv("MCPGW_URL", url)
    target = remote_target(Invocation())
    assert (target.base, target.slug, target.token) == (base, slug, "mgwu_x")
    assert target.url == f"{base}/ws/{slug}"
    assert "mgwu_x" not in repr(target)


def test_which_workspace(named: Cli) -> None:
    named.monkeypatch.setenv("MCPGW_WORKSPACE", "variable")
    assert remote_target(Invocation()).slug == "variable"
    named.monkeypatch.setenv("MCPGW_URL", "https://gw.example/ws/in-url")
    assert remote_target(Invocation()).slug == "in-url"
    assert remote_target(Invocation(workspace="option")).slug == "option"


def test_a_name_that_would_lead_elsewhere(named: Cli) -> None:
    for name in ("../other", "a/b", "A"):
        with pytest.raises(InvalidInput):
            remote_target(Invocation(workspace=name))


def test_a_data_directory_that_is_named_outweighs_a_url(named: Cli) -> None:
    assert is_elsewhere(Invocation())
    assert not is_elsewhere(Invocation(home=str(named.home)))
    named.monkeypatch.delenv("MCPGW_URL")
    assert not is_elsewhere(Invocation())


def test_no_token(named: Cli) -> None:
    named.monkeypatch.delenv("MCPGW_TOKEN")
    with pytest.raises(Unauthenticated, match="no token for it in MCPGW_TOKEN"):
        remote_target(Invocation())


@pytest.mark.parametrize(
    "url",
    [
        "gw.example",
        "ftp://gw.example",
        "https://[::1",
        "https://gw.example/a b",
        "https://a:s3cret@gw.example",
        "https://gw/?t=s3cret",
    ],
)
def test_what_is_no_url_of_a_gateway(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_address(url)
    assert "s3cret" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("token", ["", " ", "a b", "a\r\nX: y", "\u00e9"])
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        check_token(token)
    assert "X: y" not in caught.value.message


def test_a_token_may_have_space_around_it() -> None:
    assert check_token(" x\n") == "x"


@pytest.mark.parametrize(
    ("url", "is_warned"),
    [
        ("http://gw.example/ws/a", True),
        ("https://gw.example/ws/a", False),
        ("http://127.0.0.1:8080/ws/a", False),
        ("http://[::1]/ws/a", False),
        ("http://localhost/ws/a", False),
    ],
)
def test_a_token_that_crosses_a_network_readable(
    url: str, is_warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    warn_of(url)
    assert ("WARNING: plain HTTP to gw.example" in capsys.readouterr().err) is is_warned


def test_a_target_is_told_by_its_place() -> None:
    assert Target("https://gw.example", "team", "t").url == "https://gw.example/ws/team"
