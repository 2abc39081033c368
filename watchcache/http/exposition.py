"""Families of samples as text, through prometheus_client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec


class Bucketed(Protocol):
    """A distribution: `counts[i]` values lie at or below `bounds[i]` and above the one before; the last count is the rest."""

    bounds: tuple[float, ...]
    counts: list[int]
    sum: float


class Family(msgspec.Struct):
    """A metric: its samples are (label values, number or distribution)."""

    type: str  # counter | gauge | histogram
    name: str
    help: str
    labels: Sequence[str] = ()
    samples: list[tuple[Sequence[str], Any]] = msgspec.field(default_factory=list)


def exposition(families: Iterable[Family], *, process: bool = True) -> bytes:
    """Text of format version 0.0.4, with the process's and the interpreter's own metrics unless told otherwise."""
    # 60 ms of import that only a scraped server pays
    from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector  # noqa: PLC0415
    from prometheus_client.exposition import generate_latest  # noqa: PLC0415

    registry = CollectorRegistry(auto_describe=False)
    for collector in (ProcessCollector, PlatformCollector, GCCollector) if process else ():
        collector(registry=registry)
    registry.register(_Collector(families))
    text: bytes = generate_latest(registry)
    return text


class _Collector:
    """Hands families to prometheus_client."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = list(families)

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Iterator[Any]:
        return (_metric(family) for family in self._families)


def _metric(family: Family) -> Any:
    from prometheus_client import core  # noqa: PLC0415

    if family.type == "histogram":
        histogram = core.HistogramMetricFamily(family.name, family.help, labels=family.labels)
        for values, distribution in family.samples:
            histogram.add_metric(values, _cumulative(distribution), distribution.sum)
        return histogram
    make = core.CounterMetricFamily if family.type == "counter" else core.GaugeMetricFamily
    metric = make(family.name, family.help, labels=family.labels)
    for values, number in family.samples:
        metric.add_metric(values, number)
    return metric


def _cumulative(distribution: Bucketed) -> list[tuple[str, float]]:
    """The buckets, named as Go writes their bounds ("1", not "1.0"): series of a kube-apiserver and ours must add up."""
    buckets, total = [], 0
    for bound, count in zip((*distribution.bounds, float("inf")), distribution.counts, strict=True):
        total += count
        buckets.append(("+Inf" if bound == float("inf") else f"{bound:g}", float(total)))
    return buckets
