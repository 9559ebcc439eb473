"""Whose address counts, and who may tell it."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from mcpgw.web.peer import (
    PEER,
    Peer,
    TrustedProxies,
    canonical,
    client_address,
    is_loopback,
    neighbourhood,
)

PROXIES = TrustedProxies(["10.0.0.0/8", "2001:db8:1::/48", "127.0.0.1/32"])

XFF = "X-Forwarded-For"


def client_of(*headers: tuple[str, str], peer: str = "10.0.0.1") -> str:
    request = make_mocked_request("POST", "/", headers=CIMultiDict(headers))
    request[PEER] = Peer(peer, PROXIES)
    return client_address(request)


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("  192.0.2.7  ", "192.0.2.7"),
        ("2001:DB8:2::7", "2001:db8:2::7"),
        ("[2001:db8:2::7]", "2001:db8:2::7"),
        ("[2001:db8:2::7]:443", "2001:db8:2::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        # From right to left, up to the first that is no proxy of ours.
        ("6.6.6.6, 192.0.2.7", "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7, 10.9.9.9", "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7, 2001:db8:1::5, 10.9.9.9", "192.0.2.7"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        # What cannot be read says nothing, and nor does what stands left of it.
        ("", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("6.6.6.6, nonsense", "10.0.0.1"),
        ("6.6.6.6, , 10.0.0.2", "10.0.0.2"),
        ("999.1.1.1", "10.0.0.1"),
        ("127.1", "10.0.0.1"),
        ("192.0.2.7 6.6.6.6", "10.0.0.1"),
        ("192.0.2.7\t", "192.0.2.7"),
    ],
)
def test_what_a_proxy_tells(told: str, address: str) -> None:
    assert client_of((XFF, told)) == address


def test_several_lines_are_one_list() -> None:
    assert client_of((XFF, "6.6.6.6"), (XFF, "192.0.2.7")) == "192.0.2.7"


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("for=192.0.2.7", "192.0.2.7"),
        ("For=192.0.2.7;proto=https;by=10.0.0.1", "192.0.2.7"),
        ('proto=https; for="[2001:db8:2::7]:4711"', "2001:db8:2::7"),
        ("for=6.6.6.6, for=192.0.2.7", "192.0.2.7"),
        ("for=6.6.6.6, for=192.0.2.7, for=10.4.4.4", "192.0.2.7"),
        ("by=10.0.0.1", "10.0.0.1"),
        ("for=unknown", "10.0.0.1"),
        ("for=_hidden", "10.0.0.1"),
        ("for=1.1.1.1;for=6.6.6.6", "10.0.0.1"),
        # A client cannot hide a hop of its own in what a proxy quotes.
        ('for=192.0.2.7;host="a,for=6.6.6.6"', "10.0.0.1"),
        ('for=192.0.2.7;host="a,for=6.6.6.6;x="', "10.0.0.1"),
        ('for=192.0.2.7;host="a\\",for=6.6.6.6;x=\\""', "10.0.0.1"),
        ('for=", for=192.0.2.7', "192.0.2.7"),
        ("for = 192.0.2.7", "10.0.0.1"),
        ("192.0.2.7", "10.0.0.1"),
    ],
)
def test_what_a_proxy_tells_in_the_standard_header(told: str, address: str) -> None:
    assert client_of(("Forwarded", told)) == address


def test_two_headers_count_if_they_agree() -> None:
    """A proxy writes one of them, and hands on the other as the client wrote it."""
    assert client_of((XFF, "192.0.2.7"), ("Forwarded", "for=6.6.6.6")) == "10.0.0.1"
    assert client_of((XFF, "6.6.6.6"), ("Forwarded", "for=192.0.2.7")) == "10.0.0.1"
    assert client_of((XFF, "192.0.2.7"), ("Forwarded", "for=192.0.2.7")) == "192.0.2.7"


@pytest.mark.parametrize("peer", ["192.0.2.9", "127.0.0.2", "::1", "11.0.0.1"])
def test_nobody_else_is_believed(peer: str) -> None:
    assert client_of((XFF, "6.6.6.6"), ("Forwarded", "for=6.6.6.6"), peer=peer) == peer


def test_without_trusted_proxies_nobody_is() -> None:
    peer = Peer("127.0.0.1", TrustedProxies(()))
    assert not peer.is_proxy
    request = make_mocked_request("POST", "/", headers={XFF: "6.6.6.6"})
    request[PEER] = peer
    assert client_address(request) == "127.0.0.1"


def test_what_is_no_address_is_nobodys() -> None:
    assert not PROXIES.has("")
    assert not is_loopback("")
    assert client_address(make_mocked_request("GET", "/")) == ""


def test_one_form_of_each_address() -> None:
    assert canonical("::ffff:127.0.0.1") == "127.0.0.1"
    assert canonical("fe80::1%eth0") == "fe80::1"
    assert canonical("2001:0DB8::0:1") == "2001:db8::1"
    assert canonical("nonsense") == ""
    assert neighbourhood("2001:db8::1:2") == "2001:db8::/64"
    assert neighbourhood("192.0.2.1") == "192.0.2.1"
