"""Answers are kept for a while, in few files, and never in halves."""

import os
from pathlib import Path

import pytest

from mcpgw.catalogs import cache
from mcpgw.catalogs.cache import MAX_AGE_S, AnswerCache
from tests.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_kept_until_it_is_old(tmp_path: Path, clock: FakeClock) -> None:
    kept = AnswerCache(tmp_path / "registry", clock.now)
    assert kept.get("a") is None
    kept.put("a", b"1")
    kept.put("b", b"2")
    assert (kept.get("a"), kept.get("b")) == (b"1", b"2")
    clock.pass_s(MAX_AGE_S)
    assert kept.get("a") == b"1"
    clock.pass_s(1)
    assert kept.get("a") is None
    clock.pass_s(-MAX_AGE_S * 2)
    assert kept.get("a") is None, "from the future"


def test_only_we_can_read_it(tmp_path: Path, clock: FakeClock) -> None:
    AnswerCache(tmp_path / "registry", clock.now).put("a", b"1")
    (file,) = (tmp_path / "registry").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "registry").stat().st_mode & 0o777 == 0o700


def test_the_oldest_go_first(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_FILES", 3)
    kept = AnswerCache(tmp_path / "registry", clock.now)
    for key in "abcde":
        clock.pass_s(1)
        kept.put(key, key.encode())
    assert [kept.get(key) for key in "abcde"] == [None, None, b"c", b"d", b"e"]
    assert len(list((tmp_path / "registry").iterdir())) == 3


def test_without_a_data_directory_nothing_is_kept(tmp_path: Path, clock: FakeClock) -> None:
    kept = AnswerCache(tmp_path / "data" / "registry", clock.now)
    kept.put("a", b"1")
    assert kept.get("a") is None
    assert not (tmp_path / "data").exists()


def test_what_cannot_be_written_is_not_kept(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "registry").write_text("no directory")
    kept = AnswerCache(tmp_path / "registry", clock.now)
    kept.put("a", b"1")
    assert kept.get("a") is None
    assert os.listdir(tmp_path) == ["registry"]
