"""What MACs cover: no two rows are spelled alike, and anchors survive the trip through a log."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpgw.model.audit import Outcome
from mcpgw.model.chain import (
    END,
    OUTCOME_CODE,
    START,
    Anchor,
    Checkpoint,
    genesis,
    read_anchors,
    spelled,
)

ANCHOR = Anchor("calls-0123456789abcdef", 42, bytes(range(16)))

texts = st.tuples(*[st.binary(max_size=3)] * len(START.texts))
numbers = st.tuples(*[st.integers(-1, 2)] * len(START.numbers))


@given(numbers, texts, numbers, texts)
def test_rows_that_differ_are_spelled_differently(
    numbers: tuple[int, ...],
    texts: tuple[bytes, ...],
    others: tuple[int, ...],
    other_texts: tuple[bytes, ...],
) -> None:
    is_same = (numbers, texts) == (others, other_texts)
    assert (START.spelled(numbers, texts) == START.spelled(others, other_texts)) == is_same


def test_kinds_are_spelled_differently() -> None:
    checkpoint = Checkpoint(0, b"", "begin", 0, 0).spelled("calls-1")
    start = START.spelled((0,) * len(START.numbers), (b"",) * len(START.texts))
    end = END.spelled((0,) * len(END.numbers), (b"",) * len(END.texts))
    assert len({one[0] for one in (checkpoint, start, end, genesis("calls-1"))}) == 4


def test_a_number_that_does_not_fit_is_refused() -> None:
    numbers = (1 << 63, *(0,) * (len(START.numbers) - 1))
    with pytest.raises(struct.error):
        START.spelled(numbers, (b"",) * len(START.texts))


def test_a_checkpoint_is_bound_to_all_it_says_and_to_its_chain() -> None:
    said = (5, b"m" * 16, "prune", 3, 1_000)
    others = [(6, *said[1:]), (5, b"n" * 16, *said[2:]), (*said[:2], "begin", 3, 1_000)]
    others += [(*said[:3], 4, 1_000), (*said[:4], 1_001)]
    spellings = {Checkpoint(*one).spelled("calls-1") for one in (said, *others)}
    spellings.add(Checkpoint(*said).spelled("calls-2"))
    assert len(spellings) == 7


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_texts_that_differ_are_spelled_differently(one: list[str], other: list[str]) -> None:
    assert (spelled(one) == spelled(other)) == (one == other)


def test_every_outcome_that_is_recorded_has_a_code_of_its_own() -> None:
    assert set(OUTCOME_CODE) == set(Outcome) - {Outcome.RUNNING}
    assert len(set(OUTCOME_CODE.values())) == len(OUTCOME_CODE)
    failures = {outcome for outcome, code in OUTCOME_CODE.items() if code > 2}
    assert failures == set(OUTCOME_CODE) - {Outcome.OK, Outcome.CANCELLED}


def test_anchors_are_found_in_a_log() -> None:
    other = Anchor("actions-00", 7, b"\xff" * 16)
    log = f"""2026-11-20T10:00:00Z info mcpgw: {ANCHOR}
{{"time": "x", "message": "{other}"}} mcpgw-anchor calls-01 9 short
mcpgw-anchor CALLS-01 9 {"0" * 32}"""
    assert read_anchors(log) == (ANCHOR, other)
    assert read_anchors("") == ()
