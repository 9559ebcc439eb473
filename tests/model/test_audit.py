"""What the journal says: text that cannot forge a line, ids that sort by time."""

import pytest

from mcpgw.model.audit import CallFilter, CallIds, Outcome, printable


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
    ]


def test_a_filter_without_anything_wants_the_newest_hundred_of_all() -> None:
    wanted = CallFilter()
    assert (wanted.newest, wanted.outcomes, wanted.workspace_id) == (100, (), None)


def test_call_ids_sort_by_time_and_differ_within_one_instant() -> None:
    ids = CallIds(b"\0\0\0")
    made = [ids.next(1e9), ids.next(1e9), ids.next(1e9 + 1e-6), ids.next(2e9)]
    assert made == sorted(made)
    assert len(set(made)) == 4
    assert made[0] == "call_38d7ea4c68000000001"


def test_call_ids_of_two_processes_differ_and_wrap_around() -> None:
    last = CallIds(b"\xff\xff\xff")
    assert last.next(0.0) == "call_0000000000000000000"
    assert CallIds(b"\x01\x02\x03").next(0.0) != CallIds(b"\x03\x02\x01").next(0.0)
