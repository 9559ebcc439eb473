"""Sockets where we are told to listen, or a word on why not."""

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import pytest

from mcpgw.errors import Conflict, InvalidInput
from mcpgw.web.listening import bind
from mcpgw.web.tls import Certificate
from tests.certificate import make_pair
from tests.web.conftest import listening as where


async def test_all_addresses_of_a_name_have_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()

    async def both(host: object, port: int, **_: object) -> list[tuple[object, ...]]:
        four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        missing = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))
        return [missing, six, four, six]

    monkeypatch.setattr(loop, "getaddrinfo", both)
    sockets = await bind("localhost", 0)
    names = [one.getsockname()[:2] for one in sockets]
    for one in sockets:
        one.close()
    assert names == [("::1", names[0][1]), ("127.0.0.1", names[0][1])]


async def test_a_taken_port_is_a_conflict() -> None:
    with closing((await bind("127.0.0.1", 0))[0]) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=str(port)):
            await bind("127.0.0.1", port)


@pytest.mark.parametrize("host", ["198.51.100.1", "no-such-host.invalid"])
async def test_an_address_of_another_machine(host: str) -> None:
    with pytest.raises(InvalidInput, match=f"cannot listen on {host}"):
        await bind(host, 0)


def test_the_scheme(tmp_path: Path) -> None:
    assert where().scheme == "http"
    pair = make_pair(tmp_path)
    certificate = Certificate(str(pair.certificate), str(pair.key))
    assert where(certificate=certificate).scheme == "https"
