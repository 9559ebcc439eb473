"""Calls as files for other programs."""

import csv
import json
import sys
from pathlib import Path

import pyarrow.parquet  # type: ignore[import-untyped]  # it has no types
import pytest

from mcpgw.cli import export as module
from tests.cli.conftest import Cli

NAMES = ["echo__echo", "=1+1"]


@pytest.fixture
def called(echo: Cli) -> Cli:
    """After two calls: ok, denied."""
    echo("call", "echo__echo")
    echo("call", "=1+1", exit_code=3)
    return echo


def shown(called: Cli) -> list[dict[str, object]]:
    """Return the calls as `logs` shows them."""
    rows = called.json("logs", "--only", "calls")
    return [{name: value for name, value in row.items() if name != "type"} for row in rows]


def test_ndjson_to_stdout(called: Cli) -> None:
    done = called.finish("logs", "export")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert rows == shown(called)
    assert "2 calls written" in done.err


def test_csv_that_no_spreadsheet_takes_for_formulas(called: Cli, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    called("logs", "export", "--format", "csv", "-o", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["exposed"] for row in rows] == ["echo__echo", "'=1+1"]
    expected = shown(called)[0]
    assert {name: str(value) for name, value in expected.items()} == rows[0]


def test_parquet(called: Cli, tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    called("logs", "export", "--format", "parquet", "-o", str(path))
    assert pyarrow.parquet.read_table(path).to_pylist() == shown(called)


def test_page_by_page(called: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mcpgw.gateway.audit.PAGE", 1)
    path = tmp_path / "calls.ndjson"
    called("logs", "export", "-o", str(path))
    assert [json.loads(line)["exposed"] for line in path.read_text().splitlines()] == NAMES


def test_what_matches_only(called: Cli, tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    for options, count in (
        (("--server", "echo"), 1),
        (("--tool", "1+1"), 1),
        (("--member", "nobody"), 0),
        (("--since", "1h", "--until", "2020-01-01"), 0),
    ):
        done = called("logs", "export", "-o", str(path), *options)
        assert f"{count} call" in done.err
        assert len(path.read_text().splitlines()) == count


def test_what_cannot_be_written(called: Cli, tmp_path: Path) -> None:
    assert "did you mean csv?" in called.refused(2, "logs", "export", "--format", "cvs")
    assert "-o calls.parquet" in called.refused(2, "logs", "export", "--format", "parquet")
    missing = str(tmp_path / "none" / "calls")
    assert "cannot be written" in called.refused(74, "logs", "export", "-o", missing)


def test_without_pyarrow(called: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "x"
    said = called.refused(2, "logs", "export", "--format", "parquet", "-o", str(path))
    assert "pip install" in said
    assert list(tmp_path.glob("x*")) == []


@pytest.mark.parametrize("begin", module.FORMULA)
def test_a_cell_that_would_be_a_formula(begin: str) -> None:
    assert module._plain(f"{begin}cmd") == f"'{begin}cmd"
    assert module._plain(7) == 7
