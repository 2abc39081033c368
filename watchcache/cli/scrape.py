"""Prometheus' text format, read, and what two scrapes say about the time between them. Pure."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}

Labels = Mapping[str, str]


class Sample(NamedTuple):
    """One line: labels and value."""

    labels: Labels
    value: float


class Scrape:
    """The samples of one moment, by name."""

    def __init__(self, text: str, time: float = 0.0) -> None:
        """`time` is when it was taken, in seconds of any clock."""
        self.time = time
        self._samples: defaultdict[str, list[Sample]] = defaultdict(list)
        for line in text.splitlines():
            found = None if line.startswith("#") else _SAMPLE.match(line)
            if found:
                self._samples[found[1]].append(Sample(_labels(found[2] or ""), float(found[3])))

    def __contains__(self, name: str) -> bool:
        return name in self._samples

    def samples(self, name: str, **labels: str) -> Iterator[Sample]:
        """The samples of a name that have these labels."""
        for sample in self._samples.get(name, ()):
            if all(sample.labels.get(label) == value for label, value in labels.items()):
                yield sample

    def sum(self, name: str, **labels: str) -> float:
        """All of them together; 0 when there are none."""
        return math.fsum(sample.value for sample in self.samples(name, **labels))

    def held(self, name: str, **labels: str) -> float:
        """As `sum`, of something that every process of a server holds all of: that of the one which holds most."""
        by_process: defaultdict[str, float] = defaultdict(float)
        for sample in self.samples(name, **labels):
            by_process[sample.labels.get("process", "")] += sample.value
        return max(by_process.values(), default=0.0)

    def buckets(self, name: str, **labels: str) -> dict[float, float]:
        """A histogram over all its labels: upper bound -> how many values are at or below it."""
        found: defaultdict[float, float] = defaultdict(float)
        for sample in self.samples(f"{name}_bucket", **labels):
            found[float(sample.labels["le"])] += sample.value
        return dict(found)


def _labels(text: str) -> Labels:
    return {
        name: re.sub(r"\\.", lambda m: _ESCAPES.get(m[0], m[0]), value)
        for name, value in _LABEL.findall(text)
    }


class Span:
    """From one scrape to a later one."""

    def __init__(self, before: Scrape, after: Scrape) -> None:
        self.before = before
        self.after = after
        self.seconds = max(after.time - before.time, 1e-9)

    def rate(self, name: str, **labels: str) -> float:
        """A counter's increase in a second. A counter that fell has started anew with its process."""
        return self._rate(self.before.sum(name, **labels), self.after.sum(name, **labels))

    def held_rate(self, name: str, **labels: str) -> float:
        """The same of what every process counts for itself, as all see the same events."""
        return self._rate(self.before.held(name, **labels), self.after.held(name, **labels))

    def _rate(self, before: float, after: float) -> float:
        return (after - before if after >= before else after) / self.seconds

    def quantile(self, part: float, name: str, **labels: str) -> float | None:
        """The value below which that part of a histogram's new values lie, in its unit; None without new values."""
        old, new = self.before.buckets(name, **labels), self.after.buckets(name, **labels)
        grown = {bound: count - old.get(bound, 0.0) for bound, count in sorted(new.items())}
        return quantile(part, grown)


def quantile(part: float, cumulative: Mapping[float, float]) -> float | None:
    """Linear within the bucket, as Prometheus' histogram_quantile; bounds rise."""
    total = max(cumulative.values(), default=0.0)
    if total <= 0:
        return None
    rank, low, below = part * total, 0.0, 0.0
    for bound, count in cumulative.items():
        if count >= rank:
            if math.isinf(bound):
                return low
            return low + (bound - low) * ((rank - below) / (count - below) if count > below else 1.0)
        low, below = bound, count
    return low
