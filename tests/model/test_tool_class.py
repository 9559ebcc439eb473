"""Read, write or destructive: rulings, annotations, names, and what nobody thought of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpgw.model.tool_class import (
    DESTROYING_VERBS,
    READING_VERBS,
    WRITING_VERBS,
    Hints,
    ToolClass,
    classify,
)

READ, WRITE, DESTRUCTIVE = ToolClass.READ, ToolClass.WRITE, ToolClass.DESTRUCTIVE


@pytest.mark.parametrize("ruling", ToolClass)
@pytest.mark.parametrize("hints", [None, Hints(True), Hints(False, True)])
@pytest.mark.parametrize("name", ["get_x", "delete_x", "x"])
def test_a_ruling_decides(ruling: ToolClass, hints: Hints | None, name: str) -> None:
    classed = classify(name, hints, ruling)
    assert (classed.kind, classed.reason) == (ruling, "an admin's ruling")


@pytest.mark.parametrize(
    ("is_read_only", "is_destructive", "kind"),
    [
        (True, None, READ),
        (True, False, READ),
        (True, True, DESTRUCTIVE),
        (False, False, WRITE),
        (False, None, DESTRUCTIVE),
        (False, True, DESTRUCTIVE),
        (None, None, DESTRUCTIVE),
        (None, False, WRITE),
        (None, True, DESTRUCTIVE),
    ],
)
def test_annotations_by_the_defaults_of_the_specification(
    is_read_only: bool | None, is_destructive: bool | None, kind: ToolClass
) -> None:
    for name in ("get_things", "things"):
        assert classify(name, Hints(is_read_only, is_destructive), None).kind is kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [("delete_all", DESTRUCTIVE), ("createIssue", WRITE), ("get_update_history", READ)],
)
def test_a_server_that_contradicts_itself_is_not_believed(name: str, kind: ToolClass) -> None:
    classed = classify(name, Hints(True), None)
    assert classed.kind is kind
    assert kind is READ or "whatever its annotations say" in classed.reason


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("get_issue", READ),
        ("getIssue", READ),
        ("GetIssue", READ),
        ("list-repos", READ),
        ("search.code", READ),
        ("read", READ),
        ("READ_FILE", READ),
        ("query2", READ),
        ("describeHTTPServer", READ),
        ("list_deleted_files", READ),
        ("get_and_delete", DESTRUCTIVE),
        ("searchAndReplace", WRITE),
        ("get_or_create", WRITE),
        ("listThenDROP", DESTRUCTIVE),
        ("readWrite", WRITE),
        ("delete_get", DESTRUCTIVE),
        ("issue_get", WRITE),
        ("getissue", WRITE),
        ("echo", WRITE),
        ("", WRITE),
        ("42", WRITE),
        ("_get_", READ),
        ("g\u0435t_issue", WRITE),
        ("get_\u0456ssue", WRITE),
        ("\u01c5get", WRITE),
    ],
)
def test_names_where_there_are_no_annotations(name: str, kind: ToolClass) -> None:
    assert classify(name, None, None).kind is kind


def test_the_reason_says_which_word_decided() -> None:
    assert "begins with get" in classify("get_x", None, None).reason
    assert "says create" in classify("get_or_create", None, None).reason
    assert "no known verb" in classify("x", None, None).reason


def test_no_verb_both_reads_and_writes() -> None:
    assert not READING_VERBS & WRITING_VERBS
    assert DESTROYING_VERBS < WRITING_VERBS


@given(
    st.sampled_from(sorted(READING_VERBS)),
    st.lists(st.sampled_from(["issue", "all", "x2"]), max_size=3),
    st.sampled_from(sorted(WRITING_VERBS)),
    st.integers(0, 4),
    st.sampled_from("_-."),
)
def test_a_writing_verb_anywhere_wins(
    verb: str, words: list[str], writing: str, position: int, between: str
) -> None:
    reading = [verb, *words]
    assert classify(between.join(reading), None, None).kind is READ
    reading.insert(position, writing)
    assert classify(between.join(reading), None, None).kind is not READ


@given(st.text(max_size=40))
def test_only_a_leading_reading_verb_reads(name: str) -> None:
    kind = classify(name, None, None).kind
    assert kind is not READ or any(verb in name.lower() for verb in READING_VERBS)
