"""A histogram of durations with a bounded relative error, as HdrHistogram's: small, mergeable, exact in its counts.

Values are whole microseconds. Up to 128 each has a bucket of its own; above, every power of two is cut in 64, so that a
percentile is at most 1.6 % too high and never too low. Memory grows with the spread of the values, not with their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_EXACT = 128
_BITS = 7  # of a value's leading bits, these tell the buckets apart: 1/64 of the value


class Histogram:
    """Counts by bucket; `counts` maps a bucket's number to how many values fell in it."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: dict[int, int] = dict(counts or {})

    def record(self, microseconds: int) -> None:
        """Count one value; negative ones (clocks of two processes may differ by a little) count as 0."""
        if microseconds < _EXACT:
            bucket = max(microseconds, 0)
        else:
            shift = microseconds.bit_length() - _BITS
            bucket = (shift << 6) + (microseconds >> shift)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def merge(self, counts: Mapping[int, int]) -> None:
        """Add another histogram's counts."""
        mine = self.counts
        for bucket, count in counts.items():
            mine[bucket] = mine.get(bucket, 0) + count

    @property
    def total(self) -> int:
        """How many values were recorded."""
        return sum(self.counts.values())

    @property
    def largest(self) -> int:
        """The upper edge of the highest bucket in use; 0 when empty."""
        return top_of(max(self.counts)) if self.counts else 0

    @property
    def mean(self) -> float:
        """The mean of the buckets' upper edges; 0 when empty."""
        total = self.total
        return sum(top_of(bucket) * count for bucket, count in self.counts.items()) / total if total else 0.0

    def percentile(self, percent: float) -> int:
        """The least bucket edge that at least `percent` of the values do not exceed; 0 when empty."""
        wanted = self.total * percent / 100
        below = 0
        for bucket in sorted(self.counts):
            below += self.counts[bucket]
            if below >= wanted:
                return top_of(bucket)
        return 0

    def curve(self) -> Iterator[tuple[float, int]]:
        """(share of the values up to here, 0 to 1; upper edge in microseconds), ascending."""
        total, below = self.total, 0
        for bucket in sorted(self.counts):
            below += self.counts[bucket]
            yield below / total, top_of(bucket)


def top_of(bucket: int) -> int:
    """The largest value that falls in a bucket."""
    if bucket < _EXACT:
        return bucket
    shift = (bucket >> 6) - 1
    return ((bucket - (shift << 6) + 1) << shift) - 1
