import json
import signal

import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def called(echo: Cli) -> Cli:
    """After three calls: ok, tool_error, denied."""
    echo("call", "echo__echo")
    echo("call", "echo__fail", exit_code=6)
    echo("call", "nothing", exit_code=3)
    return echo


def test_rows_as_a_table_and_as_json(called: Cli) -> None:
    rows = called.json("logs")
    assert [one["outcome"] for one in rows] == ["ok", "tool_error", "denied"]
    first = rows[0]
    assert first["started_at"].endswith("Z")
    assert (first["workspace"], first["server"], first["original"]) == ("default", "echo", "echo")
    lines = called("logs").out.splitlines()
    assert lines[0].split() == ["CALL", "TIME", "MEMBER", "TOOL", "STATUS", "TOOK"]
    assert [line.split()[0] for line in lines[1:]] == [one["call_id"] for one in rows]
    assert first == called.json("logs", "show", first["call_id"])
    assert first["call_id"] in called("logs", "show", first["call_id"]).out


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--status", "error"), 2),
        (("--status", "ok"), 1),
        (("--tool", "ECHO__"), 2),
        (("--tool", "echo__f*"), 1),
        (("--server", "echo"), 2),
        (("--member", "operator"), 3),
        (("--member", "ana"), 0),
        (("--since", "1h"), 3),
        (("--since", "2020-01-01", "--until", "2020-01-02T00:00Z"), 0),
        (("--slower-than", "1h"), 0),
        (("-n", "2"), 2),
    ],
)
def test_what_is_looked_for(called: Cli, options: tuple[str, ...], found: int) -> None:
    assert len(called.json("logs", *options)) == found


def test_what_a_tool_text_matched_is_said(called: Cli) -> None:
    done = called("logs", "--tool", "echo")
    assert done.err == "--tool echo matched 2 tools on server echo\n"
    assert "1 tool on no server" in called("logs", "--tool", "nothing").err
    assert called("logs", "--tool", "xyz").err == "no call matches\n"


def test_a_live_view(called: Cli) -> None:
    with called.process("logs", "-f", "--json", "--tool", "echo") as process:
        assert process.stdout is not None
        seen = [json.loads(process.stdout.readline()) for _ in range(2)]
        called("call", "echo__environment")
        seen.append(json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b"--tool echo matched 2 tools on server echo\n"
    names = [one["original"] for one in seen]
    assert names == ["echo", "fail", "environment"]


def test_a_live_view_of_lines(called: Cli) -> None:
    with called.process("logs", "-f", "-n", "1") as process:
        assert process.stdout is not None
        assert b"denied" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
