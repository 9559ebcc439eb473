"""A connection is opened to every kind of server; what they share is made once, and late."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mcpgw.config import base_environment
from mcpgw.errors import UpstreamError
from mcpgw.upstream import Terms
from mcpgw.upstream.opener import Opener
from tests.live import call, echo_server, http_server, nothing, spawning, text_of
from tests.peers.raw_http import RawMcp, Request


@asynccontextmanager
async def opener_of(tmp_path: Path) -> AsyncIterator[Opener]:
    async with spawning() as spawn:
        opener = Opener(
            spawn=spawn,
            base_environment=base_environment(),
            directory=tmp_path,
            start_timeout_s=5.0,
            handshake_timeout_s=5.0,
            max_message_bytes=1 << 20,
            max_connections=2,
        )
        yield opener
        await opener.close()


def terms(is_legacy: bool) -> Terms:
    return Terms(lambda notification: None, lambda: None, is_legacy=is_legacy)


async def quickly(request: Request) -> None:
    request.say("ok")


@pytest.mark.parametrize("is_known_legacy", [True, False])
async def test_both_kinds_of_servers_are_opened(tmp_path: Path, is_known_legacy: bool) -> None:
    era = "legacy" if is_known_legacy else "modern"
    async with RawMcp(era, quickly) as peer, opener_of(tmp_path) as opener:
        over_http = await opener.open(http_server(peer.url), nothing, terms(is_known_legacy))
        over_stdio = await opener.open(echo_server("dual"), nothing, terms(is_known_legacy))
        assert (over_http.era, over_stdio.era) == (era, era)
        assert text_of(await call(over_http, "add")) == "ok"
        assert text_of(await call(over_stdio, "echo", {"text": "hi"})) == "hi"
        await over_http.close()
        await over_stdio.close()


async def test_what_was_taken_for_legacy_may_have_become_modern(tmp_path: Path) -> None:
    async with opener_of(tmp_path) as opener:
        connection = await opener.open(echo_server("modern"), nothing, terms(True))
        assert connection.era == "modern"
        await connection.close()


async def test_tls_is_trusted_by_one_context_that_is_made_late(tmp_path: Path) -> None:
    async with opener_of(tmp_path) as opener:
        with pytest.raises(UpstreamError):
            await opener.open(http_server("https://127.0.0.1:1/"), nothing, terms(False))
        context = opener._trusted()
        assert context.check_hostname
        assert context.verify_mode.name == "CERT_REQUIRED"
        with pytest.raises(UpstreamError):
            await opener.open(http_server("https://127.0.0.1:1/"), nothing, terms(False))
        assert opener._trusted() is context
