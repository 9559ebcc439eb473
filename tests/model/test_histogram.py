"""Percentiles from buckets are near the true ones, and buckets can be added."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpgw.model.histogram import (
    GROWTH,
    LAST,
    SMALLEST_US,
    bucket_of,
    duration_of,
    pack,
    percentile,
    unpack,
)

durations = st.integers(SMALLEST_US, 3_600_000_000)
buckets = st.dictionaries(st.integers(0, LAST), st.integers(1, 1 << 26), max_size=20)


@given(durations)
def test_a_bucket_stands_for_its_durations(duration_us: int) -> None:
    error = duration_of(bucket_of(duration_us)) / duration_us
    assert 1 / math.sqrt(GROWTH) - 0.02 < error < math.sqrt(GROWTH) + 0.02


@pytest.mark.parametrize(("duration_us", "bucket"), [(0, 0), (50, 0), (51, 1), (1 << 62, LAST)])
def test_the_ends(duration_us: int, bucket: int) -> None:
    assert bucket_of(duration_us) == bucket


@given(st.lists(durations, min_size=1, max_size=300), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_within_five_per_cent(given: list[int], share: float) -> None:
    true = sorted(given)[math.ceil(share * len(given)) - 1]
    found = percentile(Counter(map(bucket_of, given)), share)
    assert abs(found / true - 1) < 0.05 + 1 / true


def test_of_nothing() -> None:
    assert percentile({}, 0.5) == 0
    assert pack({}) == b""
    assert unpack(b"") == {}


@given(buckets, buckets)
def test_stored_forms_can_be_joined(one: dict[int, int], other: dict[int, int]) -> None:
    assert unpack(pack(one)) == one
    assert unpack(pack(one) + pack(other)) == Counter(one) + Counter(other)
