import pytest

from mcpgw.cli.invocation import Invocation
from mcpgw.cli.workspace_url import url_of, workspace_url
from mcpgw.errors import InvalidInput, NotFound
from tests.cli.conftest import Cli
from tests.cli.test_serving import serving

URL = "https://gateway.example.com/ws/team"


async def test_the_one_given_counts_first(bare: Cli) -> None:
    assert await workspace_url(Invocation(), f"{URL}/") == URL
    bare.monkeypatch.setenv("MCPGW_URL", f"{URL}-2")
    assert await workspace_url(Invocation(), None) == f"{URL}-2"
    assert await workspace_url(Invocation(), URL) == URL
    with pytest.raises(InvalidInput):
        await workspace_url(Invocation(), "gateway.example.com")


async def test_a_gateway_without_its_workspace(bare: Cli) -> None:
    bare.monkeypatch.setenv("MCPGW_URL", "https://gateway.example.com/")
    assert await workspace_url(Invocation(workspace="team"), None) == URL
    default = await workspace_url(Invocation(), None)
    assert default == "https://gateway.example.com/ws/default"
    bare.monkeypatch.setenv("MCPGW_TOKEN", "mgwu_x")
    assert url_of(Invocation(workspace="team"), "team") == URL


async def test_no_gateway_and_no_url(bare: Cli) -> None:
    with pytest.raises(NotFound):
        await workspace_url(Invocation(), None)


async def test_the_gateway_here(cli: Cli) -> None:
    asked = Invocation()
    assert await workspace_url(asked, None) == "http://127.0.0.1:8080/ws/default"
    assert "no gateway is running" in cli.capsys.readouterr().err
    with serving(cli) as (_, url, _lines):
        assert await workspace_url(asked, None) == f"{url}/ws/default"
    assert "note" not in cli.capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "url"),
    [
        ("MCPGW_HOST", "::1", "http://[::1]:8080/ws/a"),
        ("MCPGW_TLS_CERT", "/cert.pem", "https://127.0.0.1:8080/ws/a"),
        ("MCPGW_PUBLIC_URL", "https://x.example", "https://x.example/ws/a"),
    ],
)
def test_where_it_would_be(bare: Cli, variable: str, value: str, url: str) -> None:
    bare.monkeypatch.setenv(variable, value)
    assert url_of(Invocation(), "a") == url


def test_where_it_will_be_nobody_knows(bare: Cli) -> None:
    bare.monkeypatch.setenv("MCPGW_PORT", "0")
    with pytest.raises(InvalidInput, match="not known before it runs"):
        url_of(Invocation(), "a")
