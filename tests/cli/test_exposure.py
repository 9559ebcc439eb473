from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcpgw.cli.exposure import check_exposure, exposure, is_every_address, is_loopback
from mcpgw.config import Config, load_config
from mcpgw.errors import InvalidInput

TLS: dict[str, Any] = {"tls_cert": "chain.pem", "tls_key": "key.pem"}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    usual = {"host": "127.0.0.1", "public_url": "", "tls_cert": "", "tls_key": ""}
    return load_config({"home": tmp_path, **usual})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"])
def test_loopback(config: Config, host: str) -> None:
    assert is_loopback(host)
    check_exposure(replace(config, host=host), False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "box.example.com", ""])  # noqa: S104
def test_beyond_this_machine(config: Config, host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(InvalidInput, match="readable") as caught:
        check_exposure(replace(config, host=host), False)
    assert "TLS proxy" in caught.value.hint
    assert "--tls-cert" in caught.value.hint
    check_exposure(replace(config, host=host), True)
    check_exposure(replace(config, host=host, **TLS), False)


@pytest.mark.parametrize("half", TLS)
def test_half_a_certificate_is_none(config: Config, half: str) -> None:
    with pytest.raises(InvalidInput, match="a certificate and its key"):
        check_exposure(replace(config, **{half: TLS[half]}), True)


def test_what_people_are_told(config: Config) -> None:
    assert exposure(config) == "reachable from this machine only"
    behind = replace(config, public_url="https://gateway.example.com")
    assert "by your proxy at https://gateway.example.com" in exposure(behind)
    assert exposure(replace(config, host="10.0.0.1")).startswith("WARNING: plain HTTP on 10.0.0.1")
    own = exposure(replace(config, host="10.0.0.1", **TLS))
    assert own == "reachable at 10.0.0.1 with TLS (chain.pem)"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])  # noqa: S104
def test_all_addresses_have_no_name(config: Config, host: str) -> None:
    assert is_every_address(host)
    everywhere = replace(config, host=host, **TLS)
    assert "until --public-url" in exposure(everywhere)
    assert "until" not in exposure(replace(everywhere, public_url="https://gw.example.com"))
    assert not is_every_address("box.example.com")
    assert not is_every_address("10.0.0.1")
