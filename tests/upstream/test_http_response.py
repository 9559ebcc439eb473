"""An answer as it comes, with a hand-moved connection below it."""

import asyncio

import pytest

from mcpgw.errors import UpstreamError
from mcpgw.upstream.http_response import Response


class FakeCarrier:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.told: list[str] = []

    def resume(self, response: Response) -> None:
        self.told.append("resume")

    def drain(self, response: Response) -> None:
        self.told.append("drain")

    def postpone(self, response: Response, deadline: float) -> None:
        self.told.append(f"postpone to {deadline}")

    def abort(self) -> None:
        self.told.append("abort")


async def test_a_whole_body_is_joined() -> None:
    response = Response(FakeCarrier())
    assert response.body == b""
    assert response.put(b"ab") == 2
    assert response.put(b"cd") == 4
    response.end()
    assert response.body == b"abcd"


async def test_a_stream_is_read_as_it_comes() -> None:
    carrier = FakeCarrier()
    response = Response(carrier)
    response.is_stream = True
    reading = asyncio.ensure_future(response.read())
    await asyncio.sleep(0)
    response.put(b"ab")
    response.put(b"cd")
    assert await reading == b"abcd"
    assert carrier.told == ["resume"]
    response.put(b"ef")
    response.end()
    assert [await response.read(), await response.read()] == [b"ef", b""]


async def test_what_came_of_a_body_that_fails_is_not_kept() -> None:
    response = Response(FakeCarrier())
    response.put(b"ab")
    response.end(UpstreamError("too large"))
    assert response.body == b""


async def test_what_came_is_read_before_the_failure() -> None:
    response = Response(FakeCarrier())
    response.is_stream = True
    response.put(b"ab")
    response.end(UpstreamError("broke"))
    assert await response.read() == b"ab"
    with pytest.raises(UpstreamError, match="broke"):
        await response.read()


@pytest.mark.parametrize(
    ("has_ended", "how", "told"),
    [
        (False, "close", ["drain"]),
        (False, "abort", ["abort"]),
        (True, "close", []),
        (True, "abort", []),
    ],
)
async def test_a_connection_is_touched_only_while_it_is_ours(
    has_ended: bool, how: str, told: list[str]
) -> None:
    carrier = FakeCarrier()
    response = Response(carrier)
    response.put(b"ab")
    if has_ended:
        response.end()
    getattr(response, how)()
    assert carrier.told == told
    assert response.put(b"more") == 0


async def test_its_time_moves_until_its_end() -> None:
    carrier = FakeCarrier()
    response = Response(carrier)
    response.postpone(7.5)
    response.end()
    response.postpone(9.0)
    assert carrier.told == ["postpone to 7.5"]
