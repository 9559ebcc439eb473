"""Anchors reach every place, even when one of them fails."""

import logging
from pathlib import Path

import pytest

from mcpgw.cli.stderr_log import log_to_stderr
from mcpgw.errors import StorageError, UpstreamError
from mcpgw.telemetry.anchor import Anchors
from tests.telemetry.test_webhook import Hook, hook

__all__ = ["hook"]

ANCHOR = "mcpgw-anchor calls-00 7 " + "0" * 32
NOW = 1_800_000_000.0


async def test_every_place_has_it(
    hook: Hook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "anchors"
    anchors = Anchors(["stderr", str(file), hook.url])
    for _ in range(2):
        await anchors.note(ANCHOR, NOW)
    assert file.read_text().splitlines() == [f"2027-01-15T08:00:00+00:00 {ANCHOR}"] * 2
    assert file.stat().st_mode & 0o777 == 0o600
    assert hook.bodies == [{"anchor": ANCHOR, "time": "2027-01-15T08:00:00+00:00"}] * 2
    assert [record.getMessage() for record in caplog.records] == [ANCHOR] * 2


async def test_a_place_that_fails_costs_the_others_nothing(hook: Hook, tmp_path: Path) -> None:
    hook.status = 500
    file = tmp_path / "anchors"
    with pytest.raises(UpstreamError):
        await Anchors([hook.url, str(file)]).note(ANCHOR, NOW)
    assert ANCHOR in file.read_text()
    hook.status, hook.is_silent = 200, True
    with pytest.raises(UpstreamError, match="does not answer"):
        await Anchors([hook.url]).note(ANCHOR, NOW)
    with pytest.raises(StorageError, match="anchor cannot be written"):
        await Anchors([str(tmp_path / "none" / "anchors")]).note(ANCHOR, NOW)


async def test_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    await Anchors(["none"]).note(ANCHOR, NOW)
    assert not caplog.records


async def test_whoever_reads_warnings_only_sees_them(capsys: pytest.CaptureFixture[str]) -> None:
    ours = logging.getLogger("mcpgw")
    before = ours.handlers, ours.level, ours.propagate, logging.getLogger().handlers
    try:
        log_to_stderr("error")
        await Anchors(["stderr"]).note(ANCHOR, NOW)
    finally:
        ours.handlers, ours.propagate = before[0], before[2]
        ours.setLevel(before[1])
        logging.getLogger().handlers = before[3]
    assert ANCHOR in capsys.readouterr().err
