"""Public addresses, and everything that only looks like one."""

import pytest

from mcpgw.upstream.address import is_public, public_addresses


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1", "::ffff:8.8.8.8"])
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),  # noqa: S104
        *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff0e::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"),
        *("2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "", "localhost", "127.1"),
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::1]"[1:-1]),
        *("0", "::ffff:7f00:1", "169.254.169.254", "64:ff9b::a9fe:a9fe"),
    ],
)
async def test_every_spelling_of_this_machine(host: str) -> None:
    assert await public_addresses(host, 80) == []


async def test_what_is_public_is_returned_as_it_is_connected_to() -> None:
    assert await public_addresses("8.8.8.8", 443) == ["8.8.8.8"]


@pytest.mark.parametrize("host", ["a" * 64, "\udcff", "no host.invalid"])
async def test_a_name_that_cannot_be_resolved(host: str) -> None:
    with pytest.raises((OSError, UnicodeError)):
        await public_addresses(host, 80)
