import json
import os
import pty
import signal

import pytest

from mcpgw.cli.audit import told
from mcpgw.model.audit import Outcome
from mcpgw.store.call import running
from tests.cli.conftest import Cli
from tests.cli.terminal import read_until
from tests.fakes import read
from tests.store.records import call_end, call_start


@pytest.fixture
def called(echo: Cli) -> Cli:
    """After three calls: ok, tool_error, denied."""
    echo("call", "echo__echo")
    echo("call", "echo__fail", exit_code=6)
    echo("call", "nothing", exit_code=3)
    return echo


def test_rows_as_a_table_and_as_json(called: Cli) -> None:
    rows = called.json("logs", "--only", "calls")
    assert {one["type"] for one in rows} == {"call"}
    assert [one["outcome"] for one in rows] == ["ok", "tool_error", "denied"]
    first = rows[0]
    assert first["started_at"].endswith("Z")
    assert (first["workspace"], first["server"], first["original"]) == ("default", "echo", "echo")
    lines = called("logs", "--only", "calls").out.splitlines()
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
    assert len(called.json("logs", "--only", "calls", *options)) == found


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


def test_the_story_of_one_call(called: Cli) -> None:
    ok, failed, denied = called.json("logs", "--only", "calls")
    told = called("logs", "show", ok["call_id"]).out
    for part in (
        "operator (at the box, admin)",
        "mcpgw call",
        "box, modern",
        "echo__echo -> echo on echo",
        "outcome  ok",
        "at the server",
        "fingerprint",
    ):
        assert part in told
    assert "tool_error" in called("logs", "show", failed["call_id"]).out
    told = called("logs", "show", denied["call_id"]).out
    assert "denied not_found" in told
    assert " -> " not in told


def test_the_story_of_a_call_under_way() -> None:
    lines = dict(told(running(call_start())))
    assert "under way" in lines["outcome"]
    assert "took" not in lines


def test_the_story_of_a_call_that_took_several_tries() -> None:
    event = read(call_end(outcome=Outcome.UPSTREAM_ERROR, upstream_status=429))
    lines = dict(told(event))
    assert lines["server said"] == "HTTP 429"
    assert lines["for it"] == "2 starts of the server, 3 retries"
    assert lines["redacted"] == "1 secret"


def test_a_live_view_at_a_terminal_is_colored(called: Cli) -> None:
    for options, is_colored in (((), True), (("--no-color",), False)):
        ours, theirs = pty.openpty()
        with called.process("logs", "-f", "-n", "1", *options, stdout=theirs) as process:
            seen = read_until(ours, b"\n")
            process.send_signal(signal.SIGINT)
            process.wait(30)
        os.close(ours)
        os.close(theirs)
        assert b"denied" in seen
        assert (b"\x1b[33mdenied\x1b[0m" in seen) is is_colored


def test_what_admins_did_stands_among_the_calls(called: Cli) -> None:
    called("server", "disable", "echo")
    rows = called.json("logs")
    said = [one.get("kind", one.get("exposed")) for one in rows]
    assert said == [
        *("key.make", "workspace.create", "server.add"),
        *("echo__echo", "echo__fail", "nothing"),
        "server.disable",
    ]
    last = rows[-1]
    assert (last["type"], last["subject"], last["workspace"]) == ("act", "echo", "default")
    assert (last["member"], last["role"], last["token_id"]) == ("operator", "operator", "")
    assert last["at"].endswith("Z")
    assert rows[0]["workspace"] == ""
    lines = called("logs", "-n", "2").out.splitlines()
    assert lines[0].split() == ["CALL", "TIME", "MEMBER", "TOOL", "STATUS", "TOOK"]
    assert "nothing" in lines[1]
    assert f"operator ({last['account']})  server.disable echo: a command" in lines[2]
    assert called.json("logs", "show", last["act_id"]) == last
    told = called("logs", "show", last["act_id"]).out
    assert all(part in told for part in ("server.disable echo", "a command", last["account"]))
    assert "to " not in called("logs", "show", rows[1]["act_id"]).out
    called("logs", "show", "act_999999", exit_code=3)


@pytest.mark.parametrize(
    ("options", "types"),
    [
        (("--only", "acts"), "aaa"),
        (("--only", "calls"), "ccc"),
        (("--member", "operator"), "aaaccc"),
        (("--member", "ana"), ""),
        (("--tool", "echo"), "cc"),
        (("--server", "echo"), "cc"),
        (("--status", "ok"), "c"),
        (("--slower-than", "0ms"), "ccc"),
        (("--since", "1h", "-n", "4"), "accc"),
        (("--until", "2020-01-01"), ""),
    ],
)
def test_filters_for_calls_leave_acts_out(
    called: Cli, options: tuple[str, ...], types: str
) -> None:
    assert "".join(one["type"][0] for one in called.json("logs", *options)) == types


def test_a_live_view_of_both(called: Cli) -> None:
    with called.process("logs", "-f", "--json", "-n", "1") as process:
        assert process.stdout is not None
        seen = [json.loads(process.stdout.readline())]
        called("server", "disable", "echo")
        seen.append(json.loads(process.stdout.readline()))
        called("call", "nothing", exit_code=3)
        seen.append(json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert [one["type"] for one in seen] == ["call", "act", "call"]
    assert seen[1]["kind"] == "server.disable"


def test_nothing_at_all(cli: Cli) -> None:
    assert cli("logs", "--until", "2020-01-01").err == "nothing matches\n"
