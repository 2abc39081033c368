"""A histogram in the making: what is counted where something happens, and read when somebody asks for metrics."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable


class Distribution:
    """`counts[i]` values were at or below `bounds[i]` and above the bound before; the last count is the rest."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value that many times."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times

    def observe_all(self, values: Iterable[float]) -> None:
        """Count each of the values once."""
        counts, bounds = self.counts, self.bounds
        for value in values:
            counts[bisect_left(bounds, value)] += 1
            self.sum += value

    def __bool__(self) -> bool:
        """Whether anything has been counted."""
        return any(self.counts)
