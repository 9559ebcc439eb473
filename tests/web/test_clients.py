"""How many may be connected, and who makes room for whom."""

import logging

import pytest

from mcpgw.web.clients import LOOK_EVERY_S, Clients
from mcpgw.web.peer import Peer, TrustedProxies
from mcpgw.web.refusal import Refused
from tests.fakes import FakeClock, FakeConnected

PROXIES = TrustedProxies(["10.0.0.0/8"])
LOCAL = Peer("127.0.0.1", PROXIES)
STRANGER = Peer("192.0.2.1", PROXIES)
OTHER = Peer("192.0.2.2", PROXIES)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def full(clients: Clients, *connections: FakeConnected, peer: Peer = LOCAL) -> Clients:
    for connection in connections:
        assert clients.enter(connection, peer)
    return clients


def test_the_oldest_stranger_makes_room_before_any_acquaintance(clock: FakeClock) -> None:
    known, first, second = FakeConnected(is_known=True), FakeConnected(), FakeConnected()
    clients = full(Clients(3, 9, clock.monotonic_s), known, first, second)
    assert clients.enter(FakeConnected(is_idle=False), LOCAL)
    assert (first.has_given_way, second.has_given_way) == (True, False)
    assert clients.enter(FakeConnected(is_idle=False), LOCAL)
    assert (second.has_given_way, known.has_given_way) == (True, False)
    assert clients.enter(FakeConnected(is_idle=False), LOCAL)
    assert known.has_given_way
    assert len(clients) == 3


def test_work_is_never_cut_off(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    busy = [FakeConnected(is_idle=False) for _ in range(2)]
    clients = full(Clients(2, 9, clock.monotonic_s), *busy)
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            assert not clients.enter(FakeConnected(), LOCAL)
    assert [one.has_given_way for one in busy] == [False, False]
    assert len(caplog.records) == 1
    clients.leave(busy[0])
    assert clients.enter(FakeConnected(), LOCAL)


def test_nobody_is_closed_who_has_found_work_since_the_look(clock: FakeClock) -> None:
    first, second, third = FakeConnected(), FakeConnected(), FakeConnected()
    clients = full(Clients(3, 9, clock.monotonic_s), first, second, third)
    assert clients.make_room()
    second.is_idle = False
    clients.leave(third)
    assert not clients.make_room()
    assert first.has_given_way
    assert not second.has_given_way
    second.is_idle = True
    assert not clients.make_room(), "looked again at once"
    clock.pass_s(LOOK_EVERY_S)
    assert clients.make_room()


def test_one_address_makes_room_among_its_own(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    foreign, mine, busy = FakeConnected(), FakeConnected(), FakeConnected(is_idle=False)
    clients = full(Clients(9, 2, clock.monotonic_s), foreign, peer=OTHER)
    full(clients, mine, busy, peer=STRANGER)
    assert clients.enter(FakeConnected(is_idle=False), STRANGER)
    assert mine.has_given_way
    with caplog.at_level(logging.WARNING):
        assert not clients.enter(FakeConnected(), STRANGER)
    assert "192.0.2.1" in caplog.text
    assert not foreign.has_given_way
    assert clients.enter(FakeConnected(), OTHER)
    clients.leave(busy)
    clients.leave(busy)
    assert clients.enter(FakeConnected(), STRANGER)


def test_a_network_of_ipv6_is_one_customer(clock: FakeClock) -> None:
    clients = Clients(9, 1, clock.monotonic_s)
    assert clients.enter(FakeConnected(is_idle=False), Peer("2001:db8::1", PROXIES))
    assert not clients.enter(FakeConnected(), Peer("2001:db8::ffff:2", PROXIES))
    assert clients.enter(FakeConnected(), Peer("2001:db8:0:1::1", PROXIES))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "10.1.2.3", ""])
def test_whom_many_share_is_not_counted(clock: FakeClock, address: str) -> None:
    """Loopback, a trusted proxy, and what is no address."""
    clients = Clients(99, 1, clock.monotonic_s)
    for _ in range(5):
        assert clients.enter(FakeConnected(is_idle=False), Peer(address, PROXIES))


def test_behind_a_proxy_requests_are_counted(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    clients = Clients(9, 2, clock.monotonic_s)
    with clients.requesting("192.0.2.1"), clients.requesting("192.0.2.1"):
        with (
            caplog.at_level(logging.WARNING),
            pytest.raises(Refused, match="too many") as caught,
            clients.requesting("192.0.2.1"),
        ):
            raise AssertionError("a third request")
        assert caught.value.http_status == 503
        assert "192.0.2.1" in caplog.text
        with clients.requesting("192.0.2.2"):
            pass
    with clients.requesting("192.0.2.1"):
        pass
