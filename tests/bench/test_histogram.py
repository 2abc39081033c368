"""The histogram against plain sorting."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from watchcache.bench.histogram import Histogram, top_of

values = st.lists(st.integers(0, 10**9), min_size=1, max_size=200)


@settings(deadline=None)  # the machine may be busy
@given(values, st.sampled_from([50.0, 90.0, 99.0, 99.9, 100.0]))
def test_a_percentile_is_at_most_a_sixtieth_too_high(numbers: list[int], percent: float):
    """Whatever was recorded, the percentile lies between the true one and 1.6 % above it."""
    histogram = Histogram()
    for number in numbers:
        histogram.record(number)
    true = sorted(numbers)[max(0, math.ceil(len(numbers) * percent / 100) - 1)]
    assert true <= histogram.percentile(percent) <= true * (1 + 1 / 64)


@settings(deadline=None)  # the machine may be busy
@given(values, values)
def test_merging_is_recording_both(first: list[int], second: list[int]):
    """Two processes' histograms sum to that of one process that saw everything."""
    one, other, both = Histogram(), Histogram(), Histogram()
    for histogram, numbers in ((one, first), (other, second), (both, first + second)):
        for number in numbers:
            histogram.record(number)
    one.merge(other.counts)
    assert one.counts == both.counts
    assert one.total == len(first) + len(second)


def test_buckets_follow_each_other_without_gap():
    """The top of each bucket is right below the first value of the next."""
    for value in [*range(1000), 10**6, 10**9]:
        histogram = Histogram()
        histogram.record(value)
        (bucket,) = histogram.counts
        assert top_of(bucket - 1) < value <= top_of(bucket) if bucket else value == 0


def test_an_empty_histogram_has_zeros():
    """Nothing recorded: no percentile fails."""
    assert (Histogram().percentile(99), Histogram().largest, Histogram().mean) == (0, 0, 0.0)
