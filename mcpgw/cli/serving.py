"""What serving is made of: the loop, the signals, the lock, the listener, the banner.

Imported late, by the commands that serve: it brings the HTTP server along.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from mcpgw import __version__
from mcpgw.bootstrap import open_gateway, serve_lock
from mcpgw.cli.exposure import exposure
from mcpgw.cli.hardening import allow_files
from mcpgw.cli.output import FAILED, counted, say
from mcpgw.cli.stderr_log import log_to_stderr
from mcpgw.config import Config
from mcpgw.errors import InvalidInput
from mcpgw.gateway.gateway import Gateway
from mcpgw.model.token import OPERATOR
from mcpgw.web.app import serving
from mcpgw.web.listening import Listening
from mcpgw.web.tls import Certificate

logger = logging.getLogger(__name__)

OWN_FILES = 256
"""Open files that are kept for ourselves: databases, children, connections to servers."""

LAST_PATIENCE_S = 9.5
"""How long an orderly end may take; whoever stops us kills after ten seconds."""

COLLECT_AT = (10_000, 20, 50)
"""New objects before the collector looks: calls leave few cycles, and looking costs them time. What
it finds at once must not hold them up, which five times as many did, for 50 ms."""


@dataclass(slots=True)
class Stop:
    """Whether somebody asked this process to end."""

    _is_asked: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self) -> None:
        """End in order; a second signal ends at once."""
        _unhandle()
        self._is_asked.set()
        last = threading.Timer(LAST_PATIENCE_S, _give_up)
        last.daemon = True
        last.start()

    async def wait(self) -> None:
        """Wait until somebody asks."""
        await self._is_asked.wait()


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end, on the fast loop where there is one."""
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(work)


async def serve_data(config: Config) -> None:
    """Serve the data directory until a signal.

    Raises:
        NotFound: there is no data directory.
        VaultLocked: the master key is not here.
        Conflict: another process serves it, or the port is taken.
        InvalidInput: it cannot listen there, or not with that certificate.
    """
    stop = stop_on_signals()
    async with serving_data(config) as served:
        for line in banner(config, served):
            say(line)
        await stop.wait()
        say("stopping")


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway that is being served, and its URL without a path."""

    gateway: Gateway
    url: str
    workspaces: Sequence[tuple[str, int]]
    """Names, and how many servers each has."""


@asynccontextmanager
async def serving_data(config: Config) -> AsyncIterator[Served]:
    """Serve the data directory, all that can fail at first having worked, until the block ends."""
    log_to_stderr(config.log_level, config.log_format)
    with serve_lock(config) as publish:
        async with open_gateway(config, is_server=True) as gateway:
            await gateway.installation.unlock(OPERATOR)
            await gateway.upkeep.begin(OPERATOR)
            async with serving(gateway, listening_of(config)) as url:
                publish(url)
                seen = await gateway.workspaces.list(OPERATOR)
                # What was made up to now stays: the collector need not look at it again.
                gc.collect()
                gc.freeze()
                gc.set_threshold(*COLLECT_AT)
                yield Served(gateway, url, [(one.workspace.slug, one.servers) for one in seen])
            await gateway.upkeep.end(OPERATOR)


def listening_of(config: Config) -> Listening:
    """Return where to listen, as the settings say and the system allows.

    Raises:
        InvalidInput: the certificate cannot be used.
    """
    certificate = None
    if config.tls_cert:
        certificate = Certificate(config.tls_cert, config.tls_key)
        _reload_on_hangup(certificate)
    files = allow_files()
    most = max(1, min(config.max_clients, files - OWN_FILES))
    if most < config.max_clients:
        logger.warning("%d open files allowed: %d clients at most (ulimit -n)", files, most)
    return Listening(
        host=config.host,
        port=config.port,
        public_url=config.public_url,
        certificate=certificate,
        max_body_bytes=config.max_body_bytes,
        max_clients=most,
        max_clients_per_address=config.max_clients_per_address,
        max_auth_failures=config.max_auth_failures,
        trusted_proxies=config.trusted_proxies,
        cors_origins=config.cors_origins,
        metrics_port=config.metrics_port,
    )


def stop_on_signals() -> Stop:
    """Return what tells that SIGTERM or Ctrl-C came; call it in the running loop."""
    stop = Stop()
    if sys.platform != "win32":
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.ask)
    return stop


def banner(config: Config, served: Served) -> Sequence[str]:
    """Return what a person wants to know once it serves."""
    urls = [
        f"  {served.url}/ws/{slug}  ({counted(servers, 'server')})"
        for slug, servers in served.workspaces
    ]
    return [
        f"mcpgw {__version__} serves {config.home}",
        *(urls or [f"  {served.url}  no workspace yet: mcpgw workspace create NAME"]),
        f"master key: {served.gateway.installation.key_whereabouts}",
        exposure(config),
        "stop with Ctrl-C",
    ]


def _reload_on_hangup(certificate: Certificate) -> None:
    """Take up a renewed certificate at SIGHUP; one that cannot be used changes nothing."""

    def reload() -> None:
        try:
            certificate.reload()
            logger.info("the TLS certificate was read again")
        except InvalidInput as error:
            logger.error("the TLS certificate stays as it was: %s", error.message)

    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # not on every platform
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _unhandle() -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)


def _give_up() -> None:
    """End at once. Every answered call has its row, and the children end with us."""
    os.write(2, b"error: the orderly end took too long\n")
    os._exit(FAILED)
