"""One serving process per data directory."""

import os
import signal
from pathlib import Path

import pytest

from mcpgw.config import Config, load_config
from mcpgw.errors import Conflict, StorageError
from mcpgw.store.lock import ServeLock, running
from tests.store.children import start

HOLD = """
import sys, time
from mcpgw.config import load_config
from mcpgw.store.lock import ServeLock
lock = ServeLock(load_config({"home": sys.argv[1]}))
lock.acquire()
lock.publish("http://127.0.0.1:1")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config({"home": tmp_path})


def test_who_holds_it_can_be_asked(config: Config) -> None:
    assert running(config) is None
    lock = ServeLock(config)
    lock.acquire()
    assert running(config) == (os.getpid(), "")
    lock.publish("http://127.0.0.1:8080")
    assert running(config) == (os.getpid(), "http://127.0.0.1:8080")
    lock.publish("http://h")
    assert running(config) == (os.getpid(), "http://h")
    lock.release()
    assert running(config) is None
    lock.release()


def test_a_second_one_is_told_of_the_first(config: Config) -> None:
    first, second = ServeLock(config), ServeLock(config)
    first.acquire()
    with pytest.raises(Conflict, match=rf"process {os.getpid()}\) serves this data directory"):
        second.acquire()
    first.publish("http://127.0.0.1:8080")
    with pytest.raises(Conflict, match=r"at http://127\.0\.0\.1:8080 serves"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_holder_that_has_not_said_who_it_is(config: Config) -> None:
    first = ServeLock(config)
    first.acquire()
    (config.home / "serve.lock").write_bytes(b"")
    assert running(config) is None
    with pytest.raises(Conflict, match="another mcpgw serves"):
        ServeLock(config).acquire()
    first.release()


def test_the_lock_ends_with_its_process(config: Config) -> None:
    holder = start(HOLD, config.home)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert running(config) == (holder.pid, "http://127.0.0.1:1")
        with pytest.raises(Conflict, match=str(holder.pid)):
            ServeLock(config).acquire()
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate(timeout=10)
    assert running(config) is None
    lock = ServeLock(config)
    lock.acquire()
    lock.release()


def test_asking_does_not_keep_a_server_from_starting(config: Config) -> None:
    program = """
import sys
from mcpgw.config import load_config
from mcpgw.store.lock import running
config = load_config({"home": sys.argv[1]})
print("asking", flush=True)
while True:
    running(config)
"""
    (config.home / "serve.lock").touch()
    asking = start(program, config.home)
    try:
        assert asking.stdout is not None
        assert asking.stdout.readline() == b"asking\n"
        for _ in range(5):
            lock = ServeLock(config)
            lock.acquire()
            lock.release()
    finally:
        asking.kill()
        asking.communicate(timeout=10)


def test_the_file_is_private_and_stays(config: Config) -> None:
    before = os.umask(0)
    try:
        lock = ServeLock(config)
        lock.acquire()
        lock.release()
    finally:
        os.umask(before)
    assert (config.home / "serve.lock").stat().st_mode & 0o777 == 0o600


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        ServeLock(load_config({"home": tmp_path / "none"})).acquire()
