"""What the journal says: text that cannot forge a line, ids that sort by time."""

import pytest

from mcpgw.model.audit import (
    CallFilter,
    CallNumbers,
    Outcome,
    call_id,
    printable,
    read_call_id,
)
from tests.fakes import read
from tests.store.records import call_end


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("get_issue", "get_issue"),
        ("größe 日本", "größe 日本"),
        ("a\nb\r\x1b[31m", "a\\u000ab\\u000d\\u001b[31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("x" * 200, "x" * 128),
        ("", ""),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


def test_printable_takes_another_limit() -> None:
    assert printable("abcdef", 3) == "abc"


def test_outcomes_are_the_words_of_the_command_line() -> None:
    assert [outcome.value for outcome in Outcome] == [
        "ok",
        "tool_error",
        "upstream_error",
        "timeout",
        "denied",
        "cancelled",
        "limited",
        "revoked",
        "withheld",
        "unknown_crash",
        "running",
    ]


def test_a_filter_without_anything_wants_the_newest_hundred_of_all() -> None:
    wanted = CallFilter()
    assert (wanted.newest, wanted.outcomes, wanted.workspace_id) == (100, (), None)


def test_call_ids_sort_by_time_and_differ_within_one_instant() -> None:
    numbers = CallNumbers(b"\0\0\0")
    starts = (10**15, 10**15, 10**15 + 1, 2 * 10**15)
    made = [call_id(started_us, numbers.next()) for started_us in starts]
    assert made == sorted(made)
    assert len(set(made)) == 4
    assert made[0] == "call_38d7ea4c68000000001"
    assert read_call_id(made[2]) == (10**15 + 1, 3)


def test_numbers_of_two_processes_differ_and_wrap_around() -> None:
    assert CallNumbers(b"\xff\xff\xff").next() == 0
    assert CallNumbers(b"\x01\x02\x03").next() != CallNumbers(b"\x03\x02\x01").next()


@pytest.mark.parametrize(
    "text", ["", "call_", "call_38d7ea4c6800000001", "call_38D7EA4C68000000001", "x" * 24]
)
def test_what_is_no_call_id(text: str) -> None:
    assert read_call_id(text) is None


@pytest.mark.parametrize(
    ("status", "error_class", "is_limited"),
    [
        (0, "", False),
        (429, "upstream", True),
        (200, "rate_limited", True),
        (503, "upstream", False),
    ],
)
def test_what_was_over_the_servers_limit(status: int, error_class: str, is_limited: bool) -> None:
    end = call_end(duration_us=1000, upstream_status=status, error_class=error_class)
    event = read(end)
    assert event.is_rate_limited is is_limited
    assert event.gateway_us == 500
