"""Serving, as a process of its own each time."""

import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcpgw.cli.serving import Stop
from tests.certificate import make_pair
from tests.cli.conftest import PEER, Cli

URL = re.compile(r"  (https?://[a-z0-9.:]+)")


@contextmanager
def serving(cli: Cli, *options: str) -> Iterator[tuple["subprocess.Popen[bytes]", str, list[str]]]:
    """Serve; yields the process, its URL and the lines of its banner."""
    with cli.process("serve", "--port", "0", *options) as process:
        try:
            yield process, *banner(process)
        finally:
            process.kill()


def banner(process: "subprocess.Popen[bytes]") -> tuple[str, list[str]]:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line.decode().rstrip())
        if lines[-1] == "stop with Ctrl-C":
            break
    found = URL.search("\n".join(lines))
    assert found, lines
    return found[1], lines


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_from_banner_to_end(cli: Cli, number: signal.Signals) -> None:
    cli("server", "add", "echo", "--no-test", "--", *PEER)
    with serving(cli) as (process, url, lines):
        assert f"  {url}/ws/default  (1 server)" in lines
        assert any(line.startswith("master key: the key file") for line in lines)
        assert "reachable from this machine only" in lines
        with urllib.request.urlopen(f"{url}/healthz") as answer:  # noqa: S310  (our own)
            assert answer.status == 200
        assert cli.json("status")["serving"] == {"pid": process.pid, "url": url}
        assert url in cli("status").out
        process.send_signal(number)
        assert process.wait(30) == 0
    assert cli.json("status")["serving"] is None


def test_a_second_one_is_told_about_the_first(cli: Cli) -> None:
    with serving(cli) as (process, url, _):
        for command in ("serve", "quickstart"):
            done = cli.finish(command, "--port", "0", exit_code=5)
            assert str(process.pid) in done.err
            assert url in done.err


def test_a_taken_port(cli: Cli) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port}" in cli.finish("serve", "--port", port, exit_code=5).err
        assert "taken" in cli.finish("quickstart", "--port", port, exit_code=5).err


def test_an_address_of_another_machine(cli: Cli) -> None:
    done = cli.finish("serve", "--host", "192.0.2.1", "--insecure-http", exit_code=2)
    assert "cannot listen on 192.0.2.1" in done.err


def test_no_data(bare: Cli) -> None:
    assert "run: mcpgw init" in bare.finish("serve", exit_code=3).err
    assert not bare.home.exists()


def test_without_its_key_nothing_is_served(bare: Cli) -> None:
    bare("init", "--yes")
    (key,) = (bare.directory / "config").rglob("*.key")
    key.unlink()
    assert "expected key" in bare.finish("serve", "--port", "0", exit_code=78).err
    assert not key.exists()


def test_no_workspace_yet(cli: Cli) -> None:
    cli("workspace", "delete", "default", "--yes")
    with serving(cli, "--public-url", "https://gateway.example.com") as (_, url, lines):
        assert url == "https://gateway.example.com"
        assert any("workspace create" in line for line in lines)
        assert any("by your proxy at https://gateway.example.com" in line for line in lines)


def skip_to(process: subprocess.Popen[bytes], text: bytes) -> None:
    """Read on until it says that; the log says other things in between."""
    assert process.stderr is not None
    assert any(text in line for line in process.stderr)


def test_a_second_signal_ends_at_once(cli: Cli) -> None:
    """A call that hangs would be waited for."""
    with serving(cli) as (process, _, _):
        process.send_signal(signal.SIGTERM)
        skip_to(process, b"stopping\n")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)


async def test_who_waits_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last resort, without its consequence."""
    ends: list[int] = []
    monkeypatch.setattr("mcpgw.cli.serving.LAST_PATIENCE_S", 0.0)
    monkeypatch.setattr(os, "_exit", ends.append)
    stop = Stop()
    stop.ask()
    await stop.wait()
    while not ends:
        os.sched_yield()
    assert ends == [1]


def served_certificate(url: str) -> str:
    """Return the certificate that a new client is shown."""
    host, _, port = url.removeprefix("https://").partition(":")
    return ssl.get_server_certificate((host, int(port)))


def test_with_tls_of_our_own(cli: Cli, tmp_path: Path) -> None:
    pair, renewed = make_pair(tmp_path), make_pair(tmp_path, "renewed")
    new = renewed.certificate.read_text()
    options = ("--tls-cert", str(pair.certificate), "--tls-key", str(pair.key))
    with serving(cli, *options) as (process, url, lines):
        assert url.startswith("https://127.0.0.1:")
        assert "reachable from this machine only" in lines
        assert cli.json("status")["serving"] == {"pid": process.pid, "url": url}
        with urllib.request.urlopen(f"{url}/healthz", context=pair.client()) as answer:  # noqa: S310
            assert answer.status == 200
        old = served_certificate(url)
        renewed.certificate.replace(pair.certificate)
        process.send_signal(signal.SIGHUP)
        skip_to(process, b"the TLS certificate stays as it was")
        assert served_certificate(url) == old
        renewed.key.replace(pair.key)
        process.send_signal(signal.SIGHUP)
        skip_to(process, b"the TLS certificate was read again")
        assert served_certificate(url) == new


def test_tls_beyond_this_machine_needs_no_consent(cli: Cli, tmp_path: Path) -> None:
    """Another machine's address, so that nobody listens in fact."""
    pair = make_pair(tmp_path)
    options = ("--tls-cert", str(pair.certificate), "--tls-key", str(pair.key))
    done = cli.finish("serve", "--host", "192.0.2.1", *options, exit_code=2)
    assert "cannot listen on 192.0.2.1" in done.err


def test_a_certificate_that_cannot_be_used(cli: Cli, tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    pair.key.chmod(0o644)
    options = ("--tls-cert", str(pair.certificate), "--tls-key", str(pair.key))
    assert "mode 0644" in cli.finish("serve", "--port", "0", *options, exit_code=2).err


def test_fewer_files_mean_fewer_clients(cli: Cli) -> None:
    def allow_few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))

    with cli.process("serve", "--port", "0", preexec_fn=allow_few) as process:
        _, lines = banner(process)
        assert any("300 open files allowed: 44 clients at most" in line for line in lines)
        process.kill()
